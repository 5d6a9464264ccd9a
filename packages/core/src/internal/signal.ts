import { Effect } from "effect"

/**
 * A wake-up for one waiting fiber, remembered when nobody waits: no order of "check, wait, notify" loses it.
 *
 * 1. The fiber finds nothing to do and calls `wait`;
 * 2. `notify` comes before the registration: it is remembered, and `wait` completes at once;
 * 3. `notify` comes after it: the fiber is resumed, inline on the notifier's stack.
 *
 * Several notifications before a wait are one. The waiter has to look again at what it waited for.
 */
export class Signal {
  #pending = false
  #resume: (() => void) | undefined

  notify(): void {
    const resume = this.#resume
    if (resume === undefined) {
      this.#pending = true
      return
    }
    // Cleared before it is called: the fiber runs inline and may wait again.
    this.#resume = undefined
    resume()
  }

  readonly wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.#pending) {
      this.#pending = false
      resume(Effect.void)
      return
    }
    const mine = () => resume(Effect.void)
    this.#resume = mine
    return Effect.sync(() => {
      if (this.#resume === mine) this.#resume = undefined
    })
  })
}
