/**
 * What a Kafka client's error says, in terms that are the same for every client. One file per client turns its errors
 * into this; `classify.ts` turns this into the bus's reasons.
 */

/**
 * - `protocol`: the broker answered with an error code (`code`).
 * - `unreachable`: no connection could be made; nothing was written.
 * - `lost`: the connection broke while an answer was awaited, or may have been.
 * - `timeout`: no answer came in time.
 * - `unauthenticated`: the credentials were refused.
 * - `closed`: this client is closed; nothing was written.
 * - `tls`: the two sides do not agree on TLS.
 * - `usage`: the client refused the call itself; nothing was written.
 */
export type FailureKind =
  | "protocol"
  | "unreachable"
  | "lost"
  | "timeout"
  | "unauthenticated"
  | "closed"
  | "tls"
  | "usage"

export interface Failure {
  readonly kind: FailureKind
  /** Name of the protocol's error, as `NOT_LEADER_OR_FOLLOWER`, where the broker answered with one. */
  readonly code: string | undefined
  readonly message: string
  readonly cause: unknown
}

export const failure = (kind: FailureKind, message: string, cause?: unknown): Failure => ({
  kind,
  code: undefined,
  message,
  cause
})

export const protocolFailure = (code: string, message: string, cause?: unknown): Failure => ({
  kind: "protocol",
  code,
  message: `${code}: ${message}`,
  cause
})
