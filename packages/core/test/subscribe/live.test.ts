import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as MemoryBroker from "../../src/MemoryBroker.ts"
import * as Subscriber from "../../src/Subscriber.ts"
import { bus, lag, Orders, placed, publishAll, statusOf } from "../fixtures/subscribing.ts"

/** Blocks the whole process, as a heavy computation does. */
const block = (millis: number) => {
  const end = performance.now() + millis
  while (performance.now() < end) { /* nothing */ }
}

const until = (condition: Effect.Effect<boolean, unknown, Subscriber.Subscriber | MemoryBroker.MemoryBroker>) =>
  Effect.sleep(5).pipe(Effect.andThen(Effect.orDie(condition)), Effect.repeat({ until: (done) => done }))

describe("with the real clock", () => {
  it.live("a handler that blocks the process for longer than the ack wait: what is redelivered meanwhile is not handled twice", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 8 }, (_, n) => placed(`o${n % 2}`, n)))
      const seen: Array<number> = []
      const subscriber = yield* Subscriber.Subscriber
      const subscription = yield* subscriber.subscribe(Orders, {
        group: "g",
        ackWait: "60 millis",
        handlers: {
          Placed: ({ payload }) =>
            Effect.andThen(
              Effect.sync(() => {
                seen.push(payload.n)
                if (payload.n < 2) block(150)
              }),
              Effect.sleep(10)
            ),
          Shipped: () => Effect.void
        }
      })
      yield* until(Effect.sync(() => seen.length >= 8))
      yield* Effect.sleep(150)
      assert.deepStrictEqual(seen.toSorted((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7])
      const { counters } = yield* statusOf(subscription)
      assert.deepInclude(counters, { received: 8, handled: 8 })
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))

  it.live("one handler fails, one dies, one hangs, one is slow: nothing lost, order kept", () =>
    Effect.gen(function*() {
      const orders = ["fails", "dies", "hangs", "slow", "fine"]
      yield* publishAll(Orders, Array.from({ length: 50 }, (_, n) => placed(orders[n % 5] ?? "", n)))
      const tries = new Map<number, number>()
      const done: Array<number> = []
      const subscriber = yield* Subscriber.Subscriber
      yield* subscriber.subscribe(Orders, {
        group: "g",
        ackWait: "30 millis",
        handlerTimeout: "60 millis",
        handlers: {
          Placed: ({ payload: { n, order } }) =>
            Effect.suspend(() => {
              const attempt = (tries.get(n) ?? 0) + 1
              tries.set(n, attempt)
              const finish = Effect.sync(() => done.push(n))
              if (order === "slow") return Effect.andThen(Effect.sleep(45), finish)
              if (order === "fine" || attempt > 1 || n % 3 !== 0) return finish
              if (order === "fails") return Effect.fail("no")
              return order === "dies" ? Effect.die(new Error("broken")) : Effect.never
            }),
          Shipped: () => Effect.void
        }
      })
      yield* until(Effect.sync(() => done.length >= 50))
      yield* Effect.sleep(20)
      assert.strictEqual(new Set(done).size, 50)
      assert.strictEqual(done.length, 50)
      for (let o = 0; o < 5; o++) {
        const mine = done.filter((n) => n % 5 === o)
        assert.deepStrictEqual(mine, mine.toSorted((a, b) => a - b))
      }
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))
})
