/**
 * The default format: a JSON body that is the whole envelope.
 */
import type * as Event from "../Event.ts"
import * as PublishError from "../PublishError.ts"
import type * as Wire from "../Wire.ts"
import { isRecord } from "./isRecord.ts"
import { Invalid, issue } from "./issues.ts"
import { readBody } from "./jsonBody.ts"
import { maxDepth } from "./jsonText.ts"
import { encodeUtf8, utf8Length } from "./text.ts"
import * as UserHeaders from "./userHeaders.ts"
import * as WireDecode from "./wireDecode.ts"
import * as WireEncode from "./wireEncode.ts"
import { byType, guarded } from "./wireEvents.ts"

interface Constant {
  /** From the end of the aggregate id to the beginning of the timestamp. */
  readonly body: string
  readonly type: readonly [string, string]
  readonly version: readonly [string, string]
  /** Of all that is constant in the headers: names, type and version. */
  readonly size: number
}

const namesSize = "X-Event-IDX-Aggregate-IDX-Event-TypeX-Event-VersionX-Timestamp".length

const constantOf = ({ type, version }: Event.Any): Constant => ({
  body: `","event_type":${JSON.stringify(type)},"event_version":${version},"timestamp":"`,
  type: ["X-Event-Type", type],
  version: ["X-Event-Version", String(version)],
  size: namesSize + utf8Length(type) + String(version).length
})

/** An id has no control characters and no lone surrogates: of what JSON escapes only these two are left. */
const escaped = /["\\]/

const quoted = (id: string): string => escaped.test(id) ? JSON.stringify(id) : `"${id}"`

const member = (key: string, value: string | undefined): string =>
  value === undefined ? "" : `,"${key}":${quoted(value)}`

const textOf = (envelope: WireEncode.Writable<Constant>): string =>
  // Written by hand where nothing needs to be escaped.
  `{"event_id":${
    JSON.stringify(envelope.eventId)
  },"aggregate_id":"${envelope.aggregateId}${envelope.constant.body}${envelope.time}"${
    member("trace_id", envelope.traceId)
  }${member("correlation_id", envelope.correlationId)}${member("causation_id", envelope.causationId)}${
    envelope.tenantId === undefined ? "" : `,"tenant_id":${envelope.tenantId}`
  },"payload":${envelope.payload}}`

const names: WireDecode.Names = {
  eventId: "event_id",
  aggregateId: "aggregate_id",
  type: "event_type",
  version: "event_version",
  timestamp: "timestamp",
  traceId: "trace_id",
  correlationId: "correlation_id",
  causationId: "causation_id",
  tenantId: "tenant_id"
}

/** Other writers may write nothing as `null` or as empty text. */
const optional = (value: unknown): unknown => value === null || value === "" ? undefined : value

/**
 * A header whose value is often the one of the envelope before: then it is the same pair. As pairs, headers are the most of
 * what a message that waits for its acknowledgement keeps in memory.
 */
const often = (name: string): (value: string) => readonly [string, string] => {
  let last: readonly [string, string] = [name, ""]
  return (value) => {
    if (last[1] !== value) last = [name, value]
    return last
  }
}

const pairs = {
  aggregateId: often("X-Aggregate-ID"),
  time: often("X-Timestamp"),
  traceId: often("X-Trace-ID"),
  correlationId: often("X-Correlation-ID"),
  tenantId: often("X-Tenant-ID"),
  traceparent: often("traceparent")
}

export const compile = (events: ReadonlyArray<Event.Any>, withHeaders: boolean): Wire.Codec => {
  const known = byType(events, constantOf)

  const encode = (
    input: unknown,
    traceparent: string | undefined,
    onValidated?: () => void
  ): Wire.Encoded | PublishError.InvalidEnvelope => {
    const envelope = WireEncode.check(input, known, onValidated)
    if (envelope instanceof PublishError.InvalidEnvelope) return envelope
    const { aggregateId, constant, eventId, time } = envelope
    const text = textOf(envelope)
    const body = encodeUtf8(text)
    // Where the body is ASCII, so is all that is in it, and nothing has to be measured again for the headers.
    const ascii = body.length === text.length
    let size = body.length + aggregateId.length
    let headers: Array<readonly [string, string]>
    if (withHeaders) {
      const { correlationId, tenantId, traceId } = envelope
      // As long as it will be: an array that grows takes three times its room.
      headers = new Array<readonly [string, string]>(
        5 + (traceId === undefined ? 0 : 1) + (correlationId === undefined ? 0 : 1) + (tenantId === undefined ? 0 : 1)
          + (traceparent === undefined ? 0 : 1)
      )
      headers[0] = ["X-Event-ID", eventId]
      headers[1] = pairs.aggregateId(aggregateId)
      headers[2] = constant.type
      headers[3] = constant.version
      headers[4] = pairs.time(time)
      size += constant.size + (ascii ? eventId.length : utf8Length(eventId)) + aggregateId.length + time.length
      let at = 5
      if (traceId !== undefined) size += UserHeaders.put(headers, at++, pairs.traceId(traceId), ascii)
      if (correlationId !== undefined) size += UserHeaders.put(headers, at++, pairs.correlationId(correlationId), ascii)
      if (tenantId !== undefined) size += UserHeaders.put(headers, at++, pairs.tenantId(String(tenantId)), true)
      if (traceparent !== undefined) size += UserHeaders.put(headers, at, pairs.traceparent(traceparent), true)
    } else {
      headers = []
      if (traceparent !== undefined) size += UserHeaders.append(headers, "traceparent", traceparent)
    }
    if (envelope.headers !== undefined) size += UserHeaders.appendAll(headers, envelope.headers)
    return { _tag: "Encoded", eventId, aggregateId, headers, body, size }
  }

  const decode = (record: Wire.Encoding): Wire.Decoding => {
    // The payload is one level down.
    const body = readBody(record.body, maxDepth + 1)
    if (body instanceof Invalid) return WireDecode.undecodable(body.issues)
    if (!isRecord(body)) return WireDecode.undecodable([issue([], "the body must be a JSON object")])
    return WireDecode.check(
      {
        eventId: body.event_id,
        aggregateId: body.aggregate_id,
        type: body.event_type,
        version: body.event_version,
        timestamp: body.timestamp,
        traceId: optional(body.trace_id),
        correlationId: optional(body.correlation_id),
        causationId: optional(body.causation_id),
        tenantId: optional(body.tenant_id),
        headers: UserHeaders.fromHeaders(record.headers),
        payload: body.payload
      },
      known,
      names
    )
  }

  return guarded({ encode, decode })
}
