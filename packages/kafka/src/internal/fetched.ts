/**
 * Record batches, as fetched, into the records that may be delivered.
 */
import type { FetchedRecord } from "./engine.ts"
import { decode } from "./headers.ts"

const isControl = 1 << 5
const isTransactional = 1 << 4
const logAppendTime = 1 << 3

type Bytes = Buffer | null

/** A record batch of Kafka's format 2, as far as it is read here. */
export interface RawBatch {
  readonly firstOffset: bigint
  readonly lastOffsetDelta: number
  readonly attributes: number
  readonly firstTimestamp: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly records: ReadonlyArray<{
    readonly offsetDelta: number
    readonly timestampDelta: bigint
    readonly key: Bytes
    readonly value: Bytes
    readonly headers: ReadonlyArray<readonly [Bytes, Bytes]>
  }>
}

export interface Aborted {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

const empty = Buffer.alloc(0)

/** What an abort marker looks like: version and type, two bytes each; type 0 aborts. */
const aborts = (batch: RawBatch): boolean => {
  const key = batch.records[0]?.key
  return key !== null && key !== undefined && key.length >= 4 && key.readInt16BE(2) === 0
}

/**
 * The records at `from` and behind that may be delivered, and where the next fetch goes on. Records of aborted
 * transactions are left out, as Kafka's own consumer does it: a producer's records from an aborted transaction's first
 * offset to its abort marker.
 */
export const readBatches = (
  batches: ReadonlyArray<RawBatch>,
  from: bigint,
  aborted: ReadonlyArray<Aborted>
): { readonly records: ReadonlyArray<FetchedRecord>; readonly next: bigint } => {
  const records: Array<FetchedRecord> = []
  const pending = aborted.toSorted((a, b) => a.firstOffset < b.firstOffset ? -1 : 1)
  const aborting = new Set<bigint>()
  let upcoming = 0
  let next = from
  for (const batch of batches) {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta)
    while (upcoming < pending.length && pending[upcoming]!.firstOffset <= last) {
      aborting.add(pending[upcoming]!.producerId)
      upcoming++
    }
    if (last + 1n > next) next = last + 1n
    if ((batch.attributes & isControl) !== 0) {
      if (aborts(batch)) aborting.delete(batch.producerId)
      continue
    }
    if ((batch.attributes & isTransactional) !== 0 && aborting.has(batch.producerId)) continue
    const stored = (batch.attributes & logAppendTime) === 0 ? undefined : Number(batch.maxTimestamp)
    for (const record of batch.records) {
      const offset = batch.firstOffset + BigInt(record.offsetDelta)
      // A fetch answers with whole batches, so it may begin before what was asked for.
      if (offset < from) continue
      const { key } = record
      const body = record.value ?? empty
      let size = body.length + (key?.length ?? 0)
      for (const [name, value] of record.headers) size += (name?.length ?? 0) + (value?.length ?? 0)
      records.push({
        offset,
        timestamp: stored ?? Number(batch.firstTimestamp + record.timestampDelta),
        key: key === null ? undefined : key.toString(),
        headers: decode(record.headers),
        body,
        size
      })
    }
  }
  return { records, next }
}
