/**
 * One partition: an append-only log of records with contiguous offsets, of which a prefix may have been evicted.
 *
 * Records are kept in columns, one set of arrays per segment: nothing is allocated per record, nothing of the object
 * that the publisher handed over stays reachable but the strings and bytes themselves, and eviction drops whole
 * segments. Bytes are not copied: whoever hands over a body must not write to it any more.
 */
import type { InboundRecord, OutboundRecord } from "../../Broker.ts"
import * as Headers from "../../Headers.ts"

/** Records per segment. Small enough that a mostly empty log is small, large enough that the list of segments is short. */
export const segmentSize = 1024

/** Dropped segments leave holes at the front of the list; it is compacted when it has at least so many. */
const compactFrom = 64

const noBody = new Uint8Array(0)

class Segment {
  readonly ids: Array<string> = []
  readonly keys: Array<string> = []
  readonly headers: Array<Headers.Headers> = []
  readonly bodies: Array<Uint8Array> = []
  readonly sizes: Array<number> = []
  readonly timestamps: Array<number> = []
}

export class PartitionLog {
  /** Earliest offset retained; equal to `end` when the log is empty. */
  start = 0
  /** The offset that the next record gets. */
  end = 0
  /** Bytes retained. */
  bytes = 0

  private segments: Array<Segment | undefined> = []
  /** Index in `segments` of the first one that is still there. */
  private head = 0
  /** Number of the segment at index 0: segment `n` holds the offsets from `n * segmentSize`. */
  private base = 0

  readonly partition: number

  constructor(partition: number) {
    this.partition = partition
  }

  /** `timestamp` must not be lower than the one before it, or {@link offsetAt} misses records. */
  append(record: OutboundRecord, timestamp: number): number {
    const offset = this.end
    if (offset % segmentSize === 0) this.segments.push(new Segment())
    const segment = this.segments[this.segments.length - 1]!
    segment.ids.push(record.eventId)
    segment.keys.push(record.key)
    segment.headers.push(record.headers)
    segment.bodies.push(record.body)
    segment.sizes.push(record.size)
    segment.timestamps.push(timestamp)
    this.end = offset + 1
    this.bytes += record.size
    return offset
  }

  /** Drops the oldest record and returns its size. The log must not be empty. */
  evict(): number {
    const offset = this.start
    const segment = this.segmentOf(offset)
    const index = offset % segmentSize
    const size = segment.sizes[index]!
    // A segment of large records would otherwise hold up to `segmentSize - 1` of them beyond the retention limit.
    segment.bodies[index] = noBody
    segment.headers[index] = Headers.empty
    this.start = offset + 1
    this.bytes -= size
    if (this.start % segmentSize === 0) this.dropSegment()
    return size
  }

  idOf(offset: number): string {
    return this.segmentOf(offset).ids[offset % segmentSize]!
  }

  sizeOf(offset: number): number {
    return this.segmentOf(offset).sizes[offset % segmentSize]!
  }

  timestampOf(offset: number): number {
    return this.segmentOf(offset).timestamps[offset % segmentSize]!
  }

  /** The record as a consumer gets it. `offset` must be retained. */
  read(topic: string, offset: number, epoch: number, attempt: number): InboundRecord {
    const segment = this.segmentOf(offset)
    const index = offset % segmentSize
    return {
      topic,
      partition: this.partition,
      offset: BigInt(offset),
      epoch,
      attempt,
      timestamp: segment.timestamps[index]!,
      key: segment.keys[index]!,
      headers: segment.headers[index]!,
      body: segment.bodies[index]!
    }
  }

  /** The first retained offset whose record was stored at `timestamp` or later; `end` if there is none. */
  offsetAt(timestamp: number): number {
    let low = this.start
    let high = this.end
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2)
      if (this.timestampOf(middle) < timestamp) low = middle + 1
      else high = middle
    }
    return low
  }

  private segmentOf(offset: number): Segment {
    return this.segments[Math.floor(offset / segmentSize) - this.base]!
  }

  private dropSegment(): void {
    this.segments[this.head] = undefined
    this.head++
    if (this.head >= compactFrom && this.head * 2 >= this.segments.length) {
      this.segments = this.segments.slice(this.head)
      this.base += this.head
      this.head = 0
    }
  }
}
