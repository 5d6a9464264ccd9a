/**
 * Fibers that wait for something to change.
 *
 * Resuming a fiber runs it at once, on the stack of whoever resumes it, so a wake-up is a microtask of its own that
 * empties the list before it resumes anyone. No wake-up is lost: `wait` registers first and asks `ready` again.
 */
import { Effect } from "effect"

export class Waiters {
  #waiting = new Set<(effect: Effect.Effect<void>) => void>()
  #scheduled = false

  /** Completes after the next {@link wake}, or at once if `ready` already holds. It may complete in vain. */
  wait(ready: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (ready()) {
        resume(Effect.void)
        return
      }
      this.#waiting.add(resume)
      return Effect.sync(() => {
        this.#waiting.delete(resume)
      })
    })
  }

  /** Completes once `ready` holds. */
  until(ready: () => boolean): Effect.Effect<void> {
    return Effect.suspend(() => ready() ? Effect.void : Effect.flatMap(this.wait(ready), () => this.until(ready)))
  }

  wake(): void {
    if (this.#scheduled || this.#waiting.size === 0) return
    this.#scheduled = true
    queueMicrotask(this.#release)
  }

  readonly #release = (): void => {
    const waiting = this.#waiting
    this.#scheduled = false
    this.#waiting = new Set()
    for (const resume of waiting) resume(Effect.void)
  }
}
