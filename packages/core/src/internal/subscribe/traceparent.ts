import { Tracer } from "effect"
import * as Headers from "../../Headers.ts"

const pattern = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/

/** The span that a record's W3C `traceparent` names. */
export const parentOf = (headers: Headers.Headers): Tracer.ExternalSpan | undefined => {
  const header = Headers.get(headers, "traceparent")
  const match = header === undefined ? null : pattern.exec(header)
  if (match === null) return undefined
  const [, traceId, spanId, flags] = match
  if (traceId === undefined || spanId === undefined || flags === undefined || /^0+$/.test(traceId)) return undefined
  return Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 })
}
