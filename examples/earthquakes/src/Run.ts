/**
 * The books of one run: what was published, acknowledged and handled, how long it took, and how far the publisher may
 * go ahead. Everything here is synchronous.
 *
 * **Why the publisher is held back.** A log with a limit forgets its oldest events, and a group that has not come to
 * them by then would never see them. So no event is published before all but the last `lead` of those before it have
 * been handled by every group, and the log keeps twice as many.
 */
import { PublishError } from "@effect-eventbus/core/PublishError"
import type { Receipt } from "@effect-eventbus/core/Receipt"
import { Cause, Deferred, Effect, Exit, Latch } from "effect"
import { Latency } from "./Latency.ts"

/** How many first failures are kept to be shown. */
const maxReasons = 5

export class Run {
  /** Events offered to the bus. */
  in = 0
  acked = 0
  /** Acknowledged as stored before: the broker recognised the event id. */
  repeated = 0
  /** Proved not to be stored. */
  failed = 0
  /** May be stored. */
  unknown = 0
  /** First reasons of what was not acknowledged. */
  readonly reasons: Array<string> = []
  readonly publishToAck = new Latency()
  readonly endToEnd = new Latency()
  /** By place in the catalogue: how often its quake was acknowledged. */
  readonly ackedAt: Uint32Array
  startedAt = 0
  lastHandledAt = 0

  readonly #groups: number
  readonly #lead: number
  /** The first position that some group has still to handle. */
  #frontier = 0
  /** Groups that have still to handle an event, by position modulo `lead`. */
  readonly #remaining: Uint8Array
  readonly #acceptedAt: Float64Array
  /** Accepted and not settled. */
  #pending = 0
  readonly #room = Latch.makeUnsafe(true)
  #stopping = false
  #finished = false
  readonly #over = Deferred.makeUnsafe<void>()

  constructor(options: { readonly groups: number; readonly lead: number; readonly places: number }) {
    this.#groups = options.groups
    this.#lead = options.lead
    this.#remaining = new Uint8Array(options.lead)
    this.#acceptedAt = new Float64Array(options.lead)
    this.ackedAt = new Uint32Array(options.places)
  }

  /** Events that every group has done with, in the order of publishing. */
  get handledByAll(): number {
    return this.#frontier
  }

  /** Completes when the publisher may go on, or has to stop. */
  get room(): Effect.Effect<void> {
    return this.#room.await
  }

  /** The publisher is asked to stop. */
  get stopping(): boolean {
    return this.#stopping
  }

  stop(): void {
    this.#stopping = true
    this.#room.openUnsafe()
  }

  /** Completes when everything is settled and handled, after `finish`. */
  get over(): Effect.Effect<void> {
    return Deferred.await(this.#over)
  }

  /** The position of the next event. `expected`: groups shall handle it. */
  next(now: number, expected: boolean): number {
    const position = this.in++
    if (position === 0) this.startedAt = now
    this.#remaining[position % this.#lead] = expected ? this.#groups : 0
    if (this.in - this.#frontier >= this.#lead && !this.#stopping) this.#room.closeUnsafe()
    if (!expected) this.#advance()
    return position
  }

  /** The bus has taken it. */
  accepted(position: number, now: number): void {
    this.#pending++
    this.#acceptedAt[position % this.#lead] = now
  }

  /** What became of what the bus had taken, `millis` before. */
  settled(position: number, outcome: Exit.Exit<Receipt, PublishError>, millis: number): void {
    this.#pending--
    if (Exit.isSuccess(outcome)) {
      this.acked++
      this.publishToAck.record(millis)
      if (outcome.value.duplicate === true) this.repeated++
      this.ackedAt[position % this.ackedAt.length]!++
    } else {
      this.#notAcked(outcome.cause)
      this.#giveUp(position)
    }
    this.#checkOver()
  }

  /** The bus did not take it. */
  refused(position: number, error: PublishError): void {
    this.#notAcked(Cause.fail(error))
    this.#giveUp(position)
  }

  /** One group has handled it for the first time. */
  handled(position: number, now: number): void {
    const slot = position % this.#lead
    const remaining = this.#remaining[slot]!
    // Given up before, as it may happen to an event whose fate was unknown.
    if (position < this.#frontier || remaining === 0) return
    this.lastHandledAt = now
    this.#remaining[slot] = remaining - 1
    if (remaining > 1) return
    this.endToEnd.record(now - this.#acceptedAt[slot]!)
    this.#advance()
  }

  /** Nothing more will be published. */
  finish(): void {
    this.#finished = true
    this.#checkOver()
  }

  /** No group can be expected to handle it. */
  #giveUp(position: number): void {
    if (position < this.#frontier) return
    this.#remaining[position % this.#lead] = 0
    this.#advance()
  }

  #advance(): void {
    while (this.#frontier < this.in && this.#remaining[this.#frontier % this.#lead] === 0) this.#frontier++
    if (this.in - this.#frontier <= this.#lead / 2) this.#room.openUnsafe()
    this.#checkOver()
  }

  #checkOver(): void {
    if (this.#finished && this.#frontier === this.in && this.#pending === 0) {
      Deferred.doneUnsafe(this.#over, Effect.void)
    }
  }

  #notAcked(cause: Cause.Cause<PublishError>): void {
    const error = Cause.squash(cause)
    const isProved = error instanceof PublishError && error.outcome === "rejected"
    if (isProved) this.failed++
    else this.unknown++
    const reason = error instanceof PublishError ? `${error.reason._tag}: ${error.reason.message}` : String(error)
    if (this.reasons.length < maxReasons && !this.reasons.includes(reason)) this.reasons.push(reason)
  }
}
