/**
 * The events of a topic, ready for a wire format.
 */
import type * as Event from "../Event.ts"
import type * as Wire from "../Wire.ts"
import { invalidEnvelope, issue } from "./issues.ts"
import * as PayloadCodec from "./payloadCodec.ts"

export interface WireEvent<A> {
  readonly version: number
  readonly payload: PayloadCodec.PayloadCodec
  /** What all envelopes of this event share in this format. */
  readonly constant: A
}

/** By event type. */
export type WireEvents<A> = ReadonlyMap<unknown, WireEvent<A>>

export const byType = <A>(events: ReadonlyArray<Event.Any>, constant: (event: Event.Any) => A): WireEvents<A> =>
  new Map(
    events.map((event) => [
      event.type,
      { version: event.version, payload: PayloadCodec.make(event), constant: constant(event) }
    ])
  )

/** For what should not happen: a getter that throws, a payload that eats the stack. */
const unreadable = (error: unknown) => issue([], `could not be read: ${String(error)}`)

/** A codec never throws. */
export const guarded = (codec: Wire.Codec): Wire.Codec => ({
  encode: (envelope, traceparent, onValidated) => {
    try {
      return codec.encode(envelope, traceparent, onValidated)
    } catch (error) {
      return invalidEnvelope([unreadable(error)])
    }
  },
  decode: (record) => {
    try {
      return codec.decode(record)
    } catch (error) {
      const found = unreadable(error)
      return { _tag: "Undecodable", issues: [found], message: found.message }
    }
  }
})
