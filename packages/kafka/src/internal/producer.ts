/**
 * A producer of the SPI over an engine's sender. Lanes are partitions with one batch in flight each; batches that are
 * handed over together go to the client together.
 *
 * - Sizes are checked before anything is sent: a record that is too large is refused alone, its neighbours go on.
 * - A batch that would be larger than the topic allows goes in parts, one after the other, so that order is kept.
 * - The sender tries again by itself, with the same sequence numbers, until the send timeout: then its tries are ended from
 *   outside, and the batch is answered for as what it is, mostly `Ambiguous`. Until then the lane waits, so that no late
 *   success can overtake what comes behind.
 */
import type { Batch, LanePolicy, Outcome, Producer, TopicInfo } from "@effect-eventbus/core/Broker"
import * as PublishError from "@effect-eventbus/core/PublishError"
import { type Clock, Effect, type Scope } from "effect"
import { isAmbiguous, outcomeOf } from "./classify.ts"
import type { Job, JobResult, Sender } from "./engine.ts"
import { failure } from "./failure.ts"
import { batchOverhead, recordBound, recordSize } from "./size.ts"
import { Waiters } from "./waiters.ts"

/** Most bytes in one batch of core's, as core counts them: without framing. */
const maxBatchBytes = 512 * 1024

export interface ProducerOptions {
  readonly sender: Sender
  readonly clock: Clock.Clock
  readonly sendTimeoutMillis: number
  readonly requestTimeoutMillis: number
  readonly maxBufferedBytes: number
  /** Largest batch of records that a topic takes. */
  readonly maxMessageBytes: (topic: TopicInfo) => number
  readonly onAck: () => void
}

/** One batch on its way. */
interface Flight {
  readonly batch: Batch
  /** What is left to send, as indexes of records: one part is one job. */
  readonly parts: Array<ReadonlyArray<number>>
  readonly bytes: number
  readonly startedAt: number
  /** When the client's tries for what is on its way were ended from outside. */
  endedAt: number | undefined
}

const behind: Outcome = {
  _tag: "NotStored",
  reason: new PublishError.BrokerFailure({ retryable: true, message: "a part of the batch before it was not stored" })
}

const closed: Outcome = { _tag: "NotStored", reason: new PublishError.Closed() }

const cutOff: Outcome = {
  _tag: "Ambiguous",
  reason: new PublishError.NotConnected({ message: "the producer was closed before the answer came" })
}

const noAnswer: JobResult = {
  _tag: "Failed",
  failures: [failure("timeout", "the client has not said what became of it")]
}

/** A hand-over becomes a batch for each partition, and each batch costs: with 64 a message cost more than with 256. */
const laneLimits = { maxInFlight: 1, maxBatch: 500, maxBatchBytes, burst: 256 }

export class ProducerState {
  readonly #options: ProducerOptions
  readonly #flights = new Map<Job, Flight>()
  readonly #room = new Waiters()
  #bytes = 0
  #closed = false

  constructor(options: ProducerOptions) {
    this.#options = options
  }

  /** Also without an order to keep: a partition's batches of 500 are the fastest way in. */
  readonly lanes = (_topic: unknown, _info: TopicInfo): LanePolicy => ({ key: "partition", ...laneLimits })

