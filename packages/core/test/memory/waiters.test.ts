import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Waiters } from "../../src/internal/memory/waiters.ts"

/** A scheduler that runs its tasks when it is told to. */
const make = () => {
  let tasks: Array<() => void> = []
  return {
    waiters: new Waiters((task) => {
      tasks.push(task)
    }),
    scheduled: () => tasks.length,
    run: () => {
      const due = tasks
      tasks = []
      for (const task of due) task()
    }
  }
}

const never = () => false

describe("Waiters", () => {
  it.effect("resumes everybody who waits, later", () =>
    Effect.gen(function*() {
      const { run, scheduled, waiters } = make()
      const fibers = [
        yield* Effect.forkChild(waiters.wait(never), { startImmediately: true }),
        yield* Effect.forkChild(waiters.wait(never), { startImmediately: true })
      ]
      waiters.wake()
      waiters.wake()
      assert.strictEqual(scheduled(), 1)
      assert.isUndefined(fibers[0]!.pollUnsafe())
      run()
      yield* Fiber.joinAll(fibers)
      waiters.wake()
      assert.strictEqual(scheduled(), 0)
    }))

  it.effect("goes on at once when the condition holds after it has registered", () => make().waiters.wait(() => true))

  it.effect("an interrupted fiber is forgotten, also between the wake-up and its turn", () =>
    Effect.gen(function*() {
      const { run, scheduled, waiters } = make()
      const first = yield* Effect.forkChild(waiters.wait(never), { startImmediately: true })
      yield* Fiber.interrupt(first)
      waiters.wake()
      assert.strictEqual(scheduled(), 0)
      const second = yield* Effect.forkChild(waiters.wait(never), { startImmediately: true })
      const third = yield* Effect.forkChild(waiters.wait(never), { startImmediately: true })
      waiters.wake()
      yield* Fiber.interrupt(second)
      run()
      yield* Fiber.join(third)
    }))

  it.effect("one that waits again while the others are resumed waits for the next wake-up", () =>
    Effect.gen(function*() {
      const { run, waiters } = make()
      let rounds = 0
      const loop = Effect.forever(Effect.tap(waiters.wait(never), () => Effect.sync(() => rounds++)), {
        disableYield: true
      })
      const fiber = yield* Effect.forkChild(loop, { startImmediately: true })
      waiters.wake()
      run()
      assert.strictEqual(rounds, 1)
      waiters.wake()
      run()
      assert.strictEqual(rounds, 2)
      yield* Fiber.interrupt(fiber)
    }))
})
