/**
 * Why a publish did not end with a receipt.
 *
 * `outcome` is the honest part: `"rejected"` says that the envelope is proved not to be stored, `"unknown"` that it may
 * be (the answer was lost, or did not come in time). The event id of an unknown one stays valid: publishing the same
 * envelope again is safe wherever the broker or the consumer deduplicates by event id.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import * as BrokerError from "./BrokerError.ts"

export {
  BrokerFailure,
  NotConnected,
  Refused,
  Timeout,
  TopicMismatch,
  TopicMissing,
  Unauthorized
} from "./BrokerError.ts"

/**
 * One thing that is wrong with an envelope: where (the path from the envelope down, as in `["payload", "total"]`; wire
 * names where bytes were decoded) and what.
 *
 * @category models
 * @since 0.1.0
 */
export const Issue = Schema.Struct({
  path: Schema.Array(Schema.Union([Schema.String, Schema.Finite])),
  message: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type Issue = typeof Issue.Type

/**
 * The envelope breaks a rule of the envelope or of its event's schema. Found before any I/O. Not retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidEnvelope
  extends Schema.TaggedError<InvalidEnvelope>("@effect-eventbus/core/PublishError/InvalidEnvelope")("InvalidEnvelope", {
    issues: Schema.NonEmptyArray(Issue)
  })
{
  override get message(): string {
    return this.issues.map(({ message, path }) => `${path.length === 0 ? "envelope" : path.join(".")}: ${message}`)
      .join("; ")
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The encoded envelope with its headers is larger than the broker, or the window (`maxPendingBytes`), can ever take.
 * Not retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooLarge extends Schema.TaggedError<TooLarge>("@effect-eventbus/core/PublishError/TooLarge")("TooLarge", {
  bytes: Schema.Finite,
  limit: Schema.Finite,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.bytes} bytes with headers, the limit is ${this.limit}`
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The bus is closing or closed. Not retryable with this bus.
 *
 * @category errors
 * @since 0.1.0
 */
export class Closed extends Schema.TaggedError<Closed>("@effect-eventbus/core/PublishError/Closed")("Closed", {}) {
  override get message(): string {
    return "the event bus is closed"
  }
  get isRetryable(): boolean {
    return false
  }
}

/**
 * `tryPublish` found the window full. Retryable: `publish` and `publishAsync` wait instead.
 *
 * @category errors
 * @since 0.1.0
 */
export class Backpressure extends Schema.TaggedError<Backpressure>("@effect-eventbus/core/PublishError/Backpressure")(
  "Backpressure",
  { pending: Schema.Finite, pendingBytes: Schema.Finite }
) {
  override get message(): string {
    return `the window is full: ${this.pending} pending, ${this.pendingBytes} bytes`
  }
  get isRetryable(): boolean {
    return true
  }
}

/**
 * @category errors
 * @since 0.1.0
 */
export const Reason = Schema.Union([InvalidEnvelope, TooLarge, Closed, Backpressure, ...BrokerError.Reason.members])

/**
 * @category errors
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * @category errors
 * @since 0.1.0
 */
export class PublishError extends Schema.TaggedError<PublishError>("@effect-eventbus/core/PublishError")(
  "PublishError",
  {
    /** `"rejected"`: proved not stored. `"unknown"`: it may be stored. */
    outcome: Schema.Literals(["rejected", "unknown"]),
    reason: Reason,
    topic: Schema.String,
    eventId: Schema.String
  }
) {
  override get message(): string {
    return `${this.outcome} ${this.topic}/${this.eventId}: ${this.reason._tag}: ${this.reason.message}`
  }
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
