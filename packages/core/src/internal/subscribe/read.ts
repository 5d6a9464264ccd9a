import type * as Broker from "../../Broker.ts"
import type * as Envelope from "../../Envelope.ts"
import * as Headers from "../../Headers.ts"
import type * as Wire from "../../Wire.ts"
import type { Read } from "./dispatcher.ts"

/**
 * Where a record without a readable envelope belongs: to the aggregate that its key or its header names, so that it is
 * dealt with in its place; else to a lane of its partition's own, whose name no aggregate can have.
 */
const keyOf = (record: Broker.InboundRecord): string =>
  record.key || Headers.get(record.headers, "X-Aggregate-ID") || `partition ${record.partition}`

/** Reads a record: its lane, and its envelope or why there is none. Never throws. */
export const reader = (codec: Wire.Codec) => (record: Broker.InboundRecord): Read<Envelope.Envelope> => {
  const decoded = codec.decode(record)
  switch (decoded._tag) {
    case "Decoded":
      return { key: decoded.envelope.aggregateId, envelope: decoded.envelope, refusal: undefined }
    case "Undecodable":
      return {
        key: keyOf(record),
        envelope: undefined,
        refusal: { kind: "undecodable", message: `cannot be decoded: ${decoded.message}` }
      }
    case "UnknownType":
      return {
        key: decoded.aggregateId,
        envelope: undefined,
        refusal: { kind: "unknown", message: `unknown event type ${JSON.stringify(decoded.type)}` }
      }
    case "UnknownVersion":
      return {
        key: decoded.aggregateId,
        envelope: undefined,
        refusal: {
          kind: "unknown",
          message: `unknown version ${decoded.version} of event ${JSON.stringify(decoded.type)}`
        }
      }
  }
}
