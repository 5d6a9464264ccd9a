/**
 * The one classifier: what a failure of a Kafka client means for a publish, an administrative call, a subscription.
 */
import type { Outcome } from "@effect-eventbus/core/Broker"
import * as BrokerError from "@effect-eventbus/core/BrokerError"
import * as PublishError from "@effect-eventbus/core/PublishError"
import * as SubscribeError from "@effect-eventbus/core/SubscribeError"
import type { Failure } from "./failure.ts"

/** What a failure is about. */
export interface Subject {
  readonly topic: string
  readonly group?: string | undefined
  /** How long was waited, where something timed out. */
  readonly millis?: number | undefined
  /** Where a record or a batch was too large. */
  readonly size?: { readonly bytes: number; readonly limit: number } | undefined
}

type Meaning =
  | "unauthorized"
  | "topicMissing"
  | "tooLarge"
  | "full"
  | "sealed"
  | "conflict"
  | "unsupported"
  | "invalid"
  | "notConnected"
  | "timeout"
  | "groupConflict"
  | "retryable"
  | "fatal"

/**
 * The protocol's errors. What is not named is `retryable` if the protocol calls it so, else `fatal`; see
 * {@link meaningOf}.
 */
const meanings: Readonly<Record<string, Meaning>> = {
  TOPIC_AUTHORIZATION_FAILED: "unauthorized",
  GROUP_AUTHORIZATION_FAILED: "unauthorized",
  CLUSTER_AUTHORIZATION_FAILED: "unauthorized",
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "unauthorized",
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: "unauthorized",
  SASL_AUTHENTICATION_FAILED: "unauthorized",
  UNSUPPORTED_SASL_MECHANISM: "unauthorized",
  ILLEGAL_SASL_STATE: "unauthorized",
  UNKNOWN_TOPIC_OR_PARTITION: "topicMissing",
  UNKNOWN_TOPIC_ID: "topicMissing",
  MESSAGE_TOO_LARGE: "tooLarge",
  RECORD_LIST_TOO_LARGE: "tooLarge",
  KAFKA_STORAGE_ERROR: "full",
  THROTTLING_QUOTA_EXCEEDED: "full",
  POLICY_VIOLATION: "invalid",
  INVALID_TOPIC_EXCEPTION: "invalid",
  INVALID_PARTITIONS: "invalid",
  INVALID_REPLICATION_FACTOR: "invalid",
  INVALID_REPLICA_ASSIGNMENT: "invalid",
  INVALID_CONFIG: "invalid",
  INVALID_REQUEST: "invalid",
  INVALID_RECORD: "invalid",
  INVALID_TIMESTAMP: "invalid",
  INVALID_REQUIRED_ACKS: "invalid",
  TOPIC_ALREADY_EXISTS: "conflict",
  UNSUPPORTED_VERSION: "unsupported",
  UNSUPPORTED_COMPRESSION_TYPE: "unsupported",
  UNSUPPORTED_FOR_MESSAGE_FORMAT: "unsupported",
  REQUEST_TIMED_OUT: "timeout",
  NETWORK_EXCEPTION: "notConnected",
  BROKER_NOT_AVAILABLE: "notConnected",
  LEADER_NOT_AVAILABLE: "notConnected",
  NOT_LEADER_OR_FOLLOWER: "notConnected",
  REPLICA_NOT_AVAILABLE: "notConnected",
  COORDINATOR_NOT_AVAILABLE: "notConnected",
  COORDINATOR_LOAD_IN_PROGRESS: "notConnected",
  NOT_COORDINATOR: "notConnected",
  NOT_CONTROLLER: "notConnected",
  INCONSISTENT_GROUP_PROTOCOL: "groupConflict",
  INVALID_GROUP_ID: "groupConflict",
  FENCED_INSTANCE_ID: "groupConflict",
  UNRELEASED_INSTANCE_ID: "groupConflict",
  GROUP_MAX_SIZE_REACHED: "groupConflict",
  NOT_ENOUGH_REPLICAS: "retryable",
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: "retryable",
  CORRUPT_MESSAGE: "retryable",
  UNKNOWN_SERVER_ERROR: "retryable",
  OUT_OF_ORDER_SEQUENCE_NUMBER: "retryable",
  UNKNOWN_PRODUCER_ID: "retryable",
  INVALID_PRODUCER_EPOCH: "retryable",
  INVALID_PRODUCER_ID_MAPPING: "retryable",
  PRODUCER_FENCED: "retryable",
  CONCURRENT_TRANSACTIONS: "retryable",
  FENCED_LEADER_EPOCH: "retryable",
  UNKNOWN_LEADER_EPOCH: "retryable",
  OFFSET_NOT_AVAILABLE: "retryable",
  UNSTABLE_OFFSET_COMMIT: "retryable",
  FETCH_SESSION_ID_NOT_FOUND: "retryable",
  INVALID_FETCH_SESSION_EPOCH: "retryable",
  FETCH_SESSION_TOPIC_ID_ERROR: "retryable",
  INCONSISTENT_TOPIC_ID: "retryable",
  REBALANCE_IN_PROGRESS: "retryable",
  ILLEGAL_GENERATION: "retryable",
  UNKNOWN_MEMBER_ID: "retryable",
  MEMBER_ID_REQUIRED: "retryable",
  NON_EMPTY_GROUP: "retryable"
}

