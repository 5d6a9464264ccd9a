import { Clock, Effect } from "effect"

/**
 * Completes with whether the condition came true within `millis`. It sleeps and looks again, so that it ends in time in a
 * finalizer, too, where nothing that is awaited could be interrupted.
 */
export const waitUntil = Effect.fnUntraced(function*(condition: () => boolean, millis: number) {
  const clock = yield* Clock.Clock
  const end = clock.monotonicTimeNanosUnsafe() + BigInt(Math.ceil(millis * 1e6))
  while (!condition()) {
    if (clock.monotonicTimeNanosUnsafe() >= end) return false
    yield* Effect.sleep(5)
  }
  return true
})
