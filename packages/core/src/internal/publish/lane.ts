import { Fifo } from "../fifo.ts"
import { SendBatch } from "./batch.ts"
import type { Entry } from "./entry.ts"
import type { Group } from "./group.ts"
import type { TopicState } from "./topicState.ts"

/** First pause before a lane is sent again that made no progress, in milliseconds; doubles up to the longest. */
const shortestPause = 5
const longestPause = 250

/**
 * A FIFO of envelopes whose order the broker must keep, with go back N.
 *
 * At most `policy.maxInFlight` batches of a lane are at the driver. When one of their records is neither acknowledged
 * nor settled for good, the lane is broken: nothing more is handed over until the driver has answered for everything
 * that is out, then all that is still unsettled goes back to the front, in order, under a new epoch:
 *
 * 1. batches A and B are out, A's second record gets no answer;
 * 2. the lane breaks; C stays behind although there would be room for it;
 * 3. B is answered (by the gap rule of `Broker.LanePolicy` it was not stored);
 * 4. A's unsettled records, then B's, then C's are sent as epoch 2.
 *
 * Without step 3 a late success of B could overtake the second try of A.
 *
 * A lane with `policy.key` `"none"` has no order to keep: what was not acknowledged is sent again on its own, and
 * nothing waits for it.
 */
export class Lane {
  readonly _tag = "Lane"
  readonly topic: TopicState
  readonly key: string
  epoch = 1
  /** Monotonic milliseconds before which nothing is sent again. */
  retryAt = 0
  /** In the pump's queue: one wake-up at a time is enough. */
  signalled = false
  readonly #ordered: boolean
  readonly #queue = new Fifo<Entry | Group>()
  /** Handed over, in order, not all answered; while broken also those that are. */
  #flights: Array<SendBatch> = []
  #unanswered = 0
  #broken = false
  #progressed = false
  #failures = 0
  /** Unordered lanes only: to be sent again. */
  #again: Array<Entry> = []

  constructor(topic: TopicState, key: string) {
    this.topic = topic
    this.key = key
    this.#ordered = topic.policy.key !== "none"
  }

  get idle(): boolean {
    return this.#queue.length === 0 && this.#flights.length === 0 && this.#again.length === 0 && !this.signalled
  }

  /** Waits for its next try. */
  get pausing(): boolean {
    return this.retryAt > 0 && (this.#again.length > 0 || (!this.#broken && this.#queue.length > 0))
  }

  push(item: Entry | Group): void {
    this.#queue.push(item)
  }

  /** Something could be handed over now. */
  ready(now: number): boolean {
    if (!this.#ordered) return this.#queue.length > 0 || (this.#again.length > 0 && now >= this.retryAt)
    return !this.#broken && this.#queue.length > 0 && this.#flights.length < this.topic.policy.maxInFlight
      && now >= this.retryAt
  }

  /** The next batch, or `undefined` where there is nothing to send or it may not be sent yet. */
  cut(now: number, onAnswer: (batch: SendBatch, announced: boolean) => void): SendBatch | undefined {
    if (!this.ready(now)) return undefined
    const { maxBatch, maxBatchBytes } = this.topic.policy
    let records: Array<Entry> = []
    let bytes = 0
    let resend = false
    if (this.#again.length > 0 && now >= this.retryAt) {
      for (const entry of this.#again) this.#queue.push(entry)
      this.#again = []
      this.retryAt = 0
    }
    for (let item = this.#queue.peek(); item !== undefined && records.length < maxBatch; item = this.#queue.peek()) {
      if (item._tag === "Group") {
        if (item.settled) {
          this.#queue.shift()
          continue
        }
        if (records.length > 0 || this.#flights.length > 0) break
        // All or nothing over several lanes: it leaves when it is the head of each of them.
        return item.arrive(this) ? this.#launch(item.records, item.attempted, true, onAnswer) : undefined
      }
      if (item.result !== undefined) {
        this.#queue.shift()
        continue
      }
      if (records.length > 0 && bytes + item.size > maxBatchBytes) break
      this.#queue.shift()
      // Most batches of some drivers are of one record, and a push makes room for 17.
      if (records.length === 0) records = [item]
      else records.push(item)
      bytes += item.size
      if (item.attempts > 0) resend = true
    }
    return records.length === 0 ? undefined : this.#launch(records, resend, false, onAnswer)
  }

  #launch(
    records: ReadonlyArray<Entry>,
    resend: boolean,
    atomic: boolean,
    onAnswer: (batch: SendBatch, announced: boolean) => void
  ): SendBatch {
    const batch = new SendBatch(this, records, { resend, atomic, onAnswer })
    for (const entry of records) {
      entry.outstanding = true
      entry.attempts++
    }
    if (this.#ordered) this.#flights.push(batch)
    this.#unanswered++
    this.retryAt = 0
    return batch
  }

  /** A record of this lane was settled for good: the lane moves. */
  progress(): void {
    this.#progressed = true
  }

  /** A record of this lane has to be sent again. */
  fail(entry: Entry, now: number): void {
    if (this.#ordered) {
      this.#broken = true
      return
    }
    this.#again.push(entry)
    if (this.retryAt === 0) this.retryAt = now + this.#pause()
  }

  /** All records of `batch` are answered for. */
  finish(batch: SendBatch, now: number): void {
    this.#unanswered--
    if (!this.#broken) {
      // Nearly always the first one.
      const index = this.#flights.indexOf(batch)
      if (index === 0) this.#flights.shift()
      else if (index > 0) this.#flights.splice(index, 1)
      if (this.#progressed) this.#failures = 0
      return
    }
    if (this.#unanswered > 0) return
    const unsettled: Array<Entry> = []
    for (const flight of this.#flights) {
      // A group stays at the head of its lanes until it is settled, so its records are not put back.
      if (flight.atomic) continue
      for (const entry of flight.records) if (entry.result === undefined) unsettled.push(entry)
    }
    this.#flights = []
    this.#broken = false
    this.epoch++
    this.#queue.unshiftAll(unsettled)
    this.retryAt = now + this.#pause()
  }

  /** Drops what was settled while it waited here, so that a lane that never moves does not grow. */
  purge(): void {
    this.#queue.retain((item) => item._tag === "Group" ? !item.settled : item.result === undefined)
    this.#again = this.#again.filter((entry) => entry.result === undefined)
  }

  /** The pause before the next try: none after progress, then doubling. */
  #pause(): number {
    if (this.#progressed) {
      this.#progressed = false
      this.#failures = 0
      return 0
    }
    const pause = Math.min(longestPause, shortestPause * 2 ** Math.min(this.#failures, 10))
    this.#failures++
    return pause
  }
}
