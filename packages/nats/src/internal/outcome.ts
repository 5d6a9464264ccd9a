/**
 * Outcomes that say the same for many records are shared objects.
 */
import { type Outcome, PublishError } from "./core.ts"

export const stored = (sequence: number): Outcome => ({
  _tag: "Stored",
  offset: BigInt(sequence),
  duplicate: false
})

export const duplicateOf = (sequence: number): Outcome => ({
  _tag: "Stored",
  offset: BigInt(sequence),
  duplicate: true
})

/** Acknowledged together with others: JetStream gives no sequence for each of them. */
export const storedSomewhere: Outcome = { _tag: "Stored", offset: undefined, duplicate: false }

/** The same for a batch of which nothing was new. */
export const duplicateSomewhere: Outcome = { _tag: "Stored", offset: undefined, duplicate: true }

export const notStored = (reason: PublishError.Reason): Outcome => ({ _tag: "NotStored", reason })

export const ambiguous = (reason: PublishError.Reason): Outcome => ({ _tag: "Ambiguous", reason })

/** Behind a record that was not stored. Retryable: it says nothing about this record. */
export const gap: Outcome = notStored(
  new PublishError.BrokerFailure({ retryable: true, message: "a record before it in its lane was not stored" })
)

export const closed: Outcome = notStored(new PublishError.Closed())

export const notConnected = (message: string): PublishError.Reason => new PublishError.NotConnected({ message })

export const lostAnswer: Outcome = ambiguous(
  new PublishError.NotConnected({ message: "the connection was lost before the answer came" })
)

export const missing = (topic: string): Outcome =>
  notStored(new PublishError.TopicMissing({ topic, message: `no stream takes the subject "${topic}"` }))

/** No server took it, and the topic is there. */
export const nobody: Outcome = notStored(
  new PublishError.BrokerFailure({ message: "no stream answers for the subject at the moment (503)", retryable: true })
)

export const unreadable: Outcome = ambiguous(
  new PublishError.BrokerFailure({ message: "the answer cannot be read", retryable: true })
)

/** The stream has answered for a later one. */
export const overtaken: Outcome = ambiguous(
  new PublishError.BrokerFailure({ retryable: true, message: "a later record was acknowledged, and this one was not" })
)

export const unanswered = (millis: number): Outcome =>
  ambiguous(new PublishError.Timeout({ millis, message: "the server has read the message and does not answer" }))
