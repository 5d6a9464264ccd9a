import { assert, describe, it } from "vitest"
import { type Admin, EngineError } from "../src/internal/engine.ts"
import { type Failure, failure, protocolFailure } from "../src/internal/failure.ts"
import { passes, patient } from "../src/internal/patientAdmin.ts"

const never = () => Promise.reject(new Error("not asked in this test"))

/** An admin whose `describe` and `create` fail with these, one after the other, and then succeed. */
const admin = (...failures: ReadonlyArray<Failure>) => {
  let asked = 0
  let time = 0
  const answer = async () => {
    const found = failures[asked++]
    time += 10
    if (found !== undefined) throw new EngineError(found)
  }
  const own: Admin = {
    ping: answer,
    create: answer,
    describe: async () => {
      await answer()
      return undefined
    },
    maxMessageBytes: never,
    alter: never,
    grow: never,
    offsets: never,
    committed: never,
    commit: never,
    timestampAt: never,
    close: never
  }
  const sleep = async (millis: number) => {
    time += millis
  }
  return {
    asked: () => asked,
    admin: patient(own, { now: () => time, sleep, withinMillis: 1000, pauseMillis: 100 })
  }
}

const lost = failure("lost", "write ECONNRESET")
const loading = protocolFailure("COORDINATOR_LOAD_IN_PROGRESS", "not yet")
const denied = protocolFailure("TOPIC_AUTHORIZATION_FAILED", "no")

const rejected = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "nothing", (error: unknown) => error instanceof Error ? error.message : String(error))

describe("patient", () => {
  it("asks again where the connection was lost, or a coordinator is loading", async () => {
    const subject = admin(lost, loading, failure("timeout", "no answer"))
    await subject.admin.describe("t")
    assert.strictEqual(subject.asked(), 4)
  })

  it("gives up in time, with the last failure", async () => {
    const subject = admin(...Array.from({ length: 50 }, () => lost))
    assert.strictEqual(await rejected(subject.admin.describe("t")), "write ECONNRESET")
    assert.strictEqual(subject.asked(), 10)
  })

  it("does not ask again what was refused for good", async () => {
    const subject = admin(denied)
    assert.include(await rejected(subject.admin.describe("t")), "TOPIC_AUTHORIZATION_FAILED")
    assert.strictEqual(subject.asked(), 1)
  })

  it("asks for health only once, and creates again", async () => {
    assert.strictEqual(await rejected(admin(lost).admin.ping()), "write ECONNRESET")
    const subject = admin(failure("timeout", "no answer"))
    await subject.admin.create("t", { partitions: 1, replicas: 1, config: new Map() })
    assert.strictEqual(subject.asked(), 2)
  })

  it("does not wait for what no waiting mends", () => {
    for (const kind of ["closed", "tls", "unauthenticated", "usage"] as const) {
      assert.isFalse(passes(failure(kind, "")), kind)
    }
  })
})
