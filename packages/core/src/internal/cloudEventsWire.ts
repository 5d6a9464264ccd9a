/**
 * CloudEvents 1.0 in binary mode: the payload in the body, all else in headers.
 */
import type * as Event from "../Event.ts"
import * as Headers from "../Headers.ts"
import * as PublishError from "../PublishError.ts"
import type * as Wire from "../Wire.ts"
import { Invalid, issue } from "./issues.ts"
import { readBody } from "./jsonBody.ts"
import { maxDepth } from "./jsonText.ts"
import { fromPercent, toPercent } from "./percent.ts"
import { encodeUtf8 } from "./text.ts"
import * as Timestamp from "./timestamp.ts"
import * as UserHeaders from "./userHeaders.ts"
import * as WireDecode from "./wireDecode.ts"
import * as WireEncode from "./wireEncode.ts"
import { byType, guarded } from "./wireEvents.ts"

interface Constant {
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly size: number
}

const constantOf = (source: string) => ({ type, version }: Event.Any): Constant => {
  const headers: ReadonlyArray<readonly [string, string]> = [
    ["ce-specversion", "1.0"],
    ["ce-source", source],
    ["ce-type", toPercent(type)],
    ["ce-eventversion", String(version)],
    ["content-type", "application/json"]
  ]
  return { headers, size: Headers.size(headers) }
}

/** For `ce-`, `ce_` and nothing else. */
const prefixPattern = /^ce([-_])(.+)$/i

/** Attributes of one record: names without their prefix in lower case, plain values. */
type Attributes = ReadonlyMap<string, string>

const attributesOf = (headers: Headers.Headers): Attributes => {
  const out = new Map<string, string>()
  for (let i = 0; i < headers.length; i++) {
    const [name, value] = headers[i]!
    const code = name.charCodeAt(2)
    if ((code !== 0x2d && code !== 0x5f) || typeof value !== "string") continue
    const lower = name.toLowerCase()
    if (lower.startsWith("ce")) out.set(lower.slice(3), code === 0x2d ? fromPercent(value) : value)
  }
  return out
}

export const kafkaHeaders = (headers: Headers.Headers): Headers.Headers =>
  headers.map(([name, value]) => {
    const found = prefixPattern.exec(name)
    return found?.[1] === "-" && typeof value === "string" ? [`ce_${found[2]}`, fromPercent(value)] : [name, value]
  })

const names: WireDecode.Names = {
  eventId: "ce-id",
  aggregateId: "ce-subject",
  type: "ce-type",
  version: "ce-eventversion",
  timestamp: "ce-time",
  traceId: "ce-traceid",
  correlationId: "ce-correlationid",
  causationId: "ce-causationid",
  tenantId: "ce-tenantid"
}

const integerPattern = /^-?(?:0|[1-9][0-9]{0,15})$/

/** An integer, or the text as it is, which is then refused. */
const integerOf = (text: string | undefined): unknown =>
  text !== undefined && integerPattern.test(text) ? Number(text) : text

const optional = (text: string | undefined): string | undefined => text === "" ? undefined : text

const jsonPattern = /^(?:application|text)\/(?:[A-Za-z0-9!#$&^_.+-]*\+)?json[ \t]*(?:;.*)?$/i

/** What keeps a record from being a CloudEvent in binary mode with a JSON payload. */
const formProblem = (attributes: Attributes, contentType: string | undefined): PublishError.Issue | undefined => {
  if (contentType?.toLowerCase().startsWith("application/cloudevents") === true) {
    return issue(["content-type"], "must be that of the payload: structured mode is not supported")
  }
  if (contentType !== undefined && !jsonPattern.test(contentType)) {
    return issue(["content-type"], "must be a JSON media type")
  }
  return attributes.get("specversion") === "1.0" ? undefined : issue(["ce-specversion"], "must be 1.0")
}

const brokerTime = (millis: number | undefined): string | undefined =>
  millis === undefined || !Timestamp.isTimestamp(new Date(millis)) ? undefined : Timestamp.format(millis)

export const compile = (events: ReadonlyArray<Event.Any>, source: string): Wire.Codec => {
  const known = byType(events, constantOf(source))

  const encode = (
    input: unknown,
    traceparent: string | undefined,
    onValidated?: () => void
  ): Wire.Encoded | PublishError.InvalidEnvelope => {
    const envelope = WireEncode.check(input, known, onValidated)
    if (envelope instanceof PublishError.InvalidEnvelope) return envelope
    const { aggregateId, constant, eventId } = envelope
    const body = encodeUtf8(envelope.payload)
    const headers = constant.headers.slice()
    let size = body.length + aggregateId.length + constant.size
    const add = (name: string, value: string): void => {
      size += UserHeaders.append(headers, name, value)
    }
    add("ce-id", toPercent(eventId))
    add("ce-subject", aggregateId)
    add("ce-time", envelope.time)
    if (envelope.traceId !== undefined) add("ce-traceid", toPercent(envelope.traceId))
    if (envelope.correlationId !== undefined) add("ce-correlationid", toPercent(envelope.correlationId))
    if (envelope.causationId !== undefined) add("ce-causationid", toPercent(envelope.causationId))
    if (envelope.tenantId !== undefined) add("ce-tenantid", String(envelope.tenantId))
    if (traceparent !== undefined) add("traceparent", traceparent)
    if (envelope.headers !== undefined) size += UserHeaders.appendAll(headers, envelope.headers)
    return { _tag: "Encoded", eventId, aggregateId, headers, body, size }
  }

  const decode = ({ body, headers, key, timestamp }: Wire.Encoding): Wire.Decoding => {
    const attributes = attributesOf(headers)
    const problem = formProblem(attributes, Headers.get(headers, "content-type"))
    if (problem !== undefined) return WireDecode.undecodable([problem])
    const payload = readBody(body, maxDepth)
    if (payload instanceof Invalid) return WireDecode.undecodable(payload.issues)
    return WireDecode.check(
      {
        eventId: attributes.get("id"),
        aggregateId: attributes.get("subject") ?? key,
        type: attributes.get("type"),
        version: attributes.has("eventversion") ? integerOf(attributes.get("eventversion")) : 1,
        timestamp: attributes.get("time") ?? brokerTime(timestamp),
        traceId: optional(attributes.get("traceid")),
        correlationId: optional(attributes.get("correlationid")),
        causationId: optional(attributes.get("causationid")),
        tenantId: integerOf(optional(attributes.get("tenantid"))),
        headers: UserHeaders.fromHeaders(headers),
        payload
      },
      known,
      names
    )
  }

  return guarded({ encode, decode })
}
