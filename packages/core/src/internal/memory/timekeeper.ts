/**
 * All timers of one connection: one fiber that sleeps until the earliest is due, and none while there is no timer.
 *
 * Times are the clock's monotonic milliseconds, so that a corrected wall clock delays and repeats nothing.
 */
import { type Clock, Duration, Effect, type Fiber } from "effect"
import { Heap } from "../heap.ts"

export interface Timer {
  readonly due: number
  readonly order: number
  /** Emptied when it has run or was cancelled. */
  run: (() => void) | undefined
}

export class Timekeeper {
  private readonly clock: Clock.Clock
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly timers = new Heap<Timer>((self, that) =>
    self.due < that.due || (self.due === that.due && self.order < that.order)
  )
  private sleeper: Fiber.Fiber<void> | undefined = undefined
  private wakesAt = Infinity
  private made = 0
  private closed = false

  constructor(clock: Clock.Clock, fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>) {
    this.clock = clock
    this.fork = fork
  }

  /** Monotonic milliseconds. */
  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1_000_000
  }

  /** Runs `run` once, `millis` from now, unless it is cancelled. It must not throw, and must not resume fibers itself. */
  after(millis: number, run: () => void): Timer {
    const timer: Timer = { due: this.now() + millis, order: this.made++, run }
    if (this.closed || !Number.isFinite(millis)) return timer
    this.timers.push(timer)
    this.sleep()
    return timer
  }

  cancel(timer: Timer): void {
    timer.run = undefined
    // The sleeper may wake in vain once; a timer that is always cancelled in time costs no fiber each time.
    if (this.next() === undefined) this.stop()
  }

  close(): void {
    this.closed = true
    this.timers.clear()
    this.stop()
  }

  private next(): Timer | undefined {
    for (;;) {
      const timer = this.timers.peek()
      if (timer === undefined || timer.run !== undefined) return timer
      this.timers.pop()
    }
  }

  private sleep(): void {
    const timer = this.next()
    if (timer === undefined || this.wakesAt <= timer.due) return
    this.stop()
    this.wakesAt = timer.due
    // Whole milliseconds: the runtime's timers know no others, and would fire too early.
    const millis = Math.max(1, Math.ceil(timer.due - this.now()))
    this.sleeper = this.fork(Effect.andThen(this.clock.sleep(Duration.millis(millis)), this.fire))
  }

  private stop(): void {
    const { sleeper } = this
    this.sleeper = undefined
    this.wakesAt = Infinity
    sleeper?.interruptUnsafe()
  }

  private readonly fire = Effect.sync(() => {
    // This is the sleeper: it must not interrupt itself when it starts its successor.
    this.sleeper = undefined
    this.wakesAt = Infinity
    const now = this.now()
    for (let timer = this.next(); timer !== undefined && timer.due <= now; timer = this.next()) {
      const { run } = timer
      this.timers.pop()
      timer.run = undefined
      run?.()
    }
    this.sleep()
  })
}
