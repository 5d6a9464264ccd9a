import { Effect } from "effect"
import type * as Broker from "../../Broker.ts"
import type * as SubscribeError from "../../SubscribeError.ts"
import { Signal } from "../signal.ts"
import { Conditions } from "./conditions.ts"
import { type Held, Partition } from "./held.ts"

/** Records taken with one poll, so that no partition's backlog is decoded in one go. */
const maxChunk = 512

const sizeOf = (record: Broker.InboundRecord): number => {
  let size = record.body.length
  const { headers } = record
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    size += header[0].length + header[1].length
  }
  return size
}

/**
 * One consumer and what is held of it. A subscription has one for its topic, and one for its group's retry topic where
 * there is one.
 *
 * A record counts as in flight until its settlement was handed to the consumer, so that core never asks for more than
 * the consumer may hand out.
 */
export class Source<A> {
  readonly spec: Broker.TopicSpec
  readonly consumer: Broker.Consumer
  readonly partitions = new Map<number, Partition<A>>()
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  paused = false
  inFlight = 0
  bytes = 0
  readonly #space = new Signal()
  readonly #work = new Signal()
  readonly #conditions = new Conditions()
  #settled: Array<Held<A>> = []
  #handing = 0
  /** The settler has ended: nothing is handed over any more. */
  #broken = false

  constructor(consumer: Broker.Consumer, options: Broker.ConsumerOptions) {
    this.spec = options.topic
    this.consumer = consumer
    this.maxInFlight = options.maxInFlight
    this.maxInFlightBytes = options.maxInFlightBytes
  }

  get full(): boolean {
    return this.inFlight >= this.maxInFlight || this.bytes >= this.maxInFlightBytes
  }

  partition(number: number): Partition<A> {
    const known = this.partitions.get(number)
    if (known !== undefined) return known
    const partition = new Partition(this, number)
    this.partitions.set(number, partition)
    return partition
  }

  /** Measures a record on its way in. */
  readonly sizeOf = sizeOf

  hold(held: Held<A>): void {
    held.partition.held.add(held)
    this.inFlight++
    this.bytes += held.size
  }

  /** A redelivery of a record that is still held. */
  find(partition: Partition<A>, offset: bigint): Held<A> | undefined {
    for (const held of partition.held) if (held.record.offset === offset) return held
    return undefined
  }

  /** Hands the settlement over with the next batch. */
  settle(held: Held<A>): void {
    this.#settled.push(held)
    this.#work.notify()
  }

  /** Gives it up without a settlement. */
  forget(held: Held<A>): void {
    this.#release(held)
    this.#space.notify()
  }

  resumePolling(): void {
    this.#space.notify()
  }

  #release(held: Held<A>): void {
    if (!held.partition.held.delete(held)) return
    this.inFlight--
    this.bytes -= held.size
  }

  /** Polls while there is room, for ever. */
  poller(arrived: (records: ReadonlyArray<Broker.InboundRecord>) => void): Effect.Effect<
    never,
    SubscribeError.SubscribeError
  > {
    return Effect.suspend(() =>
      this.full || this.paused
        ? this.#space.wait
        : Effect.map(this.consumer.poll(Math.min(maxChunk, this.maxInFlight - this.inFlight)), arrived)
    ).pipe(Effect.forever({ disableYield: true }))
  }

  /**
   * Hands settlements over, for ever. It lets a turn of the event loop pass after it was woken, so that what settles
   * together is handed over together.
   */
  readonly settler: Effect.Effect<never, SubscribeError.SubscribeError> = Effect.suspend(() => {
    const batch = this.#settled
    if (batch.length === 0) return Effect.andThen(this.#work.wait, Effect.yieldNow)
    this.#settled = []
    this.#handing = batch.length
    return Effect.map(this.consumer.settle(batch.map((held) => held.record)), () => {
      this.#handing = 0
      for (let i = 0; i < batch.length; i++) this.#release(batch[i]!)
      this.#space.notify()
      this.#conditions.check()
    })
  }).pipe(
    Effect.forever({ disableYield: true }),
    Effect.onExit(() =>
      Effect.sync(() => {
        this.#broken = true
        this.#conditions.check()
      })
    )
  )

  /** Completes when every settlement so far was handed over, or none will be. */
  readonly handedOver: Effect.Effect<void> = Effect.suspend(() =>
    this.#conditions.until(() => this.#broken || (this.#settled.length === 0 && this.#handing === 0))
  )

  /** Starts the ack wait of everything held again. */
  readonly heartbeat: Effect.Effect<void> = Effect.suspend(() => {
    const records: Array<Broker.InboundRecord> = []
    for (const partition of this.partitions.values()) {
      for (const held of partition.held) records.push(held.record)
    }
    return records.length === 0 ? Effect.void : this.consumer.heartbeat(records)
  })
}
