import type * as Event from "../Event.ts"
import type * as Wire from "../Wire.ts"

export type { Codec, Decoding, Encoded } from "../Wire.ts"

/** The codec of a topic, built once. */
export const makeCodec = (
  topic: { readonly events: ReadonlyArray<Event.Any>; readonly wire: Wire.Wire }
): Wire.Codec => topic.wire.compile(topic.events)
