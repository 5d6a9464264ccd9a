/**
 * What the broker holds of a load: read from the beginning of each topic, past the bus, its driver and its handlers.
 */
import { Effect } from "effect"
import { Store } from "../brokers/store.ts"
import type { Shape } from "./shape.ts"
import { type Seen, Tally } from "./tally.ts"

const decoder = new TextDecoder()

const isBody = (u: unknown): u is { readonly payload: { readonly index: number } } =>
  typeof u === "object" && u !== null && "payload" in u && typeof u.payload === "object" && u.payload !== null
  && "index" in u.payload && typeof u.payload.index === "number"

const indexIn = (body: Uint8Array): number => {
  const json: unknown = JSON.parse(decoder.decode(body))
  return isBody(json) ? json.payload.index : Number.NaN
}

/** So many openers are there as well; more of them are strangers. */
export const readBack = Effect.fnUntraced(function*(
  topics: ReadonlyArray<string>,
  partitions: number,
  shape: Shape,
  openers: number
) {
  const store = yield* Store
  const tally = new Tally(shape)
  let opened = 0
  yield* store.read(topics, partitions, (body) => {
    const index = indexIn(body)
    if (index < 0 && opened < openers) opened++
    else tally.note(index)
  })
  const seen: Seen = tally.seen
  return seen
})