  readonly send = (batches: ReadonlyArray<Batch>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.#closed) {
        for (const batch of batches) batch.settleAll(closed)
        return Effect.void
      }
      const now = this.#now()
      const jobs: Array<Job> = []
      for (const batch of batches) {
        const flight = this.#plan(batch, now)
        const job = flight === undefined ? undefined : this.#nextJob(flight)
        if (job !== undefined) jobs.push(job)
      }
      if (jobs.length > 0) this.#options.sender.produce(jobs, this.#done)
      return this.#hasRoom() ? Effect.void : this.#room.until(this.#hasRoom)
    })

  /**
   * Ends tries that last too long, once. What the sender does not answer for after that either is answered for here, so
   * that its lane goes on. Runs until the producer closes.
   */
  readonly watch: Effect.Effect<never> = Effect.suspend(() => {
    const now = this.#now()
    const { requestTimeoutMillis, sendTimeoutMillis } = this.#options
    const overdue: Array<Job> = []
    for (const [job, flight] of this.#flights) {
      if (flight.endedAt === undefined) {
        if (now - flight.startedAt < sendTimeoutMillis) continue
        flight.endedAt = now
        overdue.push(job)
      } else if (now - flight.endedAt > 2 * requestTimeoutMillis) {
        this.#done(job, noAnswer)
      }
    }
    if (overdue.length > 0) this.#options.sender.giveUp(overdue)
    return Effect.sleep(Math.max(50, Math.min(1000, this.#options.sendTimeoutMillis / 8)))
  }).pipe(Effect.forever({ disableYield: true }))

  /** Ends the client's tries, gives them time to be answered for, and answers for the rest. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#closed = true
    this.#room.wake()
    return Effect.promise(() => this.#options.sender.close()).pipe(
      Effect.timeoutOption(this.#options.requestTimeoutMillis),
      Effect.andThen(
        Effect.timeoutOption(this.#room.until(() => this.#flights.size === 0), this.#options.requestTimeoutMillis)
      ),
      Effect.andThen(Effect.sync(() => {
        for (const { batch } of this.#flights.values()) batch.settleAll(cutOff)
        this.#flights.clear()
      })),
      Effect.interruptible
    )
  })

  readonly #hasRoom = (): boolean => this.#closed || this.#bytes <= this.#options.maxBufferedBytes

  #now(): number {
    return Number(this.#options.clock.currentTimeNanosUnsafe()) / 1e6
  }

  #plan(batch: Batch, startedAt: number): Flight | undefined {
    const limit = this.#options.maxMessageBytes(batch.topic)
    let bound = batchOverhead
    for (let i = 0; i < batch.records.length; i++) bound += recordBound(batch.records[i]!)
    if (bound <= limit) {
      this.#bytes += bound
      return { batch, parts: [batch.records.map((_, i) => i)], bytes: bound, startedAt, endedAt: undefined }
    }
    const parts: Array<Array<number>> = []
    let part: Array<number> = []
    let partBytes = batchOverhead
    let bytes = 0
    for (let i = 0; i < batch.records.length; i++) {
      const size = recordSize(batch.records[i]!)
      if (size + batchOverhead > limit) {
        batch.settle(i, {
          _tag: "NotStored",
          reason: new PublishError.TooLarge({ bytes: size + batchOverhead, limit })
        })
        continue
      }
      if (partBytes + size > limit) {
        parts.push(part)
        part = []
        partBytes = batchOverhead
      }
      part.push(i)
      partBytes += size
      bytes += size
    }
    if (part.length > 0) parts.push(part)
    if (parts.length === 0) return undefined
    this.#bytes += bytes
    return { batch, parts, bytes, startedAt, endedAt: undefined }
  }

  #nextJob(flight: Flight): Job | undefined {
    const { batch } = flight
    const [part] = flight.parts
    if (part === undefined) return undefined
    const records = part.length === batch.records.length ? batch.records : part.map((index) => batch.records[index]!)
    const job = { topic: batch.topic.name, partition: records[0]!.partition, records }
    flight.endedAt = undefined
    this.#flights.set(job, flight)
    return job
  }

  readonly #done = (job: Job, result: JobResult): void => {
    const flight = this.#flights.get(job)
    // Answered for already, when the producer was closed.
    if (flight === undefined) return
    this.#flights.delete(job)
    const part = flight.parts.shift() ?? []
    if (result._tag === "Stored") {
      this.#stored(flight.batch, part, result.baseOffset)
    } else if (!this.#failed(flight, part, result)) {
      for (const rest of flight.parts) for (const index of rest) flight.batch.settle(index, behind)
      flight.parts.length = 0
    }
    const next = this.#closed ? undefined : this.#nextJob(flight)
    if (next !== undefined) {
      this.#options.sender.produce([next], this.#done)
      return
    }
    for (const rest of flight.parts) for (const index of rest) flight.batch.settle(index, closed)
    this.#bytes -= flight.bytes
    this.#room.wake()
  }

  #stored(batch: Batch, part: ReadonlyArray<number>, base: bigint | undefined): void {
    this.#options.onAck()
    for (let i = 0; i < part.length; i++) {
      batch.settle(part[i]!, {
        _tag: "Stored",
        offset: base === undefined ? undefined : base + BigInt(i),
        duplicate: false
      })
    }
  }

  /** Whether the rest of the batch may still be sent. */
  #failed(flight: Flight, part: ReadonlyArray<number>, result: JobResult & { readonly _tag: "Failed" }): boolean {
    const { batch } = flight
    const topic = batch.topic.name
    const tooLarge = result.failures.at(-1)?.code === "MESSAGE_TOO_LARGE" && !result.failures.some(isAmbiguous)
    if (tooLarge && part.length > 1) {
      // The topic takes less than we know of: each record on its own, so that only what is too large is refused.
      flight.parts.unshift(...part.map((index) => [index]))
      return true
    }
    const bytes = tooLarge ? recordSize(batch.records[part[0]!]!) + batchOverhead : 0
    const outcome = outcomeOf(result.failures, {
      topic,
      millis: this.#options.requestTimeoutMillis,
      ...(tooLarge
        ? { size: { bytes, limit: Math.min(bytes - 1, this.#options.maxMessageBytes(batch.topic)) } }
        : undefined)
    })
    for (const index of part) batch.settle(index, outcome)
    return tooLarge || outcome._tag === "Stored"
  }
}

export const makeProducer = Effect.fnUntraced(function*(
  options: ProducerOptions
): Effect.fn.Return<Producer, never, Scope.Scope> {
  const state = yield* Effect.acquireRelease(Effect.sync(() => new ProducerState(options)), (opened) => opened.close)
  yield* Effect.forkScoped(state.watch)
  return { lanes: state.lanes, send: state.send }
})
