import type { Batch, Outcome } from "@effect-eventbus/core/Broker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Job, JobResult } from "../src/internal/engine.ts"
import { failure, protocolFailure } from "../src/internal/failure.ts"
import { ProducerState } from "../src/internal/producer.ts"
import { record } from "./fixtures/spi.ts"

const limit = 10_000

/** A client that says nothing by itself. */
const silent = Effect.map(Clock.Clock, (clock) => {
  const open: Array<{ readonly job: Job; readonly answer: (result: JobResult) => void }> = []
  let restarts = 0
  const state = new ProducerState({
    clock,
    sender: {
      produce: (jobs, done) => {
        for (const job of jobs) open.push({ job, answer: (result) => done(job, result) })
      },
      giveUp: () => {
        restarts++
      },
      close: () => Promise.resolve()
    },
    sendTimeoutMillis: 20_000,
    requestTimeoutMillis: 5000,
    maxBufferedBytes: 1_000_000,
    maxMessageBytes: () => limit,
    onAck: () => {}
  })
  return { state, open, restarts: () => restarts }
})

const batch = (ids: ReadonlyArray<string>, partition = 0, bytes = 10) => {
  const told = new Map<string, Outcome>()
  const records = ids.map((id) => record(id, { partition, body: new Uint8Array(bytes) }))
  const settle = (index: number, outcome: Outcome): void => {
    const { eventId } = records[index]!
    if (told.has(eventId)) throw new Error(`${eventId} was answered for twice`)
    told.set(eventId, outcome)
  }
  const made: Batch = {
    topic: {
      name: "orders",
      partitions: 2,
      replicas: 1,
      storage: "file",
      retention: {},
      dedupeWindowMillis: 0
    },
    lane: String(partition),
    epoch: 1,
    records,
    resend: false,
    atomic: false,
    settle,
    settleAll: (outcome) => records.forEach(({ eventId }, i) => told.has(eventId) || settle(i, outcome))
  }
  return { made, told }
}

const tags = (told: ReadonlyMap<string, Outcome>) => [...told].map(([id, { _tag }]) => `${id} ${_tag}`)

describe("a producer", () => {
  it.effect("the tries of an overdue batch end once, and nobody else's do", () =>
    Effect.gen(function*() {
      const { open, restarts, state } = yield* silent
      yield* Effect.forkScoped(state.watch)
      const stuck = batch(["a"])
      yield* state.send([stuck.made])
      yield* TestClock.adjust("21 seconds")
      assert.strictEqual(restarts(), 1)
      const fresh = batch(["b"], 1)
      yield* state.send([fresh.made])
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(restarts(), 1)
      open[1]!.answer({ _tag: "Stored", baseOffset: 7n })
      assert.deepStrictEqual(tags(fresh.told), ["b Stored"])
    }))

  it.effect("what the client never answers for ends as ambiguous, once, and its lane goes on", () =>
    Effect.gen(function*() {
      const { open, state } = yield* silent
      yield* Effect.forkScoped(state.watch)
      const stuck = batch(["a", "b"])
      yield* state.send([stuck.made])
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(tags(stuck.told), ["a Ambiguous", "b Ambiguous"])
      open[0]!.answer({ _tag: "Stored", baseOffset: 1n })
      const next = batch(["c"])
      yield* state.send([next.made])
      open[1]!.answer({ _tag: "Stored", baseOffset: 2n })
      assert.deepStrictEqual(tags(next.told), ["c Stored"])
    }))

  it.effect("a record that is one byte too large is refused before it is sent, its neighbours go", () =>
    Effect.gen(function*() {
      const { open, state } = yield* silent
      const { made, told } = batch(["a", "b", "c"])
      const large = {
        ...made,
        records: [made.records[0]!, record("b", { body: new Uint8Array(limit) }), made.records[2]!]
      }
      yield* state.send([large])
      assert.deepStrictEqual(tags(told), ["b NotStored"])
      assert.deepStrictEqual(open[0]!.job.records.map(({ eventId }) => eventId), ["a", "c"])
      open[0]!.answer({ _tag: "Stored", baseOffset: 0n })
      assert.deepStrictEqual(tags(told), ["b NotStored", "a Stored", "c Stored"])
    }))

  it.effect("a part that was not stored takes what is behind it along, so that nothing overtakes it", () =>
    Effect.gen(function*() {
      const { open, state } = yield* silent
      const { made, told } = batch(["a", "b", "c"], 0, 6000)
      yield* state.send([made])
      assert.strictEqual(open.length, 1)
      open[0]!.answer({ _tag: "Failed", failures: [protocolFailure("NOT_ENOUGH_REPLICAS", "no")] })
      assert.deepStrictEqual(tags(told), ["a NotStored", "b NotStored", "c NotStored"])
      assert.strictEqual(open.length, 1)
    }))

  it.effect("a refusal after a lost connection is no proof of absence", () =>
    Effect.gen(function*() {
      const { open, state } = yield* silent
      const { made, told } = batch(["a"])
      yield* state.send([made])
      open[0]!.answer({
        _tag: "Failed",
        failures: [failure("lost", "reset"), protocolFailure("MESSAGE_TOO_LARGE", "no")]
      })
      assert.deepStrictEqual(tags(told), ["a Ambiguous"])
    }))

  it.effect("closing answers for what the client has not, and takes nothing any more", () =>
    Effect.gen(function*() {
      const { open, state } = yield* silent
      const { made, told } = batch(["a"])
      yield* state.send([made])
      const closing = yield* Effect.forkChild(state.close, { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      yield* Effect.promise(() => Promise.resolve())
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(tags(told), ["a Ambiguous"])
      assert.isDefined(closing.pollUnsafe())
      const late = batch(["b"])
      yield* state.send([late.made])
      assert.deepStrictEqual(tags(late.told), ["b NotStored"])
      assert.strictEqual(open.length, 1)
    }))
})
