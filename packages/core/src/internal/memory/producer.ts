/**
 * The broker's end of one producer.
 *
 * `send` only queues; one scheduled step stores everything that is queued and answers for it, so that acknowledgements
 * come later than the hand-over, as they do from a broker, and no fiber is started for a batch.
 *
 * The gap rule: when a batch is not stored as a whole, the lane is broken for that epoch, and whatever else comes under
 * it (or an older one) is not stored either. Within a batch the same holds for the records behind the one that failed.
 * Lanes are remembered only while they are broken.
 */
import { Effect } from "effect"
import type { Batch, LanePolicy, OutboundRecord, Outcome, TopicInfo, TopicSpec } from "../../Broker.ts"
import type { Attached, Connection } from "./connection.ts"
import { storeUnderFaults } from "./faulty.ts"
import type { Disconnection } from "./injector.ts"
import * as Outcomes from "./outcome.ts"
import { PendingAcks } from "./pendingAcks.ts"
import { atomicRefusal, storeOne, storePrefix } from "./store.ts"
import { Waiters } from "./waiters.ts"

/** Bytes that may be queued for the next step; above it `send` suspends. */
export const maxQueuedBytes = 64 * 1024 * 1024

const limits = { maxBatch: 512, maxBatchBytes: 1024 * 1024 }
const orderedPolicy: LanePolicy = { key: "partition", maxInFlight: 4, ...limits }
const unorderedPolicy: LanePolicy = { key: "none", maxInFlight: 16, ...limits }

const laneOf = (batch: Batch): string => `${batch.topic.name}\n${batch.lane}`

const bytesOf = (records: ReadonlyArray<OutboundRecord>): number => {
  let bytes = 0
  for (let i = 0; i < records.length; i++) bytes += records[i]!.size
  return bytes
}

export class ProducerState implements Attached {
  private readonly connection: Connection
  private queue: Array<Batch> = []
  private queuedBytes = 0
  /** Answered in the next step without having been queued. */
  private refused: Array<readonly [batch: Batch, outcome: Outcome]> = []
  private scheduled = false
  private closed = false
  /** By lane: the epoch in which it was broken. */
  private readonly broken = new Map<string, number>()
  /** Topics whose records have no order to keep, and no lanes. */
  private readonly unordered = new Set<string>()
  private readonly room: Waiters
  private readonly pending: PendingAcks

  constructor(connection: Connection) {
    this.connection = connection
    this.room = new Waiters(connection.schedule)
    this.pending = new PendingAcks(connection)
    connection.attach(this)
  }

  readonly lanes = (topic: TopicSpec, _info: TopicInfo): LanePolicy => {
    if (topic.order === "none") {
      this.unordered.add(topic.name)
      return unorderedPolicy
    }
    this.unordered.delete(topic.name)
    return orderedPolicy
  }

  readonly send = (batches: ReadonlyArray<Batch>): Effect.Effect<void> =>
    Effect.suspend(() => {
      for (const batch of batches) this.accept(batch)
      if (!this.scheduled) {
        this.scheduled = true
        this.connection.schedule(this.step)
      }
      return this.hasRoom() ? Effect.void : this.awaitRoom
    })

  /** The first `stored` of the queued records still reach the broker; no answer comes back. */
  disconnected({ reason, stored }: Disconnection): void {
    const lost = Outcomes.ambiguous(Outcomes.notConnected(reason))
    this.pending.lose(lost)
    const batches = this.takeQueue()
    let left = stored
    for (const batch of batches) {
      if (!this.storeUnanswered(batch, left)) this.breakLane(batch)
      left = Math.max(0, left - batch.records.length)
      batch.settleAll(lost)
    }
    this.notify(batches)
    this.room.wake()
  }

  reconnected(): void {}

  /** Stores and answers what was handed over; what comes later is refused. */
  close(): void {
    if (this.closed) return
    this.step()
    this.closed = true
    this.connection.detach(this)
    this.pending.lose(Outcomes.ambiguous(Outcomes.notConnected("the producer was closed before the answer came")))
    this.room.wake()
  }

  private accept(batch: Batch): void {
    if (this.closed || this.connection.closed) {
      this.refused.push([batch, Outcomes.closed])
    } else if (this.connection.connected) {
      this.queue.push(batch)
      this.queuedBytes += bytesOf(batch.records)
    } else {
      // Now, not in the step: the connection may be back by then, and a batch behind this one must see the gap.
      this.breakLane(batch)
      this.refused.push([batch, Outcomes.notStored(Outcomes.notConnected(this.connection.reason))])
    }
  }

