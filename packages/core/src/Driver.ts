/**
 * Tools for those who write a driver (the contract in `Broker`). Application code never needs this module.
 *
 * @since 0.1.0
 */
import { Duration, Effect } from "effect"
import type * as BrokerError from "./BrokerError.ts"

export {
  /**
   * A wake-up for one waiting fiber, remembered when nobody waits: between a client's callbacks and the fiber that works.
   *
   * @category models
   * @since 0.1.0
   */
  Signal
} from "./internal/signal.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface FirstConnectionOptions {
  /** What is looked for, in the log. */
  readonly system: string
  /** After this no new attempt begins. 0: there is one attempt. */
  readonly within: Duration.Input
  /** Between two attempts. */
  readonly pause: Duration.Input
}

/**
 * Opens a driver's first connection. A service and its broker are often started together, so a broker that is not there
 * yet is waited for: an attempt whose failure is retryable is made again until `within` has passed, and the last
 * failure is the result. What no waiting mends (credentials, options) fails at once. The first failure is logged as a
 * warning, so that nobody waits in the dark.
 *
 * @category constructors
 * @since 0.1.0
 */
export const firstConnection = <A, R>(
  attempt: Effect.Effect<A, BrokerError.BrokerError, R>,
  options: FirstConnectionOptions
): Effect.Effect<A, BrokerError.BrokerError, R> =>
  Effect.clockWith((clock) => {
    const within = Duration.toMillis(Duration.fromInputUnsafe(options.within))
    const pause = Duration.toMillis(Duration.fromInputUnsafe(options.pause))
    const start = clock.monotonicTimeNanosUnsafe()
    let told = false
    const tell = (error: BrokerError.BrokerError) =>
      Effect.suspend(() => {
        if (told) return Effect.void
        told = true
        const time = Duration.format(Duration.millis(within))
        return Effect.logWarning(
          `${options.system} cannot be reached yet (${error.message}); trying again for ${time}`
        )
      })
    const attempts: Effect.Effect<A, BrokerError.BrokerError, R> = attempt.pipe(
      Effect.catch((error) => {
        const left = within - Number(clock.monotonicTimeNanosUnsafe() - start) / 1e6
        if (!error.isRetryable || left <= 0) return Effect.fail(error)
        return Effect.andThen(tell(error), Effect.andThen(Effect.sleep(Math.min(pause, left)), attempts))
      })
    )
    return attempts
  })
