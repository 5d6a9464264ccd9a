/**
 * What the broker answers for a record. Answers that say the same for many records are shared objects.
 */
import type { Outcome } from "../../Broker.ts"
import * as PublishError from "../../PublishError.ts"
import { badPartition, full, tooLarge, type Topic } from "./topic.ts"

export const stored = (offset: number): Outcome => ({ _tag: "Stored", offset: BigInt(offset), duplicate: false })

/** `offset` is the first one's, where that is in the same partition. */
export const duplicateOf = (offset: number | undefined): Outcome => ({
  _tag: "Stored",
  offset: offset === undefined ? undefined : BigInt(offset),
  duplicate: true
})

export const notStored = (reason: PublishError.Reason): Outcome => ({ _tag: "NotStored", reason })

export const ambiguous = (reason: PublishError.Reason): Outcome => ({ _tag: "Ambiguous", reason })

/** Behind a record that was not stored. Retryable: it says nothing about this record. */
export const gap: Outcome = notStored(
  new PublishError.BrokerFailure({ retryable: true, message: "a record before it in its lane was not stored" })
)

export const closed: Outcome = notStored(new PublishError.Closed())

export const notConnected = (message: string): PublishError.Reason => new PublishError.NotConnected({ message })

export const timedOut = (millis: number): PublishError.Reason =>
  new PublishError.Timeout({ millis, message: `no answer within ${millis} ms` })

export const topicMissing = (topic: string): Outcome =>
  notStored(new PublishError.TopicMissing({ topic, message: `there is no topic "${topic}"` }))

export const unsupported = (message: string): Outcome =>
  notStored(new PublishError.Refused({ kind: "unsupported", message }))

export const isFull = (topic: Topic): Outcome =>
  notStored(
    new PublishError.Refused({
      kind: "full",
      message: `the topic "${topic.info.name}" is full: ${topic.count} records, ${topic.bytes} bytes`
    })
  )

/** For one of the negative answers of `Topic.store`, but not for a duplicate. */
export const refused = (topic: Topic, code: number, size: number, partition: number): Outcome => {
  switch (code) {
    case tooLarge:
      return notStored(new PublishError.TooLarge({ bytes: size, limit: topic.maxRecordBytes }))
    case full:
      return isFull(topic)
    case badPartition:
      return notStored(
        new PublishError.Refused({
          kind: "invalid",
          message: `the topic "${topic.info.name}" has no partition ${partition}`
        })
      )
    default:
      throw new Error(`not a refusal: ${code}`)
  }
}
