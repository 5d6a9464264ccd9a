import { type Broker, MemoryBroker } from "@effect-eventbus/core"
import * as BrokerModule from "@effect-eventbus/core/Broker"
import * as PublishError from "@effect-eventbus/core/PublishError"
import type { Stored } from "@effect-eventbus/core/testing/ReadBack"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { listening, type Unclear, unexplained } from "../../src/faults/unclear.ts"

const stored = (...ids: ReadonlyArray<string>): ReadonlyArray<Stored> =>
  ids.map((eventId, i) => ({ topic: "t", partition: 0, offset: BigInt(i), eventId, aggregateId: "a", digest: "d" }))

const ambiguous: Broker.Outcome = { _tag: "Ambiguous", reason: new PublishError.Closed() }
const stays: Broker.Outcome = { _tag: "Stored", offset: 0n, duplicate: false }

describe("duplicates have a reason", () => {
  it("a planted duplicate without one is found, one with a reason is not", () => {
    assert.deepStrictEqual(unexplained(stored("a", "b", "a", "c", "c", "c"), new Set(["a"])), [
      "I5: c is stored 3 times, and no try of it was unclear"
    ])
    assert.deepStrictEqual(unexplained(stored("a", "b"), new Set()), [])
  })

  it.effect("hears of every try that was unclear, of one record and of the rest of a batch, and passes all answers on", () =>
    Effect.gen(function*() {
      const unclear: Unclear = new Set()
      const answers: Array<string> = []
      // A client that stores the first record of a batch and loses the answer for the others.
      const planted = Layer.effect(
        BrokerModule.Broker,
        Effect.map(BrokerModule.Broker, (inner) =>
          BrokerModule.Broker.of({
            ...inner,
            producer: Effect.map(inner.producer, ({ lanes }) => ({
              lanes,
              send: ([batch]) =>
                Effect.sync(() => {
                  batch?.settle(0, stays)
                  batch?.settleAll(ambiguous)
                })
            }))
          }))
      ).pipe(Layer.provide(MemoryBroker.layer()))
      yield* Effect.gen(function*() {
        const broker = yield* BrokerModule.Broker
        const { send } = yield* broker.producer
        const record = (eventId: string) => ({
          eventId,
          key: "k",
          partition: 0,
          headers: [],
          body: new Uint8Array(0),
          size: 1
        })
        yield* send([{
          topic: { name: "t", partitions: 1, replicas: 1, storage: "memory", retention: {}, dedupeWindowMillis: 0 },
          lane: "0",
          epoch: 1,
          records: [record("a"), record("b"), record("c")],
          resend: false,
          atomic: false,
          settle: (index, { _tag }) => void answers.push(`${index} ${_tag}`),
          settleAll: ({ _tag }, from = 0) => void answers.push(`from ${from} ${_tag}`)
        }])
      }).pipe(Effect.scoped, Effect.provide(listening(planted, unclear)))
      assert.deepStrictEqual([...unclear], ["b", "c"])
      assert.deepStrictEqual(answers, ["0 Stored", "from 0 Ambiguous"])
    }))
})
