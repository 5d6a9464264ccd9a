/**
 * The bytes of a fetched partition, as the records that may be delivered.
 */
import type { FetchedRecord } from "./engine.ts"
import {
  Corrupt,
  type DecodeOptions,
  type HeaderReader,
  isAbort,
  isControl,
  isTransactional,
  lengthAt,
  readBatch,
  readRecords
} from "./records/decode.ts"

export interface Aborted {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

export interface Fetched {
  readonly records: ReadonlyArray<FetchedRecord>
  /** Where the next fetch goes on. */
  readonly next: bigint
  /** Why it does not go on behind `next`: what is there was not written so. */
  readonly corrupt: string | undefined
}

/**
 * The records at `from` and behind that may be delivered, up to the end, or to the first batch that is corrupt. Records of
 * aborted transactions are left out, as Kafka's own consumer does it: a producer's records from an aborted transaction's
 * first offset to its abort marker. A batch that is cut off at the end comes whole with the next fetch.
 */
export const readBatches = (
  bytes: Buffer,
  from: bigint,
  aborted: ReadonlyArray<Aborted>,
  memory: HeaderReader,
  options: DecodeOptions
): Fetched => {
  const records: Array<FetchedRecord> = []
  const pending = aborted.toSorted((a, b) => a.firstOffset < b.firstOffset ? -1 : 1)
  const aborting = new Set<bigint>()
  let upcoming = 0
  let next = from
  let at = 0
  for (let length = lengthAt(bytes, at); length > 0; length = lengthAt(bytes, at)) {
    const already = records.length
    try {
      // A record that is held for long keeps its batch in memory, and not the whole answer.
      const batch = readBatch(Buffer.from(bytes.subarray(at, at + length)), options)
      at += length
      while (upcoming < pending.length && pending[upcoming]!.firstOffset <= batch.lastOffset) {
        aborting.add(pending[upcoming]!.producerId)
        upcoming++
      }
      if ((batch.attributes & isControl) !== 0) {
        if (isAbort(batch)) aborting.delete(batch.producerId)
      } else if ((batch.attributes & isTransactional) === 0 || !aborting.has(batch.producerId)) {
        readRecords(batch, from, records, memory, options)
      }
      if (batch.lastOffset + 1n > next) next = batch.lastOffset + 1n
    } catch (error) {
      records.length = already
      const corrupt = error instanceof Corrupt ? error.message : `a batch cannot be read: ${String(error)}`
      return { records, next, corrupt }
    }
  }
  return { records, next, corrupt: undefined }
}
