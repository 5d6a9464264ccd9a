import { Cause, type Clock, Effect, Queue, Stream, SubscriptionRef } from "effect"
import type * as Broker from "../../Broker.ts"
import * as PublishError from "../../PublishError.ts"
import { monotonicMillis } from "../timekeeper.ts"
import type { SendBatch } from "./batch.ts"
import { Due } from "./due.ts"
import type { Entry } from "./entry.ts"
import { Group } from "./group.ts"
import type { Lane } from "./lane.ts"
import type { Ledger } from "./ledger.ts"
import { acked, givenUp, rejected, unknown } from "./outcome.ts"
import { type PipelineCounters, Settlements } from "./settlements.ts"
import type { Stopwatch } from "./stopwatch.ts"
import type { TopicState } from "./topicState.ts"
import { Window } from "./window.ts"

/** The pipeline's options, all decided. */
export interface PipelineOptions {
  readonly maxPending: number
  readonly maxPendingBytes: number
  readonly deliveryTimeoutMillis: number
  readonly drainTimeoutMillis: number
  readonly lingerMillis: number
  /** Size of the pool of fibers that take the broker's answers. */
  readonly ackFibers: number
  /** Most records in one batch, where the driver does not set less. */
  readonly batchSize: number
}

const closed = new PublishError.Closed()

/**
 * From acceptance to settlement.
 *
 * ```text
 *  caller's fiber            pump fiber                       driver         ack fibers             reporter fiber
 *  admit -> ledger, queue -> lanes -> batches -> producer.send ... settle -> answers -> settlement -> results -> permits
 * ```
 *
 * Everything between two arrows is synchronous, so a state is never seen half changed; the arrows are bounded queues.
 * No fiber, timer or promise exists per message: one pump, a fixed pool of ack fibers, one timekeeper, one reporter.
 */
export class Pipeline {
  readonly window: Window
  readonly settlements: Settlements
  readonly options: PipelineOptions
  /** Where stages are recorded. */
  readonly stopwatch: Stopwatch | undefined
  readonly #clock: Clock.Clock
  readonly #producer: Broker.Producer
  readonly #pumpQueue: Queue.Queue<Entry | Group | Lane, Cause.Done>
  readonly #ackQueue: Queue.Queue<SendBatch, Cause.Done>
  readonly #due: Due
  /** Entries that came since the pump began to wait for some; below any number while it does something else. */
  #unpumped = 0

