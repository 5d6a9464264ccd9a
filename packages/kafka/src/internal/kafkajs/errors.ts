/**
 * Errors of `kafkajs` as failures. That client hides what its earlier tries met behind the last error, and reconnects
 * inside of a failing call, so that a refused connection proves nothing about what was sent before it: whatever is no
 * answer of the broker counts as lost.
 */
import { type Failure, failure, protocolFailure } from "../failure.ts"

const property = (error: unknown, name: string): unknown =>
  typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined

/** Names of the protocol's errors that this client still has from before they were changed. */
const renamed: Readonly<Record<string, string>> = {
  GROUP_LOAD_IN_PROGRESS: "COORDINATOR_LOAD_IN_PROGRESS",
  GROUP_COORDINATOR_NOT_AVAILABLE: "COORDINATOR_NOT_AVAILABLE",
  NOT_COORDINATOR_FOR_GROUP: "NOT_COORDINATOR",
  NOT_LEADER_FOR_PARTITION: "NOT_LEADER_OR_FOLLOWER"
}

const text = (value: unknown): string => typeof value === "string" ? value : ""

export const failureOf = (error: unknown): Failure => {
  const name = text(property(error, "name"))
  const message = text(property(error, "message")) || String(error)
  const type = text(property(error, "type"))
  if (name === "KafkaJSNumberOfRetriesExceeded" || name === "KafkaJSNonRetriableError") {
    const cause = property(error, "cause")
    if (cause !== undefined && cause !== null) return failureOf(cause)
  }
  if (name === "KafkaJSCreateTopicError" || name === "KafkaJSAggregateError") {
    const errors = property(error, "errors")
    if (Array.isArray(errors) && errors.length > 0) return failureOf(errors[0])
  }
  if (name.startsWith("KafkaJSSASLAuthentication")) return failure("unauthenticated", message, error)
  if (type !== "") return protocolFailure(renamed[type] ?? type, message, error)
  switch (name) {
    case "KafkaJSRequestTimeoutError":
      return failure("timeout", message, error)
    case "KafkaJSConnectionError":
      return /SSL|TLS|certificate/i.test(message) ? failure("tls", message, error) : failure("lost", message, error)
    case "KafkaJSNonRetriableError":
    case "KafkaJSNotImplemented":
    case "KafkaJSServerDoesNotSupportApiKey":
      return failure("usage", message, error)
    default:
      return failure("lost", message, error)
  }
}

/** Of a call that stores nothing: without a connection it has not been made. */
export const adminFailureOf = (error: unknown): Failure => {
  const found = failureOf(error)
  return found.kind === "lost" ? { ...found, kind: "unreachable" } : found
}
