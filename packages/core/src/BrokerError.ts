/**
 * What a broker or its client answered instead of doing what it was asked, in terms that are the same for every driver.
 *
 * The reasons here are shared by {@link BrokerError} (administration, health), `PublishError` and `SubscribeError`. A
 * driver has one pure classifier that turns foreign errors into them; the foreign error stays in `cause`.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

const details = { message: Schema.String, cause: Schema.optionalKey(Schema.Defect()) }

/**
 * The credentials are wrong, have expired, or do not allow the operation. Not retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>("@effect-eventbus/core/BrokerError/Unauthorized")(
  "Unauthorized",
  details
) {
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The topic does not exist, and the strategy did not allow to create it. Not retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class TopicMissing extends Schema.TaggedError<TopicMissing>("@effect-eventbus/core/BrokerError/TopicMissing")(
  "TopicMissing",
  { topic: Schema.String, ...details }
) {
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The topic exists and differs from its definition where the strategy allows no difference, or its definition cannot be
 * kept by this broker. Not retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class TopicMismatch extends Schema.TaggedError<TopicMismatch>("@effect-eventbus/core/BrokerError/TopicMismatch")(
  "TopicMismatch",
  { topic: Schema.String, ...details }
) {
  get isRetryable(): boolean {
    return false
  }
}

/**
 * The broker understood and said no. `kind` tells why: `full` (a size or count limit that refuses instead of evicting;
 * retryable, because space may come back), `sealed` (read only), `conflict` (an expected position did not hold),
 * `unsupported` (this broker cannot do it), `invalid` (it finds the request malformed).
 *
 * @category errors
 * @since 0.1.0
 */
export class Refused extends Schema.TaggedError<Refused>("@effect-eventbus/core/BrokerError/Refused")("Refused", {
  kind: Schema.Literals(["full", "sealed", "conflict", "unsupported", "invalid"]),
  ...details
}) {
  get isRetryable(): boolean {
    return this.kind === "full"
  }
}

/**
 * There was no connection, or it broke before the answer. Retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotConnected extends Schema.TaggedError<NotConnected>("@effect-eventbus/core/BrokerError/NotConnected")(
  "NotConnected",
  details
) {
  get isRetryable(): boolean {
    return true
  }
}

/**
 * No answer came in time. Retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class Timeout extends Schema.TaggedError<Timeout>("@effect-eventbus/core/BrokerError/Timeout")("Timeout", {
  millis: Schema.Finite,
  ...details
}) {
  get isRetryable(): boolean {
    return true
  }
}

/**
 * Everything else that a broker answers. The driver's classifier knows whether another try can help.
 *
 * @category errors
 * @since 0.1.0
 */
export class BrokerFailure extends Schema.TaggedError<BrokerFailure>("@effect-eventbus/core/BrokerError/BrokerFailure")(
  "BrokerFailure",
  { retryable: Schema.Boolean, ...details }
) {
  get isRetryable(): boolean {
    return this.retryable
  }
}

/**
 * @category errors
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  Unauthorized,
  TopicMissing,
  TopicMismatch,
  Refused,
  NotConnected,
  Timeout,
  BrokerFailure
])

/**
 * @category errors
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * The failure of an administrative call, a health check, or of opening a producer.
 *
 * @category errors
 * @since 0.1.0
 */
export class BrokerError extends Schema.TaggedError<BrokerError>("@effect-eventbus/core/BrokerError")("BrokerError", {
  reason: Reason
}) {
  override get message(): string {
    return `${this.reason._tag}: ${this.reason.message}`
  }
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
