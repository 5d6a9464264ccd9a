/**
 * What JetStream's answers mean. Pure: the table of this file is tested without a server.
 */
import { BrokerError, PublishError } from "./core.ts"

/** An error as the JetStream API gives it. */
export interface ApiError {
  /** Like an HTTP status. */
  readonly code: number
  readonly errCode: number
  readonly description: string
}

/** Where an answer belongs to. */
export interface Place {
  readonly topic: string
  /** Of the record that was refused. */
  readonly bytes: number
  /** The largest that the server takes. */
  readonly limit: number
}

const retryable = (error: ApiError): boolean => error.code === 429 || error.code === 503 || error.code === 500

const text = (error: ApiError): string => `${error.description} (${error.errCode})`

type Shared = BrokerError.Reason

/** Meanings that are the same for publishing and administration. */
const shared = (error: ApiError, topic: string): Shared | undefined => {
  const message = text(error)
  switch (error.errCode) {
    case 10059: // stream not found
      return new BrokerError.TopicMissing({ topic, message })
    case 10077: // maximum messages, bytes or messages per subject exceeded
    case 10047: // insufficient storage
    case 10028: // insufficient memory
    case 10023: // insufficient resources
    case 10002: // account resources exceeded
    case 10122: // stream max bytes exceeds the account's limit
      return new BrokerError.Refused({ kind: "full", message })
    case 10109: // sealed
      return new BrokerError.Refused({ kind: "sealed", message })
    case 10060: // expected stream does not match
    case 10070: // wrong last message id
    case 10071: // wrong last sequence
    case 10164: // the same, the sequence unknown
    case 10201: // a batch contains a duplicate
      return new BrokerError.Refused({ kind: "conflict", message })
    case 10074: // replicas > 1 without a cluster
    case 10174: // atomic publish is disabled
    case 10199: // atomic batch too large
    case 10205: // fast ingest is disabled
      return new BrokerError.Refused({ kind: "unsupported", message })
    case 10003: // bad request
    case 10025: // invalid JSON
    case 10052: // invalid stream configuration
    case 10065: // subjects overlap
    case 10097: // headers larger than 64 KiB
      return new BrokerError.Refused({ kind: "invalid", message })
    case 10158: // a duplicate is in process
    case 10008: // temporarily unavailable
    case 10009: // the cluster cannot handle the request
    case 10118: // stream is offline
    case 10176: // an atomic batch is incomplete
    case 10208: // unknown batch id
    case 10210: // too many batches
    case 10211:
      return new BrokerError.BrokerFailure({ message, retryable: true })
    case 10039: // not enabled for this account
    case 10076: // not enabled
      return new BrokerError.Refused({ kind: "unsupported", message })
    default:
      return error.code === 401 || error.code === 403 ? new BrokerError.Unauthorized({ message }) : undefined
  }
}

/** A refused publish. What it says of this attempt is `NotStored`. */
export const publishRefusal = (error: ApiError, { bytes, limit, topic }: Place): PublishError.Reason => {
  // message size exceeds maximum allowed
  if (error.errCode === 10054) return new PublishError.TooLarge({ bytes, limit })
  return shared(error, topic) ?? new PublishError.BrokerFailure({ message: text(error), retryable: retryable(error) })
}

/** A refused administrative request. */
export const apiRefusal = (error: ApiError, topic: string): BrokerError.Reason =>
  shared(error, topic) ?? new BrokerError.BrokerFailure({ message: text(error), retryable: retryable(error) })

/** No server took the message: there is no stream for the subject, or it has no leader at the moment. */
export const noResponders = new PublishError.BrokerFailure({
  message: "no stream answers for the subject at the moment (503)",
  retryable: true
})

/** A foreign error by its name, as the client throws it. */
export const clientError = (cause: unknown, topic: string, timeoutMillis: number): BrokerError.Reason => {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const message = error.message === "" ? error.name : error.message
  const nested = error.cause instanceof Error ? error.cause : undefined
  // Encryption was asked for, and the server has none: trying again helps as little as going on without.
  if (/not support.*\btls\b|\btls\b.*not available/i.test(message)) {
    return new BrokerError.Refused({ kind: "unsupported", message, cause })
  }
  switch (error.name) {
    case "JetStreamApiError":
    case "StreamNotFoundError":
    case "ConsumerNotFoundError": {
      const api = apiErrorOf(error)
      return api === undefined
        ? new BrokerError.BrokerFailure({ message, retryable: true, cause })
        : apiRefusal(api, topic)
    }
    case "AuthorizationError":
    case "UserAuthenticationExpiredError":
    case "PermissionViolationError":
      return new BrokerError.Unauthorized({ message, cause })
    case "TimeoutError":
      return new BrokerError.Timeout({ millis: timeoutMillis, message: "the server did not answer", cause })
    case "NoRespondersError":
    case "JetStreamNotEnabled":
      return new BrokerError.BrokerFailure({
        message: "JetStream does not answer: it is not enabled, or has no leader at the moment",
        retryable: true,
        cause
      })
    case "ClosedConnectionError":
    case "DrainingConnectionError":
    case "ConnectionError":
      return new BrokerError.NotConnected({ message, cause })
    case "RequestError":
      return nested === undefined
        ? new BrokerError.NotConnected({ message, cause })
        : clientError(nested, topic, timeoutMillis)
    case "InvalidArgumentError":
    case "InvalidSubjectError":
    case "InvalidNameError":
      return new BrokerError.Refused({ kind: "invalid", message, cause })
    default:
      return systemError(error, message)
  }
}

const codeOf = (error: Error): string => "code" in error && typeof error.code === "string" ? error.code : ""

/** What Node says of sockets and TLS. */
const systemError = (error: Error, message: string): BrokerError.Reason => {
  const code = codeOf(error)
  // UNABLE_TO_VERIFY_LEAF_SIGNATURE, UNABLE_TO_GET_ISSUER_CERT: an authority that is not trusted.
  if (/CERT|SSL|TLS|SELF_SIGNED|ALTNAME|UNABLE_TO|HOSTNAME_MISMATCH/.test(code)) {
    return new BrokerError.Unauthorized({ message: `TLS: ${message.trim()}`, cause: error })
  }
  if (/^E[A-Z]+$/.test(code)) return new BrokerError.NotConnected({ message, cause: error })
  return new BrokerError.BrokerFailure({ message, retryable: false, cause: error })
}

/** The API error inside the client's exception. */
const apiErrorOf = (error: Error): ApiError | undefined => {
  if (!("apiError" in error) || typeof error.apiError !== "function") return undefined
  const found: unknown = error.apiError()
  return parseApiError(found)
}

/** The `error` of a JSON answer. */
export const parseApiError = (found: unknown): ApiError | undefined => {
  if (typeof found !== "object" || found === null) return undefined
  const code = "code" in found && typeof found.code === "number" ? found.code : 500
  const errCode = "err_code" in found && typeof found.err_code === "number" ? found.err_code : 0
  const description = "description" in found && typeof found.description === "string"
    ? found.description
    : "no description"
  return { code, errCode, description }
}
