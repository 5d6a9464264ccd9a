/**
 * What `eachBatch` has put aside of each partition, until somebody asks for it.
 */
import type { Batch } from "kafkajs"
import type { FetchedRecord } from "../engine.ts"

export const recordsOf = (batch: Batch, from: bigint): ReadonlyArray<FetchedRecord> => {
  const out: Array<FetchedRecord> = []
  for (const { headers, key, offset: at, timestamp, value } of batch.messages) {
    const offset = BigInt(at)
    if (offset < from) continue
    const body = value ?? Buffer.alloc(0)
    const own: Array<readonly [string, string | Uint8Array]> = []
    let size = body.length + (key?.length ?? 0)
    for (const [name, values] of Object.entries(headers ?? {})) {
      for (const one of Array.isArray(values) ? values : [values]) {
        const bytes = one === undefined ? Buffer.alloc(0) : Buffer.from(one)
        const asText = bytes.toString()
        own.push([name, Buffer.from(asText).equals(bytes) ? asText : bytes])
        size += name.length + bytes.length
      }
    }
    out.push({ offset, timestamp: Number(timestamp), key: key?.toString() ?? undefined, headers: own, body, size })
  }
  return out
}

/** What was put aside of a partition. */
export class Aside {
  batches: Array<Batch> = []
  bytes = 0
  paused = false
  /** Where the client reads on, as far as it was told by us; `undefined` until the first fetch. */
  position: bigint | undefined
}

export const bytesOf = (batch: Batch): number => {
  let bytes = 0
  for (const { key, value } of batch.messages) bytes += (key?.length ?? 0) + (value?.length ?? 0)
  return bytes
}
