/**
 * The floor: what it costs to turn an envelope into the bytes of the wire with Effect's Schema and `JSON.stringify`
 * alone. Compiled codecs, and nothing else that a bus would do: no checks of ids, no headers, no window, no broker.
 */
import { Effect, Schema } from "effect"
import * as JIT from "effect/schema/SchemaJITCompiler"
import { noCounts } from "../figures.ts"
import type { Measure } from "../rounds.ts"
import { startStopwatch } from "../stopwatch.ts"
import { OrderPlaced, Source } from "./orders.ts"

const Body = Schema.Struct({
  event_id: Schema.String,
  aggregate_id: Schema.String,
  event_type: Schema.String,
  event_version: Schema.Int,
  timestamp: Schema.DateFromString,
  trace_id: Schema.optionalKey(Schema.String),
  correlation_id: Schema.optionalKey(Schema.String),
  tenant_id: Schema.optionalKey(Schema.Int),
  payload: OrderPlaced.payload
})
JIT.enable(Body.ast)
const encode = Schema.encodeSync(Body)

const bytesOf = (
  { aggregateId, correlationId, eventId, payload, tenantId, timestamp, traceId, type, version }: OrderPlaced
) =>
  Buffer.from(JSON.stringify(encode({
    event_id: eventId,
    aggregate_id: aggregateId,
    event_type: type,
    event_version: version,
    timestamp,
    ...(traceId === undefined ? undefined : { trace_id: traceId }),
    ...(correlationId === undefined ? undefined : { correlation_id: correlationId }),
    ...(tenantId === undefined ? undefined : { tenant_id: tenantId }),
    payload
  })))

export const encodeAlone = (messages: number): Measure<never> => ({
  name: "schema encode + JSON alone",
  messages,
  round: (count) =>
    Effect.sync(() => {
      const source = new Source(0, 1)
      let bytes = 0
      const elapsed = startStopwatch()
      for (let i = 0; i < count; i++) bytes += bytesOf(source.envelope()).length
      const time = elapsed()
      if (bytes < 200 * count) throw new Error(`an envelope has ${bytes / count} bytes`)
      return { messages: count, ...time, counts: noCounts }
    })
})
