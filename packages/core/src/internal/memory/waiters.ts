/**
 * Fibers that wait for something to change.
 *
 * Resuming a fiber runs it at once, on the stack of whoever resumes it. Here this never happens inside a state change:
 * `wake` only schedules, and the scheduled step empties the list before it resumes anyone. No wake-up is lost:
 * 1. a fiber sees that there is nothing for it, and calls `wait`;
 * 2. it may be descheduled here, and `wake` finds nobody;
 * 3. `wait` registers it and asks `ready` again: if the answer has changed, it goes on at once.
 * An interrupted fiber takes itself off the list.
 */
import { Effect } from "effect"

export class Waiters {
  private waiting = new Set<(effect: Effect.Effect<void>) => void>()
  private scheduled = false
  private readonly schedule: (task: () => void) => void

  constructor(schedule: (task: () => void) => void) {
    this.schedule = schedule
  }

  /** Completes after the next {@link wake}, or at once if `ready` already holds. It may complete in vain. */
  wait(ready: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (ready()) {
        resume(Effect.void)
        return
      }
      this.waiting.add(resume)
      return Effect.sync(() => {
        this.waiting.delete(resume)
      })
    })
  }

  wake(): void {
    if (this.scheduled || this.waiting.size === 0) return
    this.scheduled = true
    this.schedule(this.release)
  }

  private readonly release = (): void => {
    const { waiting } = this
    this.scheduled = false
    this.waiting = new Set()
    for (const resume of waiting) resume(Effect.void)
  }
}
