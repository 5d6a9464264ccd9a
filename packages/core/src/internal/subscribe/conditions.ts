import { Effect } from "effect"

interface Waiter {
  readonly ready: () => boolean
  readonly resume: () => void
}

/**
 * Fibers that wait until something holds. Whoever changes what they look at calls `check` afterwards; it costs nothing
 * while nobody waits. Waiters are resumed inline, after they were taken off the list, so `check` may be called again by
 * what they do.
 */
export class Conditions {
  readonly #waiting = new Set<Waiter>()

  until(ready: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (ready()) {
        resume(Effect.void)
        return
      }
      const waiter: Waiter = { ready, resume: () => resume(Effect.void) }
      this.#waiting.add(waiter)
      return Effect.sync(() => {
        this.#waiting.delete(waiter)
      })
    })
  }

  check(): void {
    if (this.#waiting.size === 0) return
    for (const waiter of this.#waiting) {
      if (!waiter.ready()) continue
      this.#waiting.delete(waiter)
      waiter.resume()
    }
  }
}
