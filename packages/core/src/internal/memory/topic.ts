/**
 * One topic: its partitions, retention and deduplication. A pure state machine: it is told what time it is.
 */
import type { OutboundRecord, TopicInfo } from "../../Broker.ts"
import type { Counters } from "./counters.ts"
import { DedupeWindow } from "./dedupe.ts"
import type { Group } from "./group.ts"
import { PartitionLog } from "./log.ts"
import { NumberRing } from "./ring.ts"

/** What the broker refuses on its own, where the topic's retention sets no limit. */
export interface Limits {
  /** Records per topic that has no `retention.count`. */
  readonly maxRecords: number
  /** Bytes per topic that has no `retention.bytes`. */
  readonly maxBytes: number
  /** Bytes of one record. */
  readonly maxRecordBytes: number
  /** Event ids that a topic remembers for deduplication. */
  readonly maxDedupeIds: number
}

// What `store` answers instead of an offset. Numbers, so that nothing is allocated for a record.
export const duplicate = -1
export const full = -2
export const tooLarge = -3
export const badPartition = -4

export class Topic {
  info: TopicInfo
  readonly limits: Limits
  readonly counters: Counters
  readonly logs: ReadonlyArray<PartitionLog>
  readonly groups = new Map<string, Group>()
  readonly dedupe: DedupeWindow
  count = 0
  bytes = 0
  /** The first offset of the record that {@link store} called a duplicate; `undefined` if it is in another partition. */
  duplicateOffset: number | undefined = undefined

  /** The partition of each retained record, oldest first; not kept where there is one partition only. */
  private readonly order: NumberRing | undefined
  private latest = 0
  /** Partitions that were appended to since the last {@link notify}. */
  private readonly appended: Array<number> = []
  private readonly isAppended: Uint8Array

  constructor(info: TopicInfo, limits: Limits, counters: Counters) {
    this.info = info
    this.limits = limits
    this.counters = counters
    this.logs = Array.from({ length: info.partitions }, (_, partition) => new PartitionLog(partition))
    this.order = info.partitions > 1 ? new NumberRing() : undefined
    this.isAppended = new Uint8Array(info.partitions)
    this.dedupe = new DedupeWindow(info.dedupeWindowMillis, limits.maxDedupeIds, counters)
  }

  /** Takes over a changed definition; a lower limit evicts at once. */
  update(info: TopicInfo, now: number): void {
    this.info = info
    this.dedupe.windowMillis = info.dedupeWindowMillis
    const { bytes, count } = info.retention
    if (count !== undefined) { while (this.count > count) this.evictOldest() }
    if (bytes !== undefined) { while (this.bytes > bytes) this.evictOldest() }
    this.evictExpired(now)
  }

  /** The largest record that can be stored here. */
  get maxRecordBytes(): number {
    return Math.min(this.limits.maxRecordBytes, this.info.retention.bytes ?? this.limits.maxBytes)
  }

  /**
   * Stores one record and returns its offset, or one of the negative answers above. `force` stores it although its id
   * is known (fault injection).
   */
  store(record: OutboundRecord, wall: number, force = false): number {
    const log = this.logs[record.partition]
    if (log === undefined) return badPartition
    const now = this.tick(wall)
    if (!force && this.dedupe.find(record.eventId, now)) {
      this.duplicateOffset = this.dedupe.foundPartition === record.partition ? this.dedupe.foundOffset : undefined
      this.counters.duplicates++
      return duplicate
    }
    if (record.size > this.maxRecordBytes) return tooLarge
    this.evictExpired(now)
    if (!this.fits(1, record.size)) return full
    this.makeRoom(record.size)
    const offset = log.append(record, now)
    if (this.order !== undefined) this.order.push(record.partition)
    this.count++
    this.bytes += record.size
    this.counters.stored++
    if (this.isAppended[record.partition] === 0) {
      this.isAppended[record.partition] = 1
      this.appended.push(record.partition)
    }
    if (!force) this.dedupe.remember(record.eventId, record.partition, offset, now)
    return offset
  }

  /** Tells the groups what was stored since the last time: once per step, not once per record. */
  notify(): void {
    for (const partition of this.appended) {
      this.isAppended[partition] = 0
      for (const group of this.groups.values()) group.appended(partition)
    }
    this.appended.length = 0
  }

  /** What `store` would answer for reasons that lie in the record alone: a negative answer, or 0. */
  check(record: OutboundRecord): number {
    if (record.partition >= this.logs.length) return badPartition
    return record.size > this.maxRecordBytes ? tooLarge : 0
  }

  /** Would `store` say {@link duplicate}? */
  isDuplicate(record: OutboundRecord, wall: number): boolean {
    return this.dedupe.find(record.eventId, this.tick(wall))
  }

  /**
   * Can so much more be stored, evicting where a retention limit allows it? A batch that alone exceeds a retention
   * limit does not fit either: it would evict its own records.
   */
  fits(count: number, bytes: number): boolean {
    const { retention } = this.info
    if (retention.count === undefined ? this.count + count > this.limits.maxRecords : count > retention.count) {
      return false
    }
    if (retention.bytes !== undefined) return bytes <= retention.bytes
    const over = this.bytes + bytes - this.limits.maxBytes
    return over <= 0 || over <= this.bytesFreedFor(count)
  }

  /** The partition of each retained record, oldest first. */
  *inOrder(): Generator<number> {
    if (this.order !== undefined) yield* this.order
    else for (let i = this.count; i > 0; i--) yield 0
  }

  /** Removes what is older than the retention age. */
  evictExpired(now: number): void {
    const age = this.info.retention.ageMillis
    if (age === undefined) return
    while (this.count > 0) {
      const log = this.logs[this.oldest()]!
      if (now - log.timestampOf(log.start) < age) return
      this.evictOldest()
    }
  }

  /** Broker time never runs backwards, whatever the wall clock does: offsets and timestamps rise together. */
  private tick(wall: number): number {
    if (wall > this.latest) this.latest = wall
    return this.latest
  }

  private makeRoom(size: number): void {
    const { bytes, count } = this.info.retention
    if (count !== undefined) { while (this.count + 1 > count) this.evictOldest() }
    if (bytes !== undefined) { while (this.count > 0 && this.bytes + size > bytes) this.evictOldest() }
  }

  /** Bytes that the eviction by count gives back when `count` more records are stored. */
  private bytesFreedFor(count: number): number {
    let left = this.count + count - (this.info.retention.count ?? Infinity)
    if (left <= 0) return 0
    const next = this.logs.map(({ start }) => start)
    let bytes = 0
    for (const partition of this.inOrder()) {
      if (left-- <= 0) break
      bytes += this.logs[partition]!.sizeOf(next[partition]!++)
    }
    return bytes
  }

  private oldest(): number {
    return this.order === undefined ? 0 : this.order.peek()
  }

  private evictOldest(): void {
    const partition = this.order === undefined ? 0 : this.order.pop()
    this.bytes -= this.logs[partition]!.evict()
    this.count--
    this.counters.evicted++
  }
}
