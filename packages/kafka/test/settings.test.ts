import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { decide, problems } from "../src/internal/settings.ts"
import type { Options } from "../src/KafkaConfig.ts"

const good: Options = { bootstrapBrokers: ["127.0.0.1:9092"] }

describe("options", () => {
  it("an unknown key is refused, wherever it stands", () => {
    const typo = {
      ...good,
      brokers: [],
      consumer: { maxBytes: 1, sesionTimeout: 1 },
      tls: { ca: "x", rejectUnauthorized: false },
      topics: { t: { growPartitions: true, x: 1 } }
    }
    assert.deepStrictEqual(problems(typo), [
      "brokers is not an option",
      "tls.rejectUnauthorized is not an option",
      "consumer.sesionTimeout is not an option",
      "topics.t.x is not an option"
    ])
  })

  it.effect("what contradicts itself is refused", () =>
    Effect.gen(function*() {
      const refused = (options: Options) => Effect.map(Effect.flip(decide(options)), ({ reason }) => reason.message)
      assert.include(yield* refused({ ...good, acks: "leader" }), "idempotent: false")
      assert.include(yield* refused({ bootstrapBrokers: [] }), "bootstrapBrokers")
      assert.include(yield* refused({ bootstrapBrokers: ["localhost"] }), "host:port")
      assert.include(yield* refused({ ...good, consumer: { handoverTimeout: "1 minute" } }), "handoverTimeout")
      assert.include(yield* refused({ ...good, consumer: { rebalanceTimeout: "1 second" } }), "rebalanceTimeout")
      assert.include(yield* refused({ ...good, requestTimeout: -1 }), "requestTimeout")
    }))

  it.effect("no secret gets into a message", () =>
    Effect.gen(function*() {
      const password = Redacted.make("s3cret")
      const options: Options = {
        ...good,
        bootstrapBrokers: ["x"],
        sasl: { mechanism: "PLAIN", username: "u", password }
      }
      const error = yield* Effect.flip(decide(options))
      assert.notInclude(JSON.stringify(error), "s3cret")
    }))

  it.effect("safe by default", () =>
    Effect.gen(function*() {
      const settings = yield* decide(good)
      assert.strictEqual(settings.acks, "all")
      assert.isTrue(settings.idempotent)
      assert.isTrue(settings.consumer.readCommitted)
      assert.strictEqual(settings.consumer.groupProtocol, "classic")
      assert.isBelow(settings.sendTimeoutMillis + settings.requestTimeoutMillis, 30_000)
    }))
})