  private readonly awaitRoom: Effect.Effect<void> = Effect.suspend(() =>
    this.hasRoom() ? Effect.void : Effect.andThen(this.room.wait(this.hasRoom), this.awaitRoom)
  )

  private readonly hasRoom = (): boolean => this.closed || this.queuedBytes <= maxQueuedBytes

  private takeQueue(): ReadonlyArray<Batch> {
    const { queue } = this
    this.queue = []
    this.queuedBytes = 0
    return queue
  }

  private readonly step = (): void => {
    this.scheduled = false
    const { refused } = this
    this.refused = []
    for (const [batch, outcome] of refused) batch.settleAll(outcome)
    const batches = this.takeQueue()
    const wall = this.connection.wall()
    for (let i = 0; i < batches.length; i++) {
      const lost = this.process(batches[i]!, wall)
      if (lost === undefined) continue
      // The rest is on its way, too: it is cut off with everything else.
      this.queue = batches.slice(i + 1)
      this.connection.options.injector!.disconnect(lost)
      break
    }
    this.notify(batches)
    this.room.wake()
  }

  /** Stores a batch and answers for it. Returns how the connection was lost meanwhile, if it was. */
  private process(batch: Batch, wall: number): Disconnection | undefined {
    const { cluster, options: { ackTimeoutMillis, injector } } = this.connection
    const topic = cluster.topics.get(batch.topic.name)
    if (topic === undefined) return this.refuse(batch, Outcomes.topicMissing(batch.topic.name))
    const ordered = this.isOrdered(batch)
    if (ordered && this.isBroken(batch)) return this.settleGap(batch, 0)
    const refusal = batch.atomic ? atomicRefusal(topic, batch, wall) : undefined
    if (refusal !== undefined) return this.refuse(batch, refusal)
    if (injector !== undefined && injector.armed) {
      const context = {
        connection: this.connection,
        injector,
        topic,
        ordered,
        wall,
        pending: this.pending,
        ackTimeoutMillis
      }
      const { broken, disconnection, gapFrom } = storeUnderFaults(context, batch)
      if (broken) this.breakLane(batch)
      this.settleGap(batch, gapFrom)
      return disconnection
    }
    const { records } = batch
    for (let i = 0; i < records.length; i++) {
      const outcome = storeOne(topic, records[i]!, wall)
      batch.settle(i, outcome)
      if (outcome._tag === "Stored") {
        this.connection.lastAckAt = wall
      } else if (ordered) {
        this.breakLane(batch)
        return this.settleGap(batch, i + 1)
      }
    }
    return undefined
  }

  /** As `process`, for a batch whose answer is lost: is it stored as a whole? */
  private storeUnanswered(batch: Batch, limit: number): boolean {
    const topic = this.connection.cluster.topics.get(batch.topic.name)
    const ordered = this.isOrdered(batch)
    if (topic === undefined || (ordered && this.isBroken(batch))) return false
    return storePrefix(topic, batch, limit, ordered, this.connection.wall())
  }

  private refuse(batch: Batch, outcome: Outcome): undefined {
    this.connection.cluster.counters.refused += batch.records.length
    this.breakLane(batch)
    batch.settleAll(outcome)
  }

  private settleGap(batch: Batch, from: number): undefined {
    const count = batch.records.length - from
    if (count === 0) return
    this.connection.cluster.counters.gaps += count
    batch.settleAll(Outcomes.gap, from)
  }

  private isOrdered(batch: Batch): boolean {
    return this.unordered.size === 0 || !this.unordered.has(batch.topic.name)
  }

  private isBroken(batch: Batch): boolean {
    if (this.broken.size === 0) return false
    const lane = laneOf(batch)
    const epoch = this.broken.get(lane)
    if (epoch === undefined) return false
    if (batch.epoch <= epoch) return true
    this.broken.delete(lane)
    return false
  }

  private breakLane(batch: Batch): void {
    if (this.isOrdered(batch)) this.broken.set(laneOf(batch), batch.epoch)
  }

  /** Wakes the consumers of what was stored. */
  private notify(batches: ReadonlyArray<Batch>): void {
    let last = ""
    for (const { topic } of batches) {
      if (topic.name === last) continue
      last = topic.name
      this.connection.cluster.topics.get(last)?.notify()
    }
  }
}
