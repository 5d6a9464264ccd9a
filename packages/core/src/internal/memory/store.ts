/**
 * Storing what a batch holds, and saying what came of it.
 */
import type { Batch, OutboundRecord, Outcome } from "../../Broker.ts"
import * as Outcomes from "./outcome.ts"
import { duplicate, type Topic } from "./topic.ts"

/** Most records in an all-or-nothing batch. */
export const atomicBatch = 1000

export const storeOne = (topic: Topic, record: OutboundRecord, wall: number): Outcome => {
  const offset = topic.store(record, wall)
  if (offset >= 0) return Outcomes.stored(offset)
  if (offset === duplicate) return Outcomes.duplicateOf(topic.duplicateOffset)
  topic.counters.refused++
  return Outcomes.refused(topic, offset, record.size, record.partition)
}

/**
 * Why an all-or-nothing batch cannot be stored, or `undefined`. Records that are known already are acknowledged again
 * and need no room: a batch whose first answer was lost may be sent again.
 */
export const atomicRefusal = (topic: Topic, batch: Batch, wall: number): Outcome | undefined => {
  const { records } = batch
  if (records.length > atomicBatch) {
    return Outcomes.unsupported(`an atomic batch has at most ${atomicBatch} records, not ${records.length}`)
  }
  let count = 0
  let bytes = 0
  for (const record of records) {
    const code = topic.check(record)
    if (code < 0) return Outcomes.refused(topic, code, record.size, record.partition)
    if (topic.isDuplicate(record, wall)) continue
    count++
    bytes += record.size
  }
  topic.evictExpired(wall)
  return topic.fits(count, bytes) ? undefined : Outcomes.isFull(topic)
}

/**
 * Stores the first `limit` records at most, for a batch whose answer is lost. Returns whether the batch is stored as a
 * whole.
 */
export const storePrefix = (topic: Topic, batch: Batch, limit: number, ordered: boolean, wall: number): boolean => {
  const { records } = batch
  if (batch.atomic && (limit < records.length || atomicRefusal(topic, batch, wall) !== undefined)) return false
  let whole = true
  for (let i = 0; i < records.length; i++) {
    if (i >= limit) return false
    if (storeOne(topic, records[i]!, wall)._tag === "NotStored") {
      whole = false
      if (ordered) return false
    }
  }
  return whole
}
