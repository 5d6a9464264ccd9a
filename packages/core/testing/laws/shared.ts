/**
 * What several themes need.
 */
import { Effect } from "effect"
import type * as Broker from "../../src/Broker.ts"
import type { Fact, Lab } from "../Lab.ts"

type LabService = Lab["Service"]

/** `count` facts over `keys` aggregates, in turn; `from` is the number of the first of each. */
export const facts = (lab: LabService, keys: number, count: number, from = 0): ReadonlyArray<Fact> =>
  Array.from({ length: count }, (_, i) => lab.fact(`a${i % keys}`, from + Math.floor(i / keys)))

/** The facts of one aggregate. */
export const sequence = (lab: LabService, key: string, count: number, from = 0): ReadonlyArray<Fact> =>
  Array.from({ length: count }, (_, i) => lab.fact(key, from + i))

export const eventIds = (published: ReadonlyArray<Fact>): ReadonlyArray<string> =>
  published.map(({ eventId }) => eventId)

export const sorted = (ids: Iterable<string>): ReadonlyArray<string> => [...ids].toSorted()

/** Milliseconds from 0 to `below`, the same for the same text and different for others. */
export const jitter = (text: string, below: number): number => {
  let hash = 7
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash, 31) + text.charCodeAt(i) | 0
  return (hash >>> 0) % (below + 1)
}

/** A consumer of the driver's own, for laws that need to see what it does by itself. */
export const consumer = (
  broker: Broker.Broker["Service"],
  options: Partial<Broker.ConsumerOptions> & Pick<Broker.ConsumerOptions, "topic" | "group">
) =>
  broker.consumer({
    from: "earliest",
    maxInFlight: 1024,
    maxInFlightBytes: 64 * 1024 * 1024,
    ackWaitMillis: 30_000,
    ...options
  })

/** Polls until there are `count` records, however many polls that takes. */
export const collect = (reader: Broker.Consumer, count: number) =>
  Effect.gen(function*() {
    const out: Array<Broker.InboundRecord> = []
    while (out.length < count) out.push(...yield* reader.poll(count - out.length))
    return out
  })
