import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Store from "../src/brokers/store.ts"
import type { layer } from "../src/brokers/target.ts"
import { Counter } from "../src/counting.ts"
import { modes } from "../src/load/publishing.ts"
import { type Load, round } from "../src/load/round.ts"
import { shapeOf } from "../src/load/shape.ts"

const target = { broker: "memory", servers: [] } as const

const load = (changes: Partial<Load> = {}): Load => ({
  target,
  shape: shapeOf(600),
  how: "window",
  round: "test",
  partitions: 3,
  handled: true,
  stages: { every: 1 },
  ...changes
})

/** A broker that has something else than it was given: `change` sees the bodies of all topics. */
const planted = (change: (bodies: Array<Uint8Array>) => ReadonlyArray<Uint8Array>): ReturnType<typeof layer> =>
  Layer.effect(
    Store.Store,
    Effect.map(Store.Store, (store) =>
      Store.Store.of({
        ...store,
        read: (topics, partitions, take) => {
          const bodies: Array<Uint8Array> = []
          return Effect.andThen(
            store.read(topics, partitions, (body) => bodies.push(body)),
            Effect.sync(() => change(bodies).forEach(take))
          )
        }
      }))
  ).pipe(
    Layer.provide(Store.memory),
    Layer.provideMerge(Layer.unwrap(Effect.sync(() => MemoryBroker.layer())))
  )

const problemOf = (change: (bodies: Array<Uint8Array>) => ReadonlyArray<Uint8Array>) =>
  round(load({ connect: planted(change) })).pipe(
    Effect.match({ onFailure: ({ message }) => message, onSuccess: () => "" })
  )

describe("a round", () => {
  it.live.each([...modes, { perSecond: 3000 }])(
    "%s: everything is acknowledged, stored and handled, and timed",
    (how) =>
      Effect.gen(function*() {
        const done = yield* round(load({ how }))
        assert.strictEqual(done.acked, 600)
        assert.deepStrictEqual([done.failed, done.unknown], [0, 0])
        const fine = { distinct: 600, orderViolations: 0, gaps: 0, duplicates: 0, strangers: 0 }
        assert.deepStrictEqual(done.stored, fine)
        assert.deepStrictEqual(done.handled, fine)
        assert.isAtLeast(done.toHandledMillis, done.toAck.millis)
        const call = done.call.percentiles
        const ack = done.ack.percentiles
        const endToEnd = done.endToEnd.percentiles
        assert.isDefined(call)
        assert.isAbove(ack?.p50 ?? 0, 0)
        assert.isAbove(endToEnd?.max ?? 0, 0)
      })
  )

  it.live("of a broker that has lost a message gives no figure", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* problemOf((bodies) => bodies), "")
      assert.include(yield* problemOf((bodies) => bodies.slice(0, -1)), "in the broker: 1 of 600 missing")
      assert.include(yield* problemOf((bodies) => [...bodies, ...bodies.slice(-1)]), "1 twice")
      assert.include(yield* problemOf((bodies) => bodies.toReversed()), "out of order")
    }))

  it.live.each([...modes])("%s: sets no timer of its own, so it cannot sleep", (how) =>
    Effect.gen(function*() {
      const counter = new Counter()
      const [, taken] = yield* counter.watch(counter.during(round(load({ how, shape: shapeOf(4000) }))))
      // The bus's deadlines, the watch for a stall, the end of subscriptions: no more with ten times the messages.
      assert.isBelow(taken.timers, 400)
    }))

  it.live("at a fixed rate, what was late counts from when it was due", () =>
    Effect.gen(function*() {
      let blocked = true
      const done = yield* round(load({
        how: { perSecond: 1000 },
        handled: false,
        stages: {
          every: 1,
          // The openers are over, the load begins.
          reset: () => {
            blocked = false
          },
          record: () => {
            if (blocked) return
            blocked = true
            // The whole process stands still: nobody can publish meanwhile.
            const until = performance.now() + 200
            while (performance.now() < until);
          }
        }
      }))
      // Two hundred of six hundred were due while it stood still: a closed loop would have seen one slow message.
      assert.isAbove(done.ack.percentiles?.p90 ?? 0, 50)
      assert.isAbove(done.call.percentiles?.p90 ?? 0, 50)
    }))
})
