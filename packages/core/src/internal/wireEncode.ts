/**
 * The half of encoding that all wire formats share: is this an envelope of the topic, and what is its payload in JSON.
 *
 * The check of a good envelope collects nothing. Only when it has failed, a second one finds out all that is wrong.
 */
import * as Envelope from "../Envelope.ts"
import type * as PublishError from "../PublishError.ts"
import { isRecord } from "./isRecord.ts"
import { Invalid, invalidEnvelope, issue } from "./issues.ts"
import { writtenProblem } from "./jsonBody.ts"
import { isAggregateId, isId } from "./text.ts"
import * as Timestamp from "./timestamp.ts"
import * as UserHeaders from "./userHeaders.ts"
import type { WireEvents } from "./wireEvents.ts"

/** An envelope that may be written. */
export interface Writable<A> {
  readonly constant: A
  readonly eventId: string
  readonly aggregateId: string
  /** RFC 3339, in UTC, with milliseconds. */
  readonly time: string
  readonly traceId: string | undefined
  readonly correlationId: string | undefined
  readonly causationId: string | undefined
  readonly tenantId: number | undefined
  readonly headers: { readonly [name: string]: unknown } | undefined
  /** JSON text. */
  readonly payload: string
}

/** Throws what the envelope's own getters throw, and nothing else. */
export const check = <A>(
  envelope: unknown,
  events: WireEvents<A>,
  onValidated?: () => void
): Writable<A> | PublishError.InvalidEnvelope => {
  if (!isRecord(envelope)) return explain(envelope, events)
  const { aggregateId, causationId, correlationId, eventId, headers, tenantId, timestamp, traceId, type, version } =
    envelope
  const event = events.get(type)
  if (
    event === undefined
    || version !== event.version
    || !isId(eventId)
    || !isAggregateId(aggregateId)
    || !Timestamp.isTimestamp(timestamp)
    || !(traceId === undefined || isId(traceId))
    || !(correlationId === undefined || isId(correlationId))
    || !(causationId === undefined || isId(causationId))
    || !(tenantId === undefined || Envelope.isTenantId(tenantId))
    || !(headers === undefined || (isRecord(headers) && UserHeaders.issues(headers).length === 0))
  ) {
    return explain(envelope, events)
  }
  const value = event.payload.encode(envelope.payload)
  if (value instanceof Invalid) return explain(envelope, events)
  if (onValidated !== undefined) onValidated()
  const payload = JSON.stringify(value)
  const problem = writtenProblem(payload, value)
  if (problem !== undefined) return invalidEnvelope([problem])
  return {
    constant: event.constant,
    eventId,
    aggregateId,
    time: Timestamp.format(timestamp.getTime()),
    traceId,
    correlationId,
    causationId,
    tenantId,
    headers,
    payload
  }
}

const explain = <A>(envelope: unknown, events: WireEvents<A>): PublishError.InvalidEnvelope => {
  const issues = Array.from(Envelope.issues(envelope))
  if (isRecord(envelope)) {
    const event = events.get(envelope.type)
    if (event === undefined) {
      if (!issues.some(({ path }) => path[0] === "type")) issues.push(issue(["type"], "is not an event of this topic"))
    } else {
      if (envelope.version !== event.version && !issues.some(({ path }) => path[0] === "version")) {
        issues.push(issue(["version"], `must be ${event.version}, the event's own`))
      }
      const payload = event.payload.encode(envelope.payload)
      if (payload instanceof Invalid) issues.push(...payload.issues)
    }
  }
  return invalidEnvelope(issues)
}
