/**
 * The half of decoding that all wire formats share: is what was read an envelope, and is it one of the topic's.
 */
import * as Envelope from "../Envelope.ts"
import type * as PublishError from "../PublishError.ts"
import type * as Wire from "../Wire.ts"
import { Invalid, issue } from "./issues.ts"
import { aggregateIdProblem, idProblem, isAggregateId, isId } from "./text.ts"
import * as Timestamp from "./timestamp.ts"
import type { WireEvents } from "./wireEvents.ts"

/** What a format has found, not checked yet. An optional member that is absent is `undefined`. */
export interface Found {
  readonly eventId: unknown
  readonly aggregateId: unknown
  readonly type: unknown
  readonly version: unknown
  /** RFC 3339 */
  readonly timestamp: unknown
  readonly traceId: unknown
  readonly correlationId: unknown
  readonly causationId: unknown
  readonly tenantId: unknown
  readonly headers: Envelope.Headers | undefined
  /** A JSON value. */
  readonly payload: unknown
}

/** What the format calls them, for issues. */
export type Names = { readonly [K in Exclude<keyof Found, "headers" | "payload">]: string }

export const undecodable = (issues: ReadonlyArray<PublishError.Issue>): Wire.Undecodable => ({
  _tag: "Undecodable",
  issues,
  message: issues.map(({ message, path }) => path.length === 0 ? message : `${path.join(".")}: ${message}`).join("; ")
})

interface Draft {
  eventId: string
  aggregateId: string
  type: string
  version: number
  timestamp: Date
  traceId?: string
  correlationId?: string
  causationId?: string
  tenantId?: number
  headers?: Envelope.Headers
  payload: unknown
}

export const check = <A>(found: Found, events: WireEvents<A>, names: Names): Wire.Decoding => {
  const { aggregateId, causationId, correlationId, eventId, headers, tenantId, timestamp, traceId, type, version } =
    found
  const millis = typeof timestamp === "string" ? Timestamp.parse(timestamp) : Number.NaN
  if (
    !isId(eventId)
    || !isAggregateId(aggregateId)
    || !isId(type)
    || !Envelope.isVersion(version)
    || Number.isNaN(millis)
    || !(traceId === undefined || isId(traceId))
    || !(correlationId === undefined || isId(correlationId))
    || !(causationId === undefined || isId(causationId))
    || !(tenantId === undefined || Envelope.isTenantId(tenantId))
  ) {
    return undecodable(explain(found, names))
  }
  const event = events.get(type)
  if (event === undefined) return { _tag: "UnknownType", eventId, aggregateId, type }
  const result = event.payload.decode(version, found.payload)
  if (result === undefined) return { _tag: "UnknownVersion", eventId, aggregateId, type, version }
  if (result instanceof Invalid) return undecodable(result.issues)
  const envelope: Draft = {
    eventId,
    aggregateId,
    type,
    version: event.version,
    timestamp: new Date(millis),
    payload: result.payload
  }
  if (traceId !== undefined) envelope.traceId = traceId
  if (correlationId !== undefined) envelope.correlationId = correlationId
  if (causationId !== undefined) envelope.causationId = causationId
  if (tenantId !== undefined) envelope.tenantId = tenantId
  if (headers !== undefined) envelope.headers = headers
  return { _tag: "Decoded", envelope }
}

const versionProblem = (value: unknown): string | undefined =>
  Envelope.isVersion(value) ? undefined : "must be an integer above 0"

const tenantProblem = (value: unknown): string | undefined =>
  Envelope.isTenantId(value) ? undefined : "must be an integer"

const explain = (found: Found, names: Names): ReadonlyArray<PublishError.Issue> => {
  const issues: Array<PublishError.Issue> = []
  const add = (name: string, problem: string | undefined): void => {
    if (problem !== undefined) issues.push(issue([name], problem))
  }
  add(names.eventId, idProblem(found.eventId))
  add(names.aggregateId, aggregateIdProblem(found.aggregateId))
  add(names.type, idProblem(found.type))
  add(names.version, versionProblem(found.version))
  add(names.timestamp, Timestamp.textProblem(found.timestamp))
  if (found.traceId !== undefined) add(names.traceId, idProblem(found.traceId))
  if (found.correlationId !== undefined) add(names.correlationId, idProblem(found.correlationId))
  if (found.causationId !== undefined) add(names.causationId, idProblem(found.causationId))
  if (found.tenantId !== undefined) add(names.tenantId, tenantProblem(found.tenantId))
  return issues
}
