/**
 * One partition: an append-only log of records with contiguous offsets, of which a prefix may have been evicted.
 *
 * Records are kept in columns, one set of arrays per segment: nothing is allocated per record, nothing of the object
 * that the publisher handed over stays reachable but the strings and bytes themselves, and eviction drops whole
 * segments. Small bodies are copied, large ones are not: whoever hands over a body must not write to it any more.
 */
import type { InboundRecord, OutboundRecord } from "../../Broker.ts"
import type * as Headers from "../../Headers.ts"

/** Records per segment. Small enough that a mostly empty log is small, large enough that the list of segments is short. */
export const segmentSize = 1024

/** Dropped segments leave holes at the front of the list; it is compacted when it has at least so many. */
const compactFrom = 64

/** A larger body is kept as it is, so that it can be let go of as soon as it is evicted. */
const largeBody = 4096

class Segment {
  readonly ids: Array<string>
  readonly keys: Array<string>
  /** Names and values of all the records' headers, one after the other: an array of pairs per record costs five times more. */
  readonly headers: Array<Headers.Value>
  /** Where the headers of each record end in `headers`. */
  readonly headerEnds: Array<number>
  /** The bodies that are not large, copied one after the other: a typed array of its own per record costs more than its bytes. */
  bytes: Uint8Array
  /** Where the bytes of each record end in `bytes`. */
  readonly bytesEnds: Array<number>
  readonly large: Array<Uint8Array | undefined>
  readonly sizes: Array<number>
  readonly timestamps: Array<number>
  headersEnd = 0
  bytesEnd = 0

  /** With room for so many records, header parts and bytes: growing by doubling would allocate three times as much. */
  constructor(records: number, headerParts: number, bytes: number) {
    this.ids = new Array<string>(records)
    this.keys = new Array<string>(records)
    this.headers = new Array<Headers.Value>(headerParts)
    this.headerEnds = new Array<number>(records)
    this.bytes = new Uint8Array(bytes)
    this.bytesEnds = new Array<number>(records)
    this.large = new Array<Uint8Array | undefined>(records)
    this.sizes = new Array<number>(records)
    this.timestamps = new Array<number>(records)
  }

  /** Empty again, for other records. The bytes are new ones: whoever was given a record may still be reading the old. */
  reuse(bytes: number): this {
    this.headersEnd = 0
    this.bytesEnd = 0
    this.bytes = new Uint8Array(bytes)
    return this
  }

  appendBody(index: number, body: Uint8Array): void {
    if (body.length > largeBody) {
      this.large[index] = body
    } else {
      this.large[index] = undefined
      const end = this.bytesEnd + body.length
      if (end > this.bytes.length) {
        const grown = new Uint8Array(Math.max(end, this.bytes.length * 2))
        grown.set(this.bytes)
        this.bytes = grown
      }
      this.bytes.set(body, this.bytesEnd)
      this.bytesEnd = end
    }
    this.bytesEnds[index] = this.bytesEnd
  }

  bodyOf(index: number): Uint8Array {
    return this.large[index] ??
      this.bytes.subarray(index === 0 ? 0 : this.bytesEnds[index - 1]!, this.bytesEnds[index]!)
  }

  headersFrom(index: number): number {
    return index === 0 ? 0 : this.headerEnds[index - 1]!
  }

  headersOf(index: number): Headers.Headers {
    const end = this.headerEnds[index]!
    const out: Array<readonly [name: string, value: Headers.Value]> = []
    for (let i = this.headersFrom(index); i < end; i += 2) out.push([String(this.headers[i]), this.headers[i + 1]!])
    return out
  }
}

export class PartitionLog {
  /** Earliest offset retained; equal to `end` when the log is empty. */
  start = 0
  /** The offset that the next record gets. */
  end = 0
  /** Bytes retained. */
  bytes = 0

  private segments: Array<Segment | undefined> = []
  /** The one that was evicted last: its columns serve again, so that a full topic allocates none. */
  private spare: Segment | undefined = undefined
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
    const index = offset % segmentSize
    if (index === 0) {
      // A log that has filled one segment will fill the next one, with headers and bytes of much the same number.
      const full = this.segments.at(-1)
      const next = full === undefined
        ? new Segment(0, 0, 4096)
        : this.spare?.reuse(full.bytesEnd) ?? new Segment(segmentSize, full.headersEnd, full.bytesEnd)
      this.spare = undefined
      this.segments.push(next)
    }
    const segment = this.segments[this.segments.length - 1]!
    segment.ids[index] = record.eventId
    segment.keys[index] = record.key
    const { headers } = record
    for (let i = 0; i < headers.length; i++) {
      const header = headers[i]!
      segment.headers[segment.headersEnd++] = header[0]
      segment.headers[segment.headersEnd++] = header[1]
    }
    segment.headerEnds[index] = segment.headersEnd
    segment.appendBody(index, record.body)
    segment.sizes[index] = record.size
    segment.timestamps[index] = timestamp
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
    // A segment of large records would otherwise hold up to `segmentSize - 1` of them beyond the retention limit. Small
    // ones go with their segment.
    if (size > largeBody) {
      segment.large[index] = undefined
      segment.headers.fill("", segment.headersFrom(index), segment.headerEnds[index]!)
    }
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
      headers: segment.headersOf(index),
      body: segment.bodyOf(index)
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
    this.spare = this.segments[this.head]
    this.segments[this.head] = undefined
    this.head++
    if (this.head >= compactFrom && this.head * 2 >= this.segments.length) {
      this.segments = this.segments.slice(this.head)
      this.base += this.head
      this.head = 0
    }
  }
}
