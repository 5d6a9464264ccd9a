/**
 * One event plus its metadata, as it travels.
 *
 * The rules of an envelope, checked before anything is published and after anything was decoded:
 *
 * - `eventId`: not blank, at most 256 bytes of UTF-8, well-formed text without control characters (it travels in
 *   headers). The same for `type`, `traceId`, `correlationId` and `causationId`.
 * - `aggregateId`: 1 to 256 bytes of `[A-Za-z0-9:_./-]`. It is the unit of order, Kafka's key, and a lane's name.
 * - `version`: a safe integer above 0. `tenantId`: a safe integer.
 * - `timestamp`: a valid `Date` in the years 0000 to 9999, which is what RFC 3339 can write.
 * - `headers`: at most 64 and 16 KiB; see `Headers.nameProblem` and `Headers.valueProblem`. No two names differ in case
 *   alone.
 * - `payload`: what the event's schema says, at most 64 levels deep, with no key `__proto__` anywhere.
 *
 * @since 0.1.0
 */
import { isRecord } from "./internal/isRecord.ts"
import { issue } from "./internal/issues.ts"
import * as Text from "./internal/text.ts"
import { timestampProblem } from "./internal/timestamp.ts"
import * as UserHeaders from "./internal/userHeaders.ts"
import type * as PublishError from "./PublishError.ts"

/**
 * Headers of the application, beside those that the wire format writes itself.
 *
 * @category models
 * @since 0.1.0
 */
export type Headers = Readonly<Record<string, string>>

/**
 * @category models
 * @since 0.1.0
 */
export interface Envelope<out Type extends string = string, out Payload = unknown> {
  /** Unique; stays the same when the envelope is published again, so that brokers and consumers recognise it. */
  readonly eventId: string
  /** All envelopes with one aggregate id are handled in the order in which they were published. */
  readonly aggregateId: string
  /** The event's name. */
  readonly type: Type
  /** The version of the event's payload. */
  readonly version: number
  /** When it happened. Milliseconds: finer digits of other writers are cut off. */
  readonly timestamp: Date
  /** Trace id of the application's own tracing. The W3C context travels apart from it. */
  readonly traceId?: string
  /** The business transaction that this event is part of. */
  readonly correlationId?: string
  /** The event id, or command id, that caused this event. */
  readonly causationId?: string
  /** An integer. */
  readonly tenantId?: number
  readonly headers?: Headers
  readonly payload: Payload
}

/**
 * @category guards
 * @since 0.1.0
 */
export const isTenantId = (u: unknown): u is number => typeof u === "number" && Number.isSafeInteger(u)

/**
 * Whether `u` can be an event id, trace id, correlation id or causation id.
 *
 * @category guards
 * @since 0.1.0
 */
export const isEventId: (u: unknown) => u is string = Text.isId

/**
 * Whether `u` is 1 to 256 bytes of `[A-Za-z0-9:_./-]`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAggregateId: (u: unknown) => u is string = Text.isAggregateId

/**
 * Whether `u` is a safe integer above 0.
 *
 * @category guards
 * @since 0.1.0
 */
export const isVersion = (u: unknown): u is number => typeof u === "number" && Number.isSafeInteger(u) && u > 0

/**
 * All that is wrong with `u` as an envelope, except its payload, which only the event's schema can judge. Empty where
 * nothing is.
 *
 * @category validation
 * @since 0.1.0
 */
export const issues = (u: unknown): ReadonlyArray<PublishError.Issue> => {
  if (!isRecord(u)) return [issue([], "must be an object")]
  const out: Array<PublishError.Issue> = []
  const check = (key: string, problem: string | undefined): void => {
    if (problem !== undefined) out.push(issue([key], problem))
  }
  check("eventId", Text.idProblem(u.eventId))
  check("aggregateId", Text.aggregateIdProblem(u.aggregateId))
  check("type", Text.idProblem(u.type))
  check("version", isVersion(u.version) ? undefined : "must be an integer above 0")
  check("timestamp", timestampProblem(u.timestamp))
  if (u.traceId !== undefined) check("traceId", Text.idProblem(u.traceId))
  if (u.correlationId !== undefined) check("correlationId", Text.idProblem(u.correlationId))
  if (u.causationId !== undefined) check("causationId", Text.idProblem(u.causationId))
  if (u.tenantId !== undefined) check("tenantId", isTenantId(u.tenantId) ? undefined : "must be an integer")
  if (u.headers !== undefined) out.push(...UserHeaders.issues(u.headers))
  return out
}

/**
 * Whether `u` keeps the rules of an envelope. Says nothing of its payload.
 *
 * @category guards
 * @since 0.1.0
 */
export const isEnvelope = (u: unknown): u is Envelope => issues(u).length === 0
