/**
 * What baselines publish: the bytes that the bus would send for the same orders, made before the clock starts.
 */
import * as Wire from "@effect-eventbus/core/Wire"
import { OrderPlaced, Source } from "../workload/orders.ts"

export interface Prepared {
  /** Index of its topic: they take turns. */
  readonly topic: number
  /** The aggregate id. */
  readonly key: string
  readonly eventId: string
  /** Names and values, as the wire has them. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Buffer
}

const codec = Wire.json.compile([OrderPlaced])

/** So many messages over so many topics. Each topic has aggregates of its own, whose serials count up without a gap. */
export const prepare = (messages: number, topics: number): ReadonlyArray<Prepared> => {
  const sources = Array.from({ length: topics }, (_, topic) => new Source(topic, topics))
  return Array.from({ length: messages }, (_, n) => {
    const topic = n % topics
    const encoded = codec.encode(sources[topic]!.envelope(), undefined)
    if (encoded._tag !== "Encoded") throw new Error(`the wire refuses an order of the bench: ${encoded.message}`)
    const { aggregateId, body, eventId, headers } = encoded
    return {
      topic,
      key: aggregateId,
      eventId,
      headers: headers.map(([name, value]) => [name, String(value)] as const),
      body: Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    }
  })
}
