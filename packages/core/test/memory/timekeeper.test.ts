import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, type Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Timekeeper } from "../../src/internal/memory/timekeeper.ts"

const make = Effect.gen(function*() {
  const context = yield* Effect.context<never>()
  const fork = Effect.runForkWith(context)
  const fibers: Array<Fiber.Fiber<void>> = []
  const timers = new Timekeeper(yield* Clock.Clock, (effect) => {
    const fiber = fork(effect)
    fibers.push(fiber)
    return fiber
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => timers.close()))
  const log: Array<string> = []
  return {
    timers,
    log,
    note: (text: string) => () => {
      log.push(text)
    },
    forks: () => fibers.length,
    sleeping: () => fibers.filter((fiber) => fiber.pollUnsafe() === undefined).length
  }
})

describe("Timekeeper", () => {
  it.effect("runs timers in the order of their times, in the order of making at the same time", () =>
    Effect.gen(function*() {
      const { log, note, timers } = yield* make
      timers.after(30, note("c"))
      timers.after(10, note("a"))
      timers.after(30, note("d"))
      timers.after(20, note("b"))
      yield* TestClock.adjust(9)
      assert.deepStrictEqual(log, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(log, ["a"])
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(log, ["a", "b", "c", "d"])
    }))

  it.effect("one fiber sleeps for all, none when there is no timer", () =>
    Effect.gen(function*() {
      const { forks, note, sleeping, timers } = yield* make
      assert.strictEqual(sleeping(), 0)
      const first = timers.after(10, note("a"))
      const second = timers.after(20, note("b"))
      assert.strictEqual(sleeping(), 1)
      timers.cancel(first)
      timers.cancel(second)
      assert.strictEqual(sleeping(), 0)
      assert.strictEqual(forks(), 1)
      timers.after(10, note("c"))
      yield* TestClock.adjust(10)
      assert.strictEqual(sleeping(), 0)
    }))

  it.effect("an earlier timer is not late, a cancelled one never runs", () =>
    Effect.gen(function*() {
      const { log, note, timers } = yield* make
      timers.after(1000, note("late"))
      const cancelled = timers.after(5, note("cancelled"))
      timers.after(10, note("early"))
      timers.cancel(cancelled)
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(log, ["early"])
      yield* TestClock.adjust(990)
      assert.deepStrictEqual(log, ["early", "late"])
    }))

  it.effect("a timer may set the next one", () =>
    Effect.gen(function*() {
      const { log, timers } = yield* make
      const tick = (): void => {
        log.push(String(timers.now()))
        if (log.length < 3) timers.after(10, tick)
      }
      timers.after(10, tick)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(log, ["10", "20", "30"])
    }))

  it.effect("runs nothing after it was closed, and never what is infinitely far", () =>
    Effect.gen(function*() {
      const { log, note, sleeping, timers } = yield* make
      timers.after(Infinity, note("never"))
      assert.strictEqual(sleeping(), 0)
      timers.after(10, note("a"))
      timers.close()
      timers.after(10, note("b"))
      assert.strictEqual(sleeping(), 0)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(log, [])
    }))
})
