import * as Broker from "@effect-eventbus/core/Broker"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Orders } from "../fixtures/orders.ts"

// The timer was set to `touched + ackWait` and compared with `now - ackWait`: with fractions of milliseconds the two
// rounded differently, and the timer was set again for the same moment, for ever.
it.effect("an ack wait that ends at a fraction of a millisecond ends once", () =>
  Effect.gen(function*() {
    const broker = yield* Broker.Broker
    yield* broker.ensureTopic(Orders, "createOnly")
    yield* TestClock.adjust(185.608933)
    yield* broker.health({ probe: Orders })
    const consumer = yield* broker.consumer({
      topic: Orders,
      group: "g",
      from: "earliest",
      maxInFlight: 10,
      maxInFlightBytes: 1e6,
      ackWaitMillis: 1000
    })
    assert.strictEqual((yield* consumer.poll(10))[0]?.attempt, 1)
    yield* TestClock.adjust(1000)
    assert.strictEqual((yield* consumer.poll(10))[0]?.attempt, 2)
  }).pipe(Effect.provide(MemoryBroker.layer())))
