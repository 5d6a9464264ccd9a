import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Counter } from "../src/counting.ts"
import { perMessage } from "../src/workload/flat.ts"

const counted = <A, E>(effect: Effect.Effect<A, E>) => {
  const counter = new Counter()
  return Effect.map(counter.watch(counter.during(effect)), ([, taken]) => taken)
}

describe("the counter", () => {
  it.live("sees each fiber", () =>
    Effect.gen(function*() {
      const { fibers } = yield* counted(
        Effect.forEach([1, 2, 3], () => Effect.forkChild(Effect.void), { discard: true })
      )
      assert.strictEqual(fibers, 3)
    }))

  it.live("sees each timer", () =>
    Effect.gen(function*() {
      const { timers } = yield* counted(Effect.forEach([1, 2, 3], () => Effect.sleep(1), { discard: true }))
      assert.strictEqual(timers, 3)
    }))
})

describe("a message", () => {
  it.live("takes neither a fiber nor a timer, and leaves none behind", () =>
    Effect.gen(function*() {
      const { after, before, counted: taken } = yield* perMessage(20_000)
      assert.isBelow(taken.fibers, 20)
      assert.isBelow(taken.timers, 20)
      assert.strictEqual(after.fibers, before.fibers)
    }))
})
