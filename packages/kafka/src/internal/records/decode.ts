/**
 * Record batches of Kafka's format 2, read straight from the bytes of an answer: checksum first, then record by record, with
 * no object in between.
 */
import type { Value } from "@effect-eventbus/core/Headers"
import { isUtf8 } from "node:buffer"
import type { FetchedRecord } from "../engine.ts"
import { batchOverhead } from "../size.ts"

/** What was fetched is not what was written. */
export class Corrupt extends Error {}

export interface DecodeOptions {
  readonly crc32c: (bytes: Buffer) => number
  readonly decompress: (codec: number, bytes: Buffer) => Buffer
}

/** A batch without its records. */
export interface Batch {
  readonly firstOffset: bigint
  readonly lastOffset: bigint
  readonly attributes: number
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: bigint
  readonly count: number
  /** Behind the header; compressed where the attributes say so. */
  readonly records: Buffer
}

export const isControl = 1 << 5
export const isTransactional = 1 << 4
const logAppendTime = 1 << 3
const codecMask = 7

const empty = Buffer.alloc(0)

/** Length of the batch that begins at `at`, all of it; 0 where the bytes end before it does. */
export const lengthAt = (bytes: Buffer, at: number): number => {
  if (bytes.length - at < batchOverhead) return 0
  const length = 12 + bytes.readInt32BE(at + 8)
  return length > bytes.length - at ? 0 : length
}

/** `bytes` are one batch. */
export const readBatch = (bytes: Buffer, { crc32c }: Pick<DecodeOptions, "crc32c">): Batch => {
  const magic = bytes.readInt8(16)
  if (magic !== 2) throw new Corrupt(`a batch of format ${magic}; only 2 is known`)
  const firstOffset = bytes.readBigInt64BE(0)
  if (crc32c(bytes.subarray(21)) !== bytes.readUInt32BE(17)) {
    throw new Corrupt(`the batch at offset ${firstOffset} does not have the checksum that it says`)
  }
  return {
    firstOffset,
    lastOffset: firstOffset + BigInt(bytes.readInt32BE(23)),
    attributes: bytes.readInt16BE(21),
    firstTimestamp: Number(bytes.readBigInt64BE(27)),
    maxTimestamp: Number(bytes.readBigInt64BE(35)),
    producerId: bytes.readBigInt64BE(43),
    count: bytes.readInt32BE(57),
    records: bytes.subarray(batchOverhead)
  }
}

const textOf = (bytes: Buffer, from: number, to: number): string => {
  for (let i = from; i < to; i++) if (bytes[i]! > 127) return bytes.toString("utf8", from, to)
  return bytes.toString("latin1", from, to)
}

/** A value that is no text stays bytes. */
const valueOf = (bytes: Buffer, from: number, to: number): Value => {
  for (let i = from; i < to; i++) {
    if (bytes[i]! <= 127) continue
    const own = bytes.subarray(from, to)
    return isUtf8(own) ? own.toString() : Buffer.from(own)
  }
  return bytes.toString("latin1", from, to)
}

const same = (bytes: Buffer, from: number, to: number, known: Buffer): boolean => {
  if (to - from !== known.length) return false
  for (let i = 0; i < known.length; i++) if (bytes[from + i] !== known[i]) return false
  return true
}

/** What was in one place among the headers of the last record. */
interface Known {
  readonly nameBytes: Buffer
  readonly name: string
  /** `undefined` where it is too long to be remembered. */
  valueBytes: Buffer | undefined
  header: readonly [string, Value]
}

const maxPlaces = 64
const maxKnownValue = 64

/** The headers of one topic: names are the same for every record, and many of their values too. */
export class HeaderReader {
  readonly #known: Array<Known> = []

