import { type Clock, Effect } from "effect"

/** Monotonic time in milliseconds: what deadlines and pauses are counted in, because the wall clock may jump. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/**
 * One fiber for all the deadlines and pauses of a pipeline. `next` names the nearest moment at which something is due
 * (`Infinity` for never), `run` does what is due. The fiber sleeps in between, without a timer per message and without
 * polling; `nudge` tells it that something is due earlier than it thinks.
 */
export class Timekeeper {
  #target = -Infinity
  #wake: (() => void) | undefined
  readonly #clock: Clock.Clock
  readonly #next: () => number
  readonly #run: (now: number) => void

  constructor(clock: Clock.Clock, options: { readonly next: () => number; readonly run: (now: number) => void }) {
    this.#clock = clock
    this.#next = options.next
    this.#run = options.run
  }

  /** Something is due at `at`. Cheap where that is not before the next thing anyway. */
  nudge(at: number): void {
    if (at >= this.#target) return
    this.#target = at
    const wake = this.#wake
    if (wake === undefined) return
    // Cleared before it is called: resuming runs the fiber inline, and it may register the next wake-up.
    this.#wake = undefined
    wake()
  }

  readonly #nudged: Effect.Effect<void> = Effect.callback<void>((resume) => {
    // A nudge may have come between the choice of the target and this registration.
    if (this.#next() < this.#slept) return resume(Effect.void)
    this.#wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })

  /** The target that the fiber went to sleep for. */
  #slept = Infinity

  readonly loop: Effect.Effect<never> = Effect.suspend(() => {
    const now = monotonicMillis(this.#clock)
    this.#run(now)
    const target = this.#next()
    this.#target = target
    this.#slept = target
    if (target <= now) return Effect.yieldNow
    return target === Infinity
      ? this.#nudged
      // The millisecond that a timer may fire too early is added, so that it is not spent in spinning.
      : Effect.raceFirst(Effect.sleep(Math.ceil(target - now)), this.#nudged)
  }).pipe(Effect.forever)
}
