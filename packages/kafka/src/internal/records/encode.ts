/**
 * Record batches of Kafka's format 2, written in one pass into one buffer: no object per record, no list of buffers, no
 * length measured before it is needed.
 *
 * The records are behind a header of 61 bytes, which is written last, because it holds their checksum.
 */
import type { OutboundRecord } from "@effect-eventbus/core/Broker"
import type { Value } from "@effect-eventbus/core/Headers"
import { batchOverhead, recordBound } from "../size.ts"
import * as varint from "./varint.ts"

/** A short string is written faster by a loop than by two calls out of JavaScript. */
const shortText = 64

const putBytes = (bytes: Uint8Array, at: number, value: Uint8Array): number => {
  const { length } = value
  at = varint.put(bytes, at, length)
  bytes.set(value, at)
  return at + length
}

const putLongText = (bytes: Buffer, at: number, text: string): number => {
  const length = Buffer.byteLength(text)
  at = varint.put(bytes, at, length)
  return at + bytes.write(text, at, length, "utf8")
}

/** The text in UTF-8 behind its length. Nearly all of it is short and ASCII: then the length is known beforehand. */
const putText = (bytes: Buffer, at: number, text: string): number => {
  const { length } = text
  if (length >= shortText) return putLongText(bytes, at, text)
  let end = at
  bytes[end++] = length << 1
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return putLongText(bytes, at, text)
    bytes[end++] = code
  }
  return end
}

const putCopy = (bytes: Uint8Array, at: number, from: Uint8Array): number => {
  bytes.set(from, at)
  return at + from.length
}

/** What a header looked like the last time in this place, as bytes. */
interface Known {
  readonly name: string
  /** The name behind its length. */
  readonly nameBytes: Uint8Array
  value: Value
  /** Name and value behind their lengths, once the same value has come twice. */
  whole: Uint8Array | undefined
}

/**
 * The headers of one topic: their names are the same for every record, and many of their values too. Remembered by place,
 * so nobody can make it grow by new names.
 */
export class HeaderMemory {
  readonly #known: Array<Known> = []

  /** Writes the header that is `index`th in its record; returns where it ends. */
  put(bytes: Buffer, at: number, index: number, name: string, value: Value): number {
    const known = this.#known[index]
    if (known === undefined || known.name !== name) {
      const end = putText(bytes, at, name)
      if (index < maxPlaces) {
        this.#known[index] = {
          name,
          nameBytes: Uint8Array.prototype.slice.call(bytes, at, end),
          value,
          whole: undefined
        }
      }
      return typeof value === "string" ? putText(bytes, end, value) : putBytes(bytes, end, value)
    }
    if (typeof value !== "string") return putBytes(bytes, putCopy(bytes, at, known.nameBytes), value)
    if (value === known.value) {
      if (known.whole !== undefined) return putCopy(bytes, at, known.whole)
      const end = putText(bytes, putCopy(bytes, at, known.nameBytes), value)
      if (end - at <= maxWhole) known.whole = Uint8Array.prototype.slice.call(bytes, at, end)
      return end
    }
    known.value = value
    known.whole = undefined
    return putText(bytes, putCopy(bytes, at, known.nameBytes), value)
  }
}

const maxPlaces = 64
const maxWhole = 1024

/** At least as many bytes as a batch of these records takes, before compression. */
export const bound = (records: ReadonlyArray<OutboundRecord>): number => {
  let bytes = batchOverhead
  for (let i = 0; i < records.length; i++) bytes += recordBound(records[i]!)
  return bytes
}

/**
 * Writes the records behind room for the header; returns where they end. All have the time of the batch. `bytes` has to be
 * as long as {@link bound} says.
 */
export const putRecords = (
  bytes: Buffer,
  records: ReadonlyArray<OutboundRecord>,
  memory: HeaderMemory
): number => {
  let at = batchOverhead
  // The length comes first and is known last: room for it is left as the last record needed it.
  let width = 2
  for (let i = 0; i < records.length; i++) {
    const { body, headers, key } = records[i]!
    const start = at
    at += width
    // attributes, and no difference to the time of the batch
    bytes[at++] = 0
    bytes[at++] = 0
    at = varint.put(bytes, at, i)
    at = putText(bytes, at, key)
    at = putBytes(bytes, at, body)
    at = varint.put(bytes, at, headers.length)
    for (let j = 0; j < headers.length; j++) {
      const header = headers[j]!
      at = memory.put(bytes, at, j, header[0], header[1])
    }
    const length = at - start - width
    const needed = varint.sizeOf(length)
    if (needed !== width) {
      bytes.copyWithin(start + needed, start + width, at)
      at += needed - width
      width = needed
    }
    varint.put(bytes, start, length)
  }
  if (at > bytes.length) throw new RangeError(`${at} bytes of records in a buffer of ${bytes.length}`)
  return at
}

/** Who sends a batch, and as which: all -1 without idempotence. */
export interface Stamp {
  readonly producerId: bigint
  readonly producerEpoch: number
  /** Of its first record, counted for each partition. */
  readonly sequence: number
}

/** Writes the header of a batch whose records are there, compressed or not, up to its end. */
export const putHeader = (
  batch: Buffer,
  options: Stamp & {
    readonly records: number
    /** Bits 0 to 2 of the attributes. */
    readonly codec: number
    /** Milliseconds since 1970. */
    readonly timestamp: number
    readonly crc32c: (bytes: Buffer) => number
  }
): void => {
  const timestamp = BigInt(options.timestamp)
  // The broker gives the offset.
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(options.codec, 21)
  batch.writeInt32BE(options.records - 1, 23)
  batch.writeBigInt64BE(timestamp, 27)
  batch.writeBigInt64BE(timestamp, 35)
  batch.writeBigInt64BE(options.producerId, 43)
  batch.writeInt16BE(options.producerEpoch, 51)
  batch.writeInt32BE(options.sequence, 53)
  batch.writeInt32BE(options.records, 57)
  batch.writeUInt32BE(options.crc32c(batch.subarray(21)), 17)
}