/**
 * Codes after which a record of this attempt may be in the log all the same. A leader that has appended and waits for its
 * followers when it is deposed answers with `NOT_LEADER_OR_FOLLOWER`, although the next leader may have the record.
 */
const ambiguousCodes = new Set([
  "NOT_LEADER_OR_FOLLOWER",
  "REQUEST_TIMED_OUT",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "NETWORK_EXCEPTION",
  "UNKNOWN_SERVER_ERROR",
  "KAFKA_STORAGE_ERROR"
])

/** Codes that say that the record is there already. */
const storedCodes = new Set(["DUPLICATE_SEQUENCE_NUMBER"])

const meaningOf = ({ code, kind }: Failure): Meaning => {
  switch (kind) {
    case "protocol":
      return (code === undefined ? undefined : meanings[code]) ?? "fatal"
    case "unreachable":
    case "lost":
    case "closed":
      return "notConnected"
    case "timeout":
      return "timeout"
    case "unauthenticated":
    case "tls":
      return "unauthorized"
    case "usage":
      return "fatal"
  }
}

/** Whether the record of a failed produce request may have been stored. */
export const isAmbiguous = ({ code, kind }: Failure): boolean =>
  kind === "protocol" ? code !== undefined && ambiguousCodes.has(code) : kind === "lost" || kind === "timeout"

export const isStored = ({ code, kind }: Failure): boolean =>
  kind === "protocol" && code !== undefined && storedCodes.has(code)

const details = ({ cause, kind, message: said }: Failure) => {
  const message = kind === "tls" ? `TLS: ${said.trim()}` : said
  return cause === undefined ? { message } : { message, cause }
}

/** Why an administrative call, or a connection, failed. */
export const brokerReason = (failure: Failure, { millis = 0, topic }: Subject): BrokerError.Reason => {
  const more = details(failure)
  const meaning = meaningOf(failure)
  switch (meaning) {
    case "unauthorized":
      return new BrokerError.Unauthorized(more)
    case "topicMissing":
      return new BrokerError.TopicMissing({ topic, ...more })
    case "full":
    case "sealed":
    case "conflict":
    case "unsupported":
    case "invalid":
      return new BrokerError.Refused({ kind: meaning, ...more })
    case "notConnected":
      return new BrokerError.NotConnected(more)
    case "timeout":
      return new BrokerError.Timeout({ millis, ...more })
    case "tooLarge":
    case "groupConflict":
    case "fatal":
      return new BrokerError.BrokerFailure({ retryable: false, ...more })
    case "retryable":
      return new BrokerError.BrokerFailure({ retryable: true, ...more })
  }
}

export const brokerError = (failure: Failure, subject: Subject): BrokerError.BrokerError =>
  new BrokerError.BrokerError({ reason: brokerReason(failure, subject) })

const publishReason = (failure: Failure, subject: Subject): PublishError.Reason =>
  meaningOf(failure) === "tooLarge" && subject.size !== undefined
    ? new PublishError.TooLarge({ ...subject.size, cause: failure.cause })
    : failure.kind === "closed"
    ? new PublishError.Closed()
    : brokerReason(failure, subject)

/**
 * What one produce attempt came to for a record. `failures` is everything that happened to it on the way, the client's
 * own retries included: where one of them may have stored it, the outcome is ambiguous, whatever came after.
 */
export const outcomeOf = (failures: ReadonlyArray<Failure>, subject: Subject): Outcome => {
  const last = failures.at(-1)
  if (last === undefined) {
    return {
      _tag: "Ambiguous",
      reason: new PublishError.BrokerFailure({ retryable: true, message: "the client gave no answer" })
    }
  }
  if (isStored(last)) return { _tag: "Stored", offset: undefined, duplicate: false }
  const unclear = failures.find(isAmbiguous)
  return unclear === undefined
    ? { _tag: "NotStored", reason: publishReason(last, subject) }
    : { _tag: "Ambiguous", reason: publishReason(isAmbiguous(last) ? last : unclear, subject) }
}

/** Why a subscription cannot start or go on. */
export const subscribeReason = (failure: Failure, { group = "", topic }: Subject): SubscribeError.Reason => {
  const more = details(failure)
  switch (meaningOf(failure)) {
    case "unauthorized":
      return new SubscribeError.Unauthorized(more)
    case "topicMissing":
      return new SubscribeError.TopicMissing({ topic, ...more })
    case "groupConflict":
      return new SubscribeError.GroupConflict({ group, ...more })
    case "notConnected":
      return new SubscribeError.ConnectionLost(more)
    case "timeout":
    case "retryable":
    case "full":
      return new SubscribeError.BrokerFailure({ retryable: true, ...more })
    case "tooLarge":
    case "sealed":
    case "conflict":
    case "unsupported":
    case "invalid":
    case "fatal":
      return new SubscribeError.BrokerFailure({ retryable: false, ...more })
  }
}

export const subscribeError = (
  failure: Failure,
  subject: Subject & { readonly group: string }
): SubscribeError.SubscribeError =>
  new SubscribeError.SubscribeError({
    topic: subject.topic,
    group: subject.group,
    reason: subscribeReason(failure, subject)
  })
