import { PublishError, Timeout } from "@effect-eventbus/core/PublishError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { Run } from "../src/Run.ts"

const acked = Exit.succeed({ topic: "t", eventId: "e", partition: 0 })
const failed = (outcome: "rejected" | "unknown") =>
  Exit.fail(
    new PublishError({ outcome, topic: "t", eventId: "e", reason: new Timeout({ millis: 1, message: "late" }) })
  )

const isRoom = (run: Run): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(run.room, { startImmediately: true })
    const is = fiber.pollUnsafe() !== undefined
    yield* Fiber.interrupt(fiber)
    return is
  })

const publish = (run: Run): number => {
  const position = run.next(0, true)
  run.accepted(position, 0)
  return position
}

describe("Run", () => {
  it.effect("lets the publisher go no further ahead than its lead, from the first event not handled by all", () =>
    Effect.gen(function*() {
      const run = new Run({ groups: 2, lead: 4, places: 10 })
      for (let i = 0; i < 4; i++) {
        assert.isTrue(yield* isRoom(run))
        publish(run)
      }
      assert.isFalse(yield* isRoom(run))
      // Everything but the first: no room, since the log must keep the first.
      for (const position of [1, 2, 3, 1, 2, 3]) run.handled(position, 1)
      assert.isFalse(yield* isRoom(run))
      run.handled(0, 1)
      assert.strictEqual(run.handledByAll, 0)
      run.handled(0, 1)
      assert.strictEqual(run.handledByAll, 4)
      assert.isTrue(yield* isRoom(run))
    }))

  it.effect("is over when everything is settled and handled, and nothing more comes", () =>
    Effect.gen(function*() {
      const run = new Run({ groups: 1, lead: 4, places: 10 })
      const over = yield* Effect.forkChild(run.over, { startImmediately: true })
      const position = publish(run)
      run.handled(position, 1)
      run.finish()
      assert.isUndefined(over.pollUnsafe())
      run.settled(position, acked, 1)
      yield* Fiber.join(over)
    }))

  it.effect("waits for no group where an event was not stored, or nobody knows", () =>
    Effect.gen(function*() {
      const run = new Run({ groups: 2, lead: 4, places: 10 })
      run.settled(publish(run), failed("rejected"), 1)
      const doubtful = publish(run)
      run.settled(doubtful, failed("unknown"), 1)
      run.refused(
        run.next(0, true),
        failed("rejected").pipe(Exit.findErrorOption, (error) => {
          if (error._tag === "None") throw new Error("no error")
          return error.value
        })
      )
      run.finish()
      yield* run.over
      assert.deepStrictEqual([run.in, run.acked, run.failed, run.unknown], [3, 0, 2, 1])
      assert.deepStrictEqual(run.reasons, ["Timeout: late"])
      // It was stored after all.
      run.handled(doubtful, 2)
      assert.strictEqual(run.handledByAll, 3)
    }))

  it.effect("expects no group to handle a copy", () =>
    Effect.gen(function*() {
      const run = new Run({ groups: 2, lead: 4, places: 10 })
      const position = run.next(0, false)
      run.accepted(position, 0)
      run.settled(position, Exit.succeed({ topic: "t", eventId: "e", partition: 0, duplicate: true }), 1)
      run.finish()
      yield* run.over
      assert.deepStrictEqual([run.acked, run.repeated, run.handledByAll], [1, 1, 1])
    }))

  it.effect("stops a publisher that waits for room", () =>
    Effect.gen(function*() {
      const run = new Run({ groups: 1, lead: 2, places: 10 })
      publish(run)
      publish(run)
      assert.isFalse(yield* isRoom(run))
      run.stop()
      assert.isTrue(yield* isRoom(run))
      assert.isTrue(run.stopping)
    }))
})
