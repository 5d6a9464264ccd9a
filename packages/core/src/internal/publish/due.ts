import type { Clock, Effect } from "effect"
import { Timekeeper } from "../timekeeper.ts"
import type { Lane } from "./lane.ts"
import type { Ledger } from "./ledger.ts"

interface DueFields {
  readonly clock: Clock.Clock
  readonly ledger: Ledger
  /** The lane may send. */
  readonly wake: (lane: Lane) => void
  /** The oldest entry's deadline has come. */
  readonly expired: (now: number) => void
}

/** What time brings: the end of a lane's pause before its next try, and the deadline of the oldest envelope. */
export class Due {
  /** Lanes that wait for their next try. */
  readonly #paused = new Set<Lane>()
  readonly #fields: DueFields
  readonly #timekeeper: Timekeeper

  constructor(fields: DueFields) {
    this.#fields = fields
    this.#timekeeper = new Timekeeper(fields.clock, { next: () => this.#next(), run: (now) => this.#run(now) })
  }

  get loop(): Effect.Effect<void> {
    return this.#timekeeper.loop
  }

  /** Something is due at `at`, in monotonic milliseconds. */
  nudge(at: number): void {
    this.#timekeeper.nudge(at)
  }

  /** Wakes the lane at the end of its pause. */
  pause(lane: Lane): void {
    this.#paused.add(lane)
    this.#timekeeper.nudge(lane.retryAt)
  }

  /** It waits no longer. */
  resume(lane: Lane): void {
    this.#paused.delete(lane)
  }

  /** Nobody need wait for the end of a pause: what it was for is back. */
  wakeAll(): void {
    for (const lane of this.#paused) {
      lane.retryAt = 0
      this.#wake(lane)
    }
  }

  #wake(lane: Lane): void {
    this.#paused.delete(lane)
    this.#fields.wake(lane)
  }

  #next(): number {
    let due = this.#fields.ledger.oldest?.deadline ?? Infinity
    for (const lane of this.#paused) if (lane.retryAt < due) due = lane.retryAt
    return due
  }

  #run(now: number): void {
    for (const lane of this.#paused) if (lane.retryAt <= now) this.#wake(lane)
    const { oldest } = this.#fields.ledger
    if (oldest !== undefined && oldest.deadline <= now) this.#fields.expired(now)
  }
}
