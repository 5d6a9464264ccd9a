import { Cause, type Clock, Duration, Effect, Schedule } from "effect"
import type * as Broker from "../../Broker.ts"
import type { Settlement } from "../../Settlement.ts"
import * as SubscribeError from "../../SubscribeError.ts"
import { monotonicMillis, Timekeeper } from "../timekeeper.ts"
import { Conditions } from "./conditions.ts"
import * as Counters from "./counters.ts"
import type { Dedup } from "./dedup.ts"
import { Held, type Partition, type Refusal } from "./held.ts"
import { Lanes } from "./lanes.ts"
import { neverRetries, type Policy } from "./policy.ts"
import type { Source } from "./source.ts"

/** What the dispatcher needs to know of an envelope: the rest is the codec's and the handlers'. */
export interface AnyEnvelope {
  readonly eventId: string
  readonly aggregateId: string
}

/** A record read: where it belongs and what is in it. */
export interface Read<A> {
  readonly key: string
  readonly envelope: A | undefined
  readonly refusal: Refusal | undefined
}

export interface DispatcherFields<A> {
  readonly topic: string
  readonly clock: Clock.Clock
  readonly policy: Policy
  readonly dedup: Dedup | undefined
  readonly read: (record: Broker.InboundRecord) => Read<A>
  /** The id that deduplication goes by. */
  readonly dedupId: (held: Held<A>, envelope: A) => string
  /** Stores a dead letter, however long it takes. Fails where that cannot succeed. */
  readonly storeDeadLetter: (
    held: Held<A>,
    cause: Cause.Cause<unknown> | string
  ) => Effect.Effect<void, SubscribeError.DeadLetterFailed>
  /** Runs something beside the workers, in the subscription's context; its fiber ends with the subscription. */
  readonly fork: (effect: Effect.Effect<void>, held: Held<A>) => void
  /** A lane has stopped for good. */
  readonly onHalt: (reason: SubscribeError.Reason) => void
}

/** For a retry that a schedule has nothing to say about, because it has ended. */
const fallbackDelayMillis = 100

/**
 * Decides what is handed out next and what becomes of what comes back. It starts no handler itself: workers, or a
 * stream, `take` what is ready and give it back with `apply`, `failed` or `interrupted`.
 *
 * Life of a record: `arrive` -> in its lane -> `take` -> running -> `complete` (settlement handed over), or sleeping and
 * taken again, or its dead letter stored and then `complete`, or halted.
 */
export class Dispatcher<A extends AnyEnvelope> {
  readonly lanes = new Lanes<Held<A>>()
  readonly sources: Array<Source<A>> = []
  readonly counters = Counters.make()
  readonly conditions = new Conditions()
  readonly timekeeper: Timekeeper
  /** Called when something has become ready. Set by whoever takes. */
  onReady: () => void = () => {}
  /** When the running handlers have to be looked at next, and the look. Set by whoever runs them. */
  nextDeadline: () => number = () => Infinity
  onDeadline: (now: number) => void = () => {}
  /** Nothing is handed out. */
  paused = false
  /** Nothing is handed out any more. */
  closing = false
  /** Dead letters being stored. */
  storing = 0
  readonly #fields: DispatcherFields<A>

  constructor(fields: DispatcherFields<A>) {
    this.#fields = fields
    this.timekeeper = new Timekeeper(fields.clock, {
      next: () => Math.min(this.lanes.nextAlarm(), this.nextDeadline()),
      run: (now) => {
        this.onDeadline(now)
        this.lanes.wake(now)
        if (this.lanes.ready > 0) this.onReady()
      }
    })
  }

  get policy(): Policy {
    return this.#fields.policy
  }

  now(): number {
    return monotonicMillis(this.#fields.clock)
  }

  // --- in ---------------------------------------------------------------------------------------------------------------

  arrive(source: Source<A>, records: ReadonlyArray<Broker.InboundRecord>): void {
    const now = this.#fields.clock.currentTimeMillisUnsafe()
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      const partition = source.partition(record.partition)
      if (record.epoch > partition.epoch) {
        partition.epoch = record.epoch
        // A new assignment, whether or not the end of the old one was signalled.
        this.fence(partition, record.epoch)
      } else if (record.epoch < partition.floor) {
        this.counters.fenced++
        continue
      }
      if (record.attempt > 1) {
        const known = source.find(partition, record.offset)
        if (known !== undefined && !known.stale) {
          known.record = record
          continue
        }
      }
      const { envelope, key, refusal } = this.#fields.read(record)
      const held = new Held(record, partition, key, source.sizeOf(record), now, envelope, refusal)
      this.counters.received++
      source.hold(held)
      this.lanes.push(held)
    }
    if (this.lanes.ready > 0) this.onReady()
  }

