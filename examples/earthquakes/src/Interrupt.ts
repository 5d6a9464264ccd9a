/**
 * Ctrl-C, and SIGTERM: what was begun is brought to an end and reported, soon.
 *
 * `NodeRuntime.runMain` interrupts the main fiber at the first signal and ends the process with exit code 130 when it
 * is through. This module lets the work go on for a moment in between, and sees to it that the moment ends.
 */
import { Deferred, Effect, Fiber } from "effect"

/** From the first signal to the end of the process at the latest. */
const patienceMillis = 4500
/** One Ctrl-C may come more than once: from the terminal, and once more from npm. */
const oneKeystrokeMillis = 1000

/**
 * Runs `work` in a fiber of its own. When the fiber that waits for it is interrupted, `stop` completes, and the
 * interruption takes effect after `work` has ended by itself.
 */
export const graceful = <A, E, R>(
  work: (stop: Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const stop = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkDetach(work(Deferred.await(stop)))
      return yield* restore(Fiber.join(fiber)).pipe(
        Effect.onInterrupt(() => Effect.andThen(Deferred.succeed(stop, undefined), Fiber.await(fiber)))
      )
    })
  )

const giveUp = (): never => {
  process.stderr.write("\nended before everything was drained\n")
  process.exit(130)
}

/** While the scope is open: a second signal ends the process at once, and the first one does after a few seconds. */
export const lastResort = Effect.acquireRelease(
  Effect.sync(() => {
    let first: number | undefined
    let timer: NodeJS.Timeout | undefined
    const onSignal = (): void => {
      const now = performance.now()
      if (first === undefined) {
        first = now
        timer = setTimeout(giveUp, patienceMillis)
      } else if (now - first > oneKeystrokeMillis) {
        giveUp()
      }
    }
    process.on("SIGINT", onSignal)
    process.on("SIGTERM", onSignal)
    return () => {
      clearTimeout(timer)
      process.off("SIGINT", onSignal)
      process.off("SIGTERM", onSignal)
    }
  }),
  (uninstall) => Effect.sync(uninstall)
)