  read(
    index: number,
    bytes: Buffer,
    nameAt: number,
    nameEnd: number,
    at: number,
    end: number
  ): readonly [string, Value] {
    const known = this.#known[index]
    if (known !== undefined && same(bytes, nameAt, nameEnd, known.nameBytes)) {
      if (known.valueBytes !== undefined && same(bytes, at, end, known.valueBytes)) return known.header
      known.header = [known.name, valueOf(bytes, at, end)]
      known.valueBytes = end - at <= maxKnownValue ? bytes.subarray(at, end) : undefined
      return known.header
    }
    const name = textOf(bytes, nameAt, nameEnd)
    const header = [name, valueOf(bytes, at, end)] as const
    if (index < maxPlaces) {
      this.#known[index] = {
        nameBytes: Buffer.from(bytes.subarray(nameAt, nameEnd)),
        name,
        valueBytes: undefined,
        header
      }
    }
    return header
  }
}

/** Reads varints one behind the other. */
class Cursor {
  at = 0
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** Of up to 32 bits. */
  varint(): number {
    const { bytes } = this
    let byte = bytes[this.at++]!
    let raw = byte & 127
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[this.at++]!
      raw |= (byte & 127) << shift
    }
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** Of up to 53 bits. */
  varlong(): number {
    const { bytes } = this
    let byte = bytes[this.at++]!
    let raw = byte & 127
    for (let factor = 128; byte > 127; factor *= 128) {
      byte = bytes[this.at++]!
      raw += (byte & 127) * factor
    }
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
  }

  /** Skips so many bytes; says where they began. */
  skip(length: number): number {
    const from = this.at
    this.at += length
    return from
  }
}

/** Puts the records at `from` and behind it into `out`. */
export const readRecords = (
  batch: Batch,
  from: bigint,
  out: Array<FetchedRecord>,
  memory: HeaderReader,
  { decompress }: Pick<DecodeOptions, "decompress">
): void => {
  const codec = batch.attributes & codecMask
  const bytes = codec === 0 ? batch.records : decompress(codec, batch.records)
  const stored = (batch.attributes & logAppendTime) === 0 ? undefined : batch.maxTimestamp
  const cursor = new Cursor(bytes)
  for (let i = 0; i < batch.count; i++) {
    const length = cursor.varint()
    const end = cursor.at + length
    if (length <= 0 || end > bytes.length) {
      throw new Corrupt(`the batch at offset ${batch.firstOffset} ends within a record`)
    }
    // attributes, unused
    cursor.at++
    const timestamp = batch.firstTimestamp + cursor.varlong()
    const offset = batch.firstOffset + BigInt(cursor.varint())
    // A fetch answers with whole batches, so it may begin before what was asked for.
    if (offset < from) {
      cursor.at = end
      continue
    }
    const keyLength = cursor.varint()
    const keyAt = cursor.skip(Math.max(0, keyLength))
    const bodyLength = cursor.varint()
    const bodyAt = cursor.skip(Math.max(0, bodyLength))
    const count = cursor.varint()
    if (cursor.at > end || count < 0 || count > length) {
      throw new Corrupt(`the record at offset ${offset} is longer than it says`)
    }
    let size = Math.max(0, keyLength) + Math.max(0, bodyLength)
    const headers = new Array<readonly [string, Value]>(count)
    for (let j = 0; j < count; j++) {
      const nameLength = Math.max(0, cursor.varint())
      const nameAt = cursor.skip(nameLength)
      const valueLength = Math.max(0, cursor.varint())
      const valueAt = cursor.skip(valueLength)
      if (cursor.at > end) throw new Corrupt(`the record at offset ${offset} is longer than it says`)
      headers[j] = memory.read(j, bytes, nameAt, nameAt + nameLength, valueAt, valueAt + valueLength)
      size += nameLength + valueLength
    }
    out.push({
      offset,
      timestamp: stored ?? timestamp,
      key: keyLength < 0 ? undefined : textOf(bytes, keyAt, keyAt + keyLength),
      headers,
      body: bodyLength <= 0 ? empty : bytes.subarray(bodyAt, bodyAt + bodyLength),
      size
    })
    cursor.at = end
  }
}

/** What an abort marker's key looks like: version and type, two bytes each; type 0 aborts. */
export const isAbort = (batch: Batch): boolean => {
  const cursor = new Cursor(batch.records)
  cursor.varint()
  cursor.at++
  cursor.varlong()
  cursor.varint()
  const length = cursor.varint()
  return length >= 4 && batch.records.readInt16BE(cursor.at + 2) === 0
}
