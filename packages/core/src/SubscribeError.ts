/**
 * Why a subscription could not start, or what stopped it.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"
import { BrokerFailure, TopicMissing, Unauthorized } from "./BrokerError.ts"

export { BrokerFailure, TopicMissing, Unauthorized } from "./BrokerError.ts"

const details = { message: Schema.String, cause: Schema.optionalKey(Schema.Defect()) }

/**
 * The group exists with settings that this subscription contradicts (another start position is not a conflict: it only
 * counts for a group that has committed nothing), or its name is not `[A-Za-z0-9_-]{1,100}`. Not retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class GroupConflict
  extends Schema.TaggedError<GroupConflict>("@effect-eventbus/core/SubscribeError/GroupConflict")(
    "GroupConflict",
    { group: Schema.String, ...details }
  )
{
  get isRetryable(): boolean {
    return false
  }
}

/**
 * A delivery used up its attempts and `onExhausted` (or `onUnknown`) says `"halt"`: its aggregate's lane stopped at it.
 * Nothing behind it was handled, nothing was skipped. Not retryable: a person has to look.
 *
 * @category errors
 * @since 0.1.0
 */
export class LaneHalted extends Schema.TaggedError<LaneHalted>("@effect-eventbus/core/SubscribeError/LaneHalted")(
  "LaneHalted",
  {
    topic: Schema.String,
    partition: Schema.Finite,
    offset: Schema.BigInt,
    aggregateId: Schema.String,
    attempts: Schema.Finite,
    ...details
  }
) {
  get isRetryable(): boolean {
    return false
  }
}

/**
 * A dead letter could not be stored, so that its delivery stays unacknowledged and its lane stopped. Retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class DeadLetterFailed
  extends Schema.TaggedError<DeadLetterFailed>("@effect-eventbus/core/SubscribeError/DeadLetterFailed")(
    "DeadLetterFailed",
    { topic: Schema.String, deadLetterTopic: Schema.String, ...details }
  )
{
  get isRetryable(): boolean {
    return true
  }
}

/**
 * The connection was lost for good: the driver's reconnect policy has given up. Retryable with a new subscription.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionLost
  extends Schema.TaggedError<ConnectionLost>("@effect-eventbus/core/SubscribeError/ConnectionLost")(
    "ConnectionLost",
    details
  )
{
  get isRetryable(): boolean {
    return true
  }
}

/**
 * @category errors
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  TopicMissing,
  Unauthorized,
  GroupConflict,
  LaneHalted,
  DeadLetterFailed,
  ConnectionLost,
  BrokerFailure
])

/**
 * @category errors
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * @category errors
 * @since 0.1.0
 */
export class SubscribeError extends Schema.TaggedError<SubscribeError>("@effect-eventbus/core/SubscribeError")(
  "SubscribeError",
  { topic: Schema.String, group: Schema.String, reason: Reason }
) {
  override get message(): string {
    return `${this.topic} (${this.group}): ${this.reason._tag}: ${this.reason.message}`
  }
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
