import type * as PublishError from "../../PublishError.ts"
import type * as PublishResult from "../../PublishResult.ts"
import type { Receipt } from "../../Receipt.ts"
import type { Entry } from "./entry.ts"

const receiptOf = (entry: Entry, offset: bigint | undefined, duplicate: boolean): Receipt => {
  const topic = entry.topic.info.name
  const { eventId, partition } = entry
  if (offset === undefined) {
    return duplicate ? { topic, eventId, partition, duplicate } : { topic, eventId, partition }
  }
  return duplicate ? { topic, eventId, partition, offset, duplicate } : { topic, eventId, partition, offset }
}

export const acked = (entry: Entry, offset: bigint | undefined, duplicate: boolean): PublishResult.Acked => ({
  _tag: "Acked",
  topic: entry.topic.info.name,
  eventId: entry.eventId,
  aggregateId: entry.key,
  receipt: receiptOf(entry, offset, duplicate)
})

export const rejected = (entry: Entry, reason: PublishError.Reason): PublishResult.Rejected => ({
  _tag: "Rejected",
  topic: entry.topic.info.name,
  eventId: entry.eventId,
  aggregateId: entry.key,
  reason
})

export const unknown = (entry: Entry, reason: PublishError.Reason): PublishResult.Unknown => ({
  _tag: "Unknown",
  topic: entry.topic.info.name,
  eventId: entry.eventId,
  aggregateId: entry.key,
  reason
})

/** The outcome of an envelope that is given up for `reason`, by what is known of its attempts. */
export const givenUp = (entry: Entry, reason: PublishError.Reason): PublishResult.PublishResult =>
  entry.ambiguous !== undefined || entry.outstanding ? unknown(entry, reason) : rejected(entry, reason)
