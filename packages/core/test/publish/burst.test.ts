import { type Event, EventBus, Publisher } from "@effect-eventbus/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { OrderPlaced, Orders } from "../fixtures/orders.ts"
import { settleDown } from "../fixtures/pipeline.ts"
import * as Scripted from "../fixtures/scriptedBroker.ts"

const some = (count: number) =>
  Array.from({ length: count }, (_, i) => OrderPlaced.make({ orderId: `order-${i % 7}`, total: i }))

/** Sizes of the hand-overs of whatever `publish` publishes, to a driver with this burst. */
const handOvers = <E>(
  burst: number | undefined,
  publish: (publisher: Publisher.Publisher["Service"], script: Scripted.Script) => Effect.Effect<unknown, E>
) =>
  Effect.gen(function*() {
    const fields = { key: "topic", maxInFlight: 1000, maxBatch: 1000 } as const
    const policy = Scripted.policy(burst === undefined ? fields : { ...fields, burst })
    const { layer, script } = yield* Scripted.make(policy)
    const bus = EventBus.layer({ topics: [Orders], batchSize: 1000, drainTimeout: "0 millis" }).pipe(
      Layer.provide(layer)
    )
    return yield* Effect.gen(function*() {
      yield* publish(yield* Publisher.Publisher, script)
      yield* settleDown
      return script.history.map(({ records }) => records.length)
    }).pipe(Effect.provide(bus))
  })

const sum = (sizes: ReadonlyArray<number>): number => sizes.reduce((total, size) => total + size, 0)

describe("a burst", () => {
  const asynchronously = (publisher: Publisher.Publisher["Service"]) =>
    Effect.forEach(some(300), (envelope) => publisher.publishAsync(Orders, envelope), { discard: true })

  it.effect("of publishAsync goes out in parts, while the rest is still published", () =>
    Effect.gen(function*() {
      const sizes = yield* handOvers(undefined, asynchronously)
      assert.strictEqual(sum(sizes), 300)
      assert.strictEqual(Math.max(...sizes), 64)
    }))

  it.effect("is as large as the driver says", () =>
    Effect.gen(function*() {
      assert.strictEqual(Math.max(...yield* handOvers(10, asynchronously)), 10)
      assert.deepStrictEqual(yield* handOvers(1000, asynchronously), [300])
    }))

  it.effect("of less than one is one", () =>
    Effect.gen(function*() {
      for (const burst of [0, -1, Number.NaN]) {
        assert.strictEqual(sum(yield* handOvers(burst, asynchronously)), 300)
      }
    }))

  it.effect("of several fibers goes out in parts, whichever of them published most", () =>
    Effect.gen(function*() {
      const sizes = yield* handOvers(10, (publisher) =>
        Effect.forEach([1, 2, 3, 4], () => asynchronously(publisher), { concurrency: "unbounded" }))
      assert.strictEqual(sum(sizes), 1200)
      // One more of each fiber, which finds out only then.
      assert.isAtMost(Math.max(...sizes), 14)
    }))

  it.effect("of a stream goes out in parts", () =>
    Effect.gen(function*() {
      const sizes = yield* handOvers(10, (publisher, script) =>
        Effect.gen(function*() {
          const sink = yield* Effect.forkChild(Stream.run(Stream.fromIterable(some(100)), publisher.sink(Orders)))
          yield* settleDown
          for (const batch of script.batches) batch.settleAll(Scripted.stored)
          return sink
        }))
      assert.strictEqual(sum(sizes), 100)
      assert.isAtMost(Math.max(...sizes), 10)
    }))

  it.effect("of those whom an acknowledgement of many has woken goes out in parts", () =>
    Effect.gen(function*() {
      const sizes = yield* handOvers(10, (publisher, script) =>
        Effect.gen(function*() {
          const twice = (envelope: Event.EnvelopeOf<typeof OrderPlaced>) =>
            Effect.andThen(
              publisher.publish(Orders, envelope),
              publisher.publish(Orders, { ...envelope, eventId: `${envelope.eventId}-2` })
            )
          for (const envelope of some(100)) yield* Effect.forkChild(twice(envelope))
          yield* settleDown
          assert.strictEqual(sum(script.history.map(({ records }) => records.length)), 100)
          script.history.length = 0
          for (const batch of script.batches.splice(0)) batch.settleAll(Scripted.stored)
          yield* settleDown
        }))
      assert.strictEqual(sum(sizes), 100)
      assert.isAtMost(Math.max(...sizes), 10)
    }))
})
