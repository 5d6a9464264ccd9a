import * as Event from "@effect-eventbus/core/Event"
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Topic from "@effect-eventbus/core/Topic"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"

const Placed = Event.make("Placed", {
  version: 1,
  payload: Schema.Struct({ id: Schema.String }),
  aggregateId: ({ id }) => id
})

const orders = Topic.make("orders", { events: [Placed], partitions: 3 })

describe("flush", () => {
  // 1. The last of the first envelopes settles, and wakes who waits in `flush`; 2. that fiber goes on within the
  // settlement, publishes more, and flushes again; 3. back in the loop that wakes, the new one was woken too, by what the
  // loop had found out before.
  it.live("waits again for what was published right after another flush", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      for (let flush = 1; flush <= 3; flush++) {
        for (let n = 0; n < 100; n++) yield* publisher.publishAsync(orders, Placed.make({ id: `order-${n % 7}` }))
        yield* publisher.flush
        assert.strictEqual((yield* publisher.pending).unsettled, 0)
        assert.strictEqual((yield* publisher.totals).acked, 100 * flush)
      }
    }).pipe(Effect.provide(EventBus.layer({ topics: [orders] }).pipe(Layer.provide(MemoryBroker.layer())))))
})