  constructor(fields: {
    readonly options: PipelineOptions
    readonly clock: Clock.Clock
    readonly producer: Broker.Producer
    readonly pumpQueue: Queue.Queue<Entry | Group | Lane, Cause.Done>
    readonly ackQueue: Queue.Queue<SendBatch, Cause.Done>
    readonly reportQueue: Queue.Queue<Entry, Cause.Done>
    readonly stopwatch?: Stopwatch | undefined
  }) {
    this.options = fields.options
    this.stopwatch = fields.stopwatch
    this.#clock = fields.clock
    this.#producer = fields.producer
    this.#pumpQueue = fields.pumpQueue
    this.#ackQueue = fields.ackQueue
    this.window = new Window(fields.options.maxPending, fields.options.maxPendingBytes)
    this.settlements = new Settlements(this.window, fields.reportQueue, fields.stopwatch)
    this.#due = new Due({
      clock: fields.clock,
      ledger: this.ledger,
      wake: (lane) => this.#signal(lane),
      expired: (now) => this.#expire(now)
    })
  }

  get ledger(): Ledger {
    return this.settlements.ledger
  }

  get counters(): PipelineCounters {
    return this.settlements.counters
  }

  // --- admission --------------------------------------------------------------------------------------------------------

  /** Accepts the entry if there is room now. */
  tryAdmit(entry: Entry): boolean {
    if (!this.window.tryAcquire(1, entry.size)) return false
    this.#accept(entry)
    return true
  }

  /** Waits for room, then accepts the entry. Completes at the acceptance; interrupted before it, it leaves no trace. */
  admit(entry: Entry): Effect.Effect<void, PublishError.Closed> {
    return Effect.callback<void, PublishError.Closed>((resume) => {
      const cancel = this.window.wait({
        count: 1,
        bytes: entry.size,
        grant: () => {
          this.#accept(entry)
          resume(Effect.void)
        },
        refuse: () => resume(Effect.fail(closed))
      })
      return Effect.sync(cancel)
    })
  }

  /** The same for all members of an atomic batch at once. */
  admitGroup(entries: ReadonlyArray<Entry>): Effect.Effect<void, PublishError.Closed> {
    return Effect.callback<void, PublishError.Closed>((resume) => {
      const cancel = this.window.wait({
        count: entries.length,
        bytes: entries.reduce((sum, entry) => sum + entry.size, 0),
        grant: () => {
          const now = monotonicMillis(this.#clock)
          for (const entry of entries) this.#register(entry, now)
          this.#enqueue(new Group(entries))
          resume(Effect.void)
        },
        refuse: () => resume(Effect.fail(closed))
      })
      return Effect.sync(cancel)
    })
  }

  /**
   * Enough waits for a pump that could have it: whoever goes on publishing lets it run first. Otherwise all that one turn
   * of the event loop brings goes out together at its end, and the broker is idle while this process works, and the other
   * way round.
   */
  crowded(topic: TopicState): boolean {
    return this.#unpumped >= topic.burst
  }

  #accept(entry: Entry): void {
    this.#unpumped++
    this.#register(entry, monotonicMillis(this.#clock))
    this.#enqueue(entry)
  }

  #register(entry: Entry, now: number): void {
    this.counters.accepted++
    this.ledger.add(entry, now, this.options.deliveryTimeoutMillis)
    this.#due.nudge(entry.deadline)
    if (entry.times !== undefined && this.stopwatch !== undefined) entry.times.accepted = this.stopwatch.now()
  }

  #enqueue(item: Entry | Group | Lane): void {
    // The queue holds at most one item for each permit and one for each lane with something to send: it is never full.
    if (!Queue.offerUnsafe(this.#pumpQueue, item) && !this.window.closed) {
      throw new Error("the pump's queue is full or closed: a permit was given twice")
    }
  }

  // --- pump -------------------------------------------------------------------------------------------------------------

  readonly #onAnswer = (batch: SendBatch, announced: boolean): void => {
    if (this.stopwatch !== undefined) batch.answeredAt = this.stopwatch.now()
    // One place for each batch at the driver, and each holds a permit: never full. After the end nobody waits for it.
    if (!announced) Queue.offerUnsafe(this.#ackQueue, batch)
  }

  /** Puts what came in into its lanes and hands over what may go. */
  readonly #pumpStep = (items: ReadonlyArray<Entry | Group | Lane>): Effect.Effect<void> => {
    this.#unpumped = -Infinity
    const now = monotonicMillis(this.#clock)
    const ready: Array<Lane> = []
    const signal = (lane: Lane): void => {
      if (lane.signalled) return
      lane.signalled = true
      ready.push(lane)
    }
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!
      switch (item._tag) {
        case "Entry": {
          const lane = item.topic.laneOf(item)
          lane.push(item)
          signal(lane)
          break
        }
        case "Group": {
          for (const lane of item.enter()) {
            lane.push(item)
            signal(lane)
          }
          break
        }
        case "Lane":
          ready.push(item)
      }
    }
    const batches: Array<SendBatch> = []
    for (const lane of ready) {
      lane.signalled = false
      for (let batch = lane.cut(now, this.#onAnswer); batch !== undefined; batch = lane.cut(now, this.#onAnswer)) {
        if (batch.resend) this.#countResent(batch)
        batches.push(batch)
      }
      if (lane.idle) lane.topic.retire(lane)
      // It may have become idle with a pause ahead, and nobody else looks at it again.
      else if (lane.pausing) this.#due.pause(lane)
    }
    if (batches.length > 0) return Effect.map(this.#send(batches), this.#pumped)
    this.#pumped()
    return Effect.void
  }

  readonly #pumped = (): void => {
    this.#unpumped = 0
  }

  #send(batches: ReadonlyArray<SendBatch>): Effect.Effect<void> {
    const { stopwatch } = this
    if (stopwatch === undefined) return this.#handOver(batches)
    stopwatch.handedOver(batches)
    return Effect.tap(this.#handOver(batches), () => Effect.sync(() => stopwatch.taken(batches)))
  }

  #handOver(batches: ReadonlyArray<SendBatch>): Effect.Effect<void> {
    return Effect.catchCause(this.#producer.send(batches), (cause) =>
      Effect.sync(() => {
        // A driver that throws breaks its contract; whether it had handed something over, nobody knows.
        const reason = new PublishError.BrokerFailure({
          message: "the driver failed while it took a batch",
          retryable: !Cause.hasInterrupts(cause),
          cause: Cause.squash(cause)
        })
        for (const batch of batches) batch.settleAll({ _tag: "Ambiguous", reason })
      }))
  }

  readonly pump: Effect.Effect<void> = Effect.suspend(() => {
    const { lingerMillis } = this.options
    const source = Stream.fromQueue(this.#pumpQueue)
    return lingerMillis === 0
      ? Stream.runForEachArray(source, this.#pumpStep)
      : Stream.runForEachArray(source, (items) => {
        this.#unpumped = -Infinity
        return Effect.sleep(lingerMillis).pipe(
          Effect.andThen(Queue.clear(this.#pumpQueue)),
          Effect.flatMap((more) => this.#pumpStep([...items, ...more]))
        )
      })
  })

  // --- acknowledgements -------------------------------------------------------------------------------------------------

  /** Takes answers until all are taken, or until the pump should have its turn; tells which. */
  #takeAnswers(batch: SendBatch, until: number): boolean {
    const now = monotonicMillis(this.#clock)
    const lane = batch.owner
    const done = batch.takeAnswers(
      (entry, outcome) => this.#answer(lane, batch, entry, outcome, now),
      () => this.counters.accepted >= until
    )
    if (done) {
      if (batch.surplus > 0) {
        this.counters.surplus += batch.surplus
        batch.surplus = 0
      }
      if (batch.unanswered === 0) {
        lane.finish(batch, now)
        if (batch.atomic) { for (const entry of batch.records) this.#wakeLane(entry.topic.laneOf(entry), now) }
        else this.#wakeLane(lane, now)
      }
    }
    return done
  }

  readonly #ackStep = (batches: ReadonlyArray<SendBatch>): Effect.Effect<void> => {
    let next = 0
    return Effect.whileLoop({
      while: () => next < batches.length,
      body: () => {
        // Who is resumed here publishes more. What others publish is no reason to let the answered wait.
        const until = this.counters.accepted + batches[next]!.owner.topic.burst
        while (next < batches.length && this.counters.accepted < until) {
          if (this.#takeAnswers(batches[next]!, until)) next++
        }
        this.settlements.publish()
        return next < batches.length ? Effect.yieldNow : Effect.void
      },
      step: () => {}
    })
  }

  /** One of the pool: takes answers and settles. */
  readonly ackLoop: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEachArray(Stream.fromQueue(this.#ackQueue), this.#ackStep)
  )

  #answer(lane: Lane, batch: SendBatch, entry: Entry, outcome: Broker.Outcome, now: number): void {
    entry.outstanding = false
    if (this.stopwatch !== undefined) this.stopwatch.answered(entry, batch.answeredAt)
    if (entry.result !== undefined) {
      this.settlements.late(entry)
      return
    }
    switch (outcome._tag) {
      case "Stored": {
        lane.progress()
        this.settlements.settle(entry, acked(entry, outcome.offset, outcome.duplicate), now)
        return
      }
      case "NotStored": {
        entry.notStored = outcome.reason
        if (outcome.reason.isRetryable && now < entry.deadline && !this.#abandoned) return lane.fail(entry, now)
        lane.progress()
        this.settlements.settle(
          entry,
          entry.ambiguous === undefined ? rejected(entry, outcome.reason) : unknown(entry, entry.ambiguous),
          now
        )
        return
      }
      case "Ambiguous": {
        entry.ambiguous = outcome.reason
        // An atomic batch is not tried again after this: were it stored, its second copy would be refused as a whole.
        if (outcome.reason.isRetryable && now < entry.deadline && !batch.atomic && !this.#abandoned) {
          return lane.fail(entry, now)
        }
        lane.progress()
        this.settlements.settle(entry, unknown(entry, outcome.reason), now)
      }
    }
  }

  /** A batch is of one topic. */
  #countResent(batch: SendBatch): void {
    this.counters.resent += batch.records.length
    batch.owner.topic.meter.resent(batch.records.length)
  }

  // --- lanes that wait, and deadlines -----------------------------------------------------------------------------------

  #wakeLane(lane: Lane, now: number): void {
    if (lane.ready(now)) {
      this.#due.resume(lane)
      this.#signal(lane)
    } else if (lane.pausing) {
      this.#due.pause(lane)
    } else if (lane.idle) {
      lane.topic.retire(lane)
    }
  }

  #signal(lane: Lane): void {
    if (lane.signalled) return
    lane.signalled = true
    this.#enqueue(lane)
  }

  /** Gives up what has reached its deadline. */
  #expire(now: number): void {
    const touched = new Set<Lane>()
    for (let entry = this.ledger.oldest; entry !== undefined && entry.deadline <= now; entry = this.ledger.oldest) {
      touched.add(entry.topic.laneOf(entry))
      this.settlements.settle(entry, givenUp(entry, this.#timeout(entry)), now)
    }
    for (const lane of touched) {
      lane.purge()
      this.#wakeLane(lane, now)
    }
    this.settlements.publish()
  }

  #timeout(entry: Entry): PublishError.Timeout {
    const millis = this.options.deliveryTimeoutMillis
    const last = entry.notStored ?? entry.ambiguous
    return last === undefined
      ? new PublishError.Timeout({ millis, message: `not acknowledged within ${millis} ms` })
      : new PublishError.Timeout({
        millis,
        message: `not acknowledged within ${millis} ms, at last ${last._tag}: ${last.message}`,
        cause: last
      })
  }

  readonly timekeeper: Effect.Effect<void> = Effect.suspend(() => this.#due.loop)

  /** Lanes that wait for a connection need not wait for the end of their pause once it is back. */
  readonly followConnection = (
    status: SubscriptionRef.SubscriptionRef<Broker.Status>
  ): Effect.Effect<void> =>
    Stream.runForEach(SubscriptionRef.changes(status), (state) =>
      Effect.sync(() => {
        if (state._tag === "Connected") this.#due.wakeAll()
      }))

  // --- the end ----------------------------------------------------------------------------------------------------------

  /** Set when the drain has run out of time: nothing is sent again. */
  #abandoned = false

  /**
   * Closes admission, waits for what is pending within the budget, then settles the rest. Afterwards nothing is
   * pending.
   */
  readonly drain: Effect.Effect<void> = Effect.suspend(() => {
    this.window.close()
    return Effect.timeoutOption(this.settlements.idle, this.options.drainTimeoutMillis)
  }).pipe(Effect.andThen(Effect.suspend(() => this.abandon)))

  /** Closes admission and settles everything that is pending now. */
  readonly abandon: Effect.Effect<void> = Effect.sync(() => {
    this.window.close()
    this.#abandoned = true
    const now = monotonicMillis(this.#clock)
    for (let entry = this.ledger.oldest; entry !== undefined; entry = this.ledger.oldest) {
      this.settlements.settle(entry, givenUp(entry, closed), now)
    }
    this.settlements.publish()
  })
}
