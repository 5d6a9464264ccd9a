/**
 * Everything that a topic holds, read by a fresh consumer of a group of its own: what was really stored.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type * as Broker from "../src/Broker.ts"
import type * as BrokerError from "../src/BrokerError.ts"
import * as Headers from "../src/Headers.ts"
import type * as SubscribeError from "../src/SubscribeError.ts"
import type * as Topic from "../src/Topic.ts"

/**
 * One stored record.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stored {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** Of the envelope, or what the header says where it cannot be decoded. */
  readonly eventId: string | undefined
  readonly aggregateId: string | undefined
  /** The same for the same bytes. */
  readonly digest: string
}

const prime = 0x0100_0193

/** FNV-1a of 32 bits, twice with different starts, and the length. */
const digestOf = (bytes: Uint8Array): string => {
  let a = 0x811c_9dc5
  let b = 0x9747_b28c
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    a = Math.imul(a ^ byte, prime)
    b = Math.imul(b ^ byte ^ 0x5a, prime)
  }
  return `${bytes.length}-${(a >>> 0).toString(16)}-${(b >>> 0).toString(16)}`
}

/**
 * A record as it was read.
 *
 * @category conversions
 * @since 0.1.0
 */
export const describe = (topic: Topic.Any) => {
  const codec = topic.wire.compile(topic.events)
  return (record: Broker.InboundRecord): Stored => {
    const decoded = codec.decode(record)
    const known = decoded._tag === "Decoded" ? decoded.envelope : decoded._tag === "Undecodable" ? undefined : decoded
    return {
      topic: record.topic,
      partition: record.partition,
      offset: record.offset,
      eventId: known?.eventId ?? Headers.get(record.headers, "X-Event-ID"),
      aggregateId: known?.aggregateId ?? record.key ?? Headers.get(record.headers, "X-Aggregate-ID"),
      digest: digestOf(record.body)
    }
  }
}

/**
 * Every record of a topic, by partition and offset. `group` must be one that nobody has used; it is left behind, with
 * everything settled. Reads until the broker says that this group is not behind any more, so nothing may be writing.
 *
 * @category running
 * @since 0.1.0
 */
export const records = Effect.fnUntraced(function*(
  broker: Broker.Broker["Service"],
  topic: Broker.TopicSpec,
  group: string
): Effect.fn.Return<ReadonlyArray<Broker.InboundRecord>, SubscribeError.SubscribeError | BrokerError.BrokerError> {
  const read = Effect.gen(function*() {
    const consumer = yield* broker.consumer({
      topic,
      group,
      from: "earliest",
      maxInFlight: 4096,
      maxInFlightBytes: 256 * 1024 * 1024,
      ackWaitMillis: 60_000
    })
    // A redelivery is no second record.
    const out = new Map<string, Broker.InboundRecord>()
    while ((yield* broker.backlog(topic, group)).lag > 0) {
      const chunk = yield* consumer.poll(512)
      for (const record of chunk) out.set(`${record.partition} ${record.offset}`, record)
      yield* consumer.settle(chunk)
      yield* consumer.flush
    }
    return [...out.values()]
  })
  const all = yield* Effect.scoped(read)
  return all.toSorted((a, b) => a.partition - b.partition || (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0))
})

/**
 * {@link records}, described.
 *
 * @category running
 * @since 0.1.0
 */
export const read = (
  broker: Broker.Broker["Service"],
  topic: Topic.Any,
  group: string
): Effect.Effect<ReadonlyArray<Stored>, SubscribeError.SubscribeError | BrokerError.BrokerError> =>
  Effect.map(records(broker, topic, group), (all) => all.map(describe(topic)))
