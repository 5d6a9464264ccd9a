import * as Event from "@effect-eventbus/core/Event"
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as PublishStages from "@effect-eventbus/core/PublishStages"
import * as Topic from "@effect-eventbus/core/Topic"
import * as Wire from "@effect-eventbus/core/Wire"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"

const Placed = Event.make("Placed", {
  version: 1,
  payload: Schema.Struct({ id: Schema.String }),
  aggregateId: ({ id }) => id
})

/** Every reading of the recorder's clock is one later than the one before. */
const recorded = (messages: number, every: number, wire?: Wire.Wire) => {
  const orders = Topic.make("orders", { events: [Placed], partitions: 2, ...(wire === undefined ? {} : { wire }) })
  const moments: Array<PublishStages.Moments> = []
  let reading = 0
  const recorder: PublishStages.Recorder = {
    every,
    now: () => ++reading,
    record: (one) => moments.push({ ...one })
  }
  return Effect.gen(function*() {
    const publisher = yield* Publisher.Publisher
    for (let n = 0; n < messages; n++) yield* publisher.publishAsync(orders, Placed.make({ id: `order-${n % 7}` }))
    yield* publisher.flush
    return moments
  }).pipe(
    Effect.provide(EventBus.layer({ maxPending: 16 }).pipe(Layer.provide(MemoryBroker.layer()))),
    Effect.provideService(PublishStages.PublishStages, recorder)
  )
}

const inOrder = [
  "begun",
  "validated",
  "encoded",
  "accepted",
  "handedOver",
  "taken",
  "answered",
  "settled"
] as const

describe("the stages of a publish", () => {
  it.live.each([Wire.json, Wire.cloudEvents({ source: "/test" })])(
    "follow each other: $name",
    (wire) =>
      Effect.gen(function*() {
        const moments = yield* recorded(50, 1, wire)
        assert.strictEqual(moments.length, 50)
        for (const one of moments) {
          const times = inOrder.map((name) => one[name])
          assert.deepStrictEqual(times, times.toSorted((a, b) => a - b))
          assert.isAbove(one.validated, one.begun)
          assert.isAbove(one.encoded, one.validated)
          assert.isAbove(one.settled, one.answered)
        }
      })
  )

  it.live("are those of every n-th message", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* recorded(100, 10)).length, 10)
      assert.strictEqual((yield* recorded(101, 10)).length, 11)
    }))
})