  // --- out --------------------------------------------------------------------------------------------------------------

  /** The next record for a handler. What is not for one is dealt with on the way. */
  take(): Held<A> | undefined {
    while (!this.paused && !this.closing) {
      const held = this.lanes.take()
      if (held === undefined) return undefined
      held.partition.running++
      if (held.refusal !== undefined) {
        this.#refuse(held, held.refusal)
      } else if (this.#isDuplicate(held)) {
        this.counters.duplicates++
        this.#complete(held, false)
      } else {
        held.attempt++
        if (++held.tries > 1) this.counters.retried++
        return held
      }
    }
    return undefined
  }

  #isDuplicate(held: Held<A>): boolean {
    const { dedup } = this.#fields
    return dedup !== undefined && held.envelope !== undefined
      && dedup.has(this.#fields.dedupId(held, held.envelope), this.now())
  }

  #refuse(held: Held<A>, refusal: Refusal): void {
    held.attempt++
    if (refusal.kind === "undecodable") this.counters.undecodable++
    else this.counters.unknown++
    // Bytes that cannot be read go to the dead letters whatever is said of unknown events: nothing else keeps them.
    const action = refusal.kind === "undecodable" ? "deadLetter" : this.policy.onUnknown
    switch (action) {
      case "deadLetter":
        this.#deadLetter(held, refusal.message)
        break
      case "drop":
        this.counters.dropped++
        this.#complete(held, true)
        break
      case "halt":
        this.#haltAt(held, refusal.message, undefined)
    }
  }

  // --- back -------------------------------------------------------------------------------------------------------------

  /** Handled. */
  succeeded(held: Held<A>): void {
    this.counters.handled++
    this.#complete(held, true)
  }

  /** What the application decided. */
  apply(held: Held<A>, settlement: Settlement): Effect.Effect<void> {
    switch (settlement._tag) {
      case "Ack":
        this.succeeded(held)
        return Effect.void
      case "Drop":
        this.counters.dropped++
        this.#complete(held, true)
        return Effect.void
      case "DeadLetter":
        this.#deadLetter(held, settlement.reason)
        return Effect.void
      case "Retry": {
        const { after } = settlement
        if (after === undefined) return this.#retryBySchedule(held, undefined)
        this.#sleep(held, Duration.toMillis(after))
        return Effect.void
      }
    }
  }

  /** The handler failed or died. */
  failed(held: Held<A>, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    this.counters.failed++
    held.cause = cause
    if (neverRetries(cause)) {
      this.#exhausted(held, cause)
      return Effect.void
    }
    return Effect.map(this.#nextDelay(held, Cause.squash(cause)), (delay) => {
      if (delay === undefined) this.#exhausted(held, cause)
      else this.#sleep(held, delay)
    })
  }

  /**
   * The handler was interrupted, and not by the subscription. That is no failure: it is tried again in its place, after
   * the schedule's next delay, as often as it takes.
   */
  interrupted(held: Held<A>, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    held.cause = cause
    return this.#retryBySchedule(held, Cause.squash(cause))
  }

  /**
   * It is given up where it is, unsettled: the broker will deliver it again, to whoever is next. Only for what is stale,
   * and at the end: the lane goes on.
   */
  abandon(held: Held<A>): void {
    this.#giveUp(held)
  }

  #retryBySchedule(held: Held<A>, input: unknown): Effect.Effect<void> {
    return Effect.map(
      this.#nextDelay(held, input),
      (delay) => this.#sleep(held, delay ?? held.delay ?? fallbackDelayMillis)
    )
  }

  /** What the schedule says, in milliseconds; `undefined` where it has ended. */
  #nextDelay(held: Held<A>, input: unknown): Effect.Effect<number | undefined> {
    return Effect.matchCause(
      Effect.flatMap(
        held.step === undefined ? Schedule.toStep(this.policy.retry) : Effect.succeed(held.step),
        (step) => {
          held.step = step
          return step(this.#fields.clock.currentTimeMillisUnsafe(), input)
        }
      ),
      {
        onSuccess: ([, delay]) => (held.delay = Duration.toMillis(delay)),
        onFailure: () => undefined
      }
    )
  }

  #sleep(held: Held<A>, millis: number): void {
    if (held.stale || held.lane === undefined) return this.#giveUp(held)
    const at = this.now() + Math.max(0, millis)
    held.partition.running--
    this.lanes.sleep(held.lane, at)
    this.timekeeper.nudge(at)
    this.conditions.check()
  }

  #exhausted(held: Held<A>, cause: Cause.Cause<unknown>): void {
    switch (this.policy.onExhausted) {
      case "deadLetter":
        return this.#deadLetter(held, cause)
      case "drop":
        this.counters.dropped++
        return this.#complete(held, true)
      case "halt":
        return this.#haltAt(held, `gave up after ${held.attempt} attempts`, cause)
    }
  }

  #haltAt(held: Held<A>, message: string, cause: Cause.Cause<unknown> | undefined): void {
    this.#halt(
      held,
      new SubscribeError.LaneHalted({
        topic: held.record.topic,
        partition: held.record.partition,
        offset: held.record.offset,
        aggregateId: held.key,
        attempts: held.attempt,
        message,
        ...(cause === undefined ? undefined : { cause: Cause.squash(cause) })
      })
    )
  }

  #halt(held: Held<A>, reason: SubscribeError.Reason): void {
    if (held.stale || held.lane === undefined) return this.#giveUp(held)
    held.halted = reason
    held.partition.running--
    this.lanes.halt(held.lane)
    this.conditions.check()
    this.#fields.onHalt(reason)
  }

  /** Stored beside the workers: a dead letter topic that cannot be written takes no handler's place. */
  #deadLetter(held: Held<A>, cause: Cause.Cause<unknown> | string): void {
    if (held.stale) return this.#giveUp(held)
    held.storing = true
    this.storing++
    this.#fields.fork(
      Effect.matchCause(this.#fields.storeDeadLetter(held, cause), {
        onSuccess: () => {
          this.#stored(held)
          this.counters.deadLettered++
          this.#complete(held, true)
          if (this.lanes.ready > 0) this.onReady()
        },
        onFailure: (failure) => {
          this.#stored(held)
          this.#halt(
            held,
            failure.reasons.find(Cause.isFailReason)?.error ?? new SubscribeError.DeadLetterFailed({
              topic: held.record.topic,
              deadLetterTopic: "",
              message: "storing the dead letter died",
              cause: Cause.squash(failure)
            })
          )
        }
      }).pipe(
        // Not matched: the end of the subscription, or of the partition, has cut it off. It stays unsettled.
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            this.#stored(held)
            this.#giveUp(held)
          })
        )
      ),
      held
    )
  }

  #stored(held: Held<A>): void {
    held.storing = false
    this.storing--
  }

  /** Settled: the next of its lane may run. */
  #complete(held: Held<A>, remember: boolean): void {
    if (held.lane === undefined) return
    const { dedup, dedupId } = this.#fields
    // What a seek has overtaken is to be handled again. Whether a settlement under an old epoch still counts (until a
    // revoked partition is released it does) is the driver's to know.
    if (remember && dedup !== undefined && held.envelope !== undefined && !held.stale) {
      dedup.add(dedupId(held, held.envelope), this.now())
    }
    const { partition } = held
    partition.lastHandled = held.record.offset
    partition.running--
    this.lanes.finish(held.lane)
    partition.source.settle(held)
    this.conditions.check()
  }

  #giveUp(held: Held<A>): void {
    if (held.lane === undefined) return
    if (held.stale) this.counters.fenced++
    held.partition.running--
    this.lanes.finish(held.lane)
    held.partition.source.forget(held)
    this.conditions.check()
  }

  // --- the fence --------------------------------------------------------------------------------------------------------

  /**
   * Nothing that was delivered under an epoch before `floor` is started any more. What waits is given up at once; what
   * runs is given up when it comes back.
   */
  fence(partition: Partition<A>, floor: number): void {
    if (floor <= partition.floor) return
    partition.floor = floor
    const isStale = (held: Held<A>) => held.partition === partition && held.stale
    const dropped: Array<Held<A>> = []
    for (const held of partition.held) {
      // Not in a lane: settled, and about to be handed over.
      if (held.stale && held.lane !== undefined) dropped.push(...this.lanes.drop(held.lane, isStale))
    }
    // Only now: it may wake the poller, which runs inline and brings more.
    for (const held of dropped) {
      this.counters.fenced++
      partition.source.forget(held)
    }
    this.conditions.check()
  }
}
