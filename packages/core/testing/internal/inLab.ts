/**
 * Runs something in a lab of its own: with a `TestClock` where the subject lives by one, in silence, within a limit of
 * real time, and with everything closed at the end.
 */
import { Duration, Effect, Exit, Fiber, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Lab from "../Lab.ts"
import type { Subject } from "../Subject.ts"
import * as Time from "./time.ts"

export const limitOf = (subject: Subject): number =>
  Duration.toMillis(Duration.fromInputUnsafe(subject.limit ?? (subject.time === "test" ? "20 seconds" : "2 minutes")))

/** Everything that was opened is closed while time goes by: finalizers may wait for what hangs. */
const inTime = Effect.fnUntraced(function*<A, E>(
  subject: Subject,
  use: (lab: Lab.Lab["Service"]) => Effect.Effect<A, E>
): Effect.fn.Return<Exit.Exit<A, E | Lab.LawViolation>> {
  const time = Time.make(subject)
  const root = yield* Scope.make()
  const outcome = yield* Effect.exit(Effect.flatMap(Scope.provide(Lab.make(subject), root), use))
  if (subject.mend !== undefined) yield* subject.mend
  const closed = yield* Effect.exit(time.await("everything closes", Scope.close(root, Exit.void)))
  return Exit.isFailure(outcome) || Exit.isSuccess(closed) ? outcome : Exit.failCause(closed.cause)
})

export const run = Effect.fnUntraced(function*<A, E>(
  subject: Subject,
  use: (lab: Lab.Lab["Service"]) => Effect.Effect<A, E>
): Effect.fn.Return<Exit.Exit<A, E | Lab.LawViolation>> {
  const body = inTime(subject, use)
  const limit = limitOf(subject)
  const fiber = yield* (subject.time === "test" ? Effect.provide(body, TestClock.layer()) : body).pipe(
    Effect.provide(Logger.layer([])),
    // In a fiber that can be left alone: what a broken broker has hung may not be interruptible.
    Effect.forkDetach
  )
  const outcome = yield* Effect.timeoutOption(Fiber.join(fiber), limit).pipe(
    Effect.onInterrupt(() => Effect.sync(() => fiber.interruptUnsafe()))
  )
  if (outcome._tag === "Some") return outcome.value
  fiber.interruptUnsafe()
  return Exit.fail(Time.violated(`did not end within ${limit} ms of real time`))
})
