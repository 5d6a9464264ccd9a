/**
 * `@platformatic/kafka`: acknowledged by all replicas, idempotent.
 */
import { clientSoftwareVersion, compatibilityPartitioner, ProduceAcks, Producer } from "@platformatic/kafka"
import { Latency } from "../../latency.ts"
import type { Baseline } from "../baseline.ts"
import { chunksOf, inFlight } from "../inFlight.ts"
import type { Prepared } from "../prepared.ts"
import { baseline, type Session } from "./frame.ts"
import { partitionCount } from "./topics.ts"

type Raw = Producer<Buffer, Buffer, Buffer, Buffer>
type Message = Parameters<Raw["send"]>[0]["messages"][number]

const client = `@platformatic/kafka ${clientSoftwareVersion}`

const producer = (bootstrap: ReadonlyArray<string>): Raw =>
  new Producer<Buffer, Buffer, Buffer, Buffer>({
    clientId: "bench",
    bootstrapBrokers: [...bootstrap],
    idempotent: true,
    // As Java's client does it; its own default would put two thirds of the keys somewhere else.
    partitioner: compatibilityPartitioner
  })

const names = new Map<string, Buffer>()

const bytesOfName = (name: string): Buffer => {
  const known = names.get(name)
  if (known !== undefined) return known
  const bytes = Buffer.from(name)
  names.set(name, bytes)
  return bytes
}

const messageOf = ({ body, headers, key, topic }: Prepared, topics: ReadonlyArray<string>): Message => ({
  topic: topics[topic]!,
  key: Buffer.from(key),
  value: body,
  headers: new Map(headers.map(([name, value]) => [bytesOfName(name), Buffer.from(value)]))
})

/** What is sent together is of one topic: whoever batches by hand has a list for each. */
const byTopic = (
  messages: ReadonlyArray<Prepared>
): ReadonlyArray<ReadonlyArray<Prepared>> => [...Map.groupBy(messages, ({ topic }) => topic).values()]

/** The batches of several lists in turn. */
const inTurn = <A>(lists: ReadonlyArray<ReadonlyArray<A>>): ReadonlyArray<A> => {
  const longest = Math.max(0, ...lists.map(({ length }) => length))
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => i < list.length ? [list[i]!] : [])).flat()
}

const connected = async (bootstrap: ReadonlyArray<string>, publish: (raw: Raw) => Session["publish"]) => {
  const raw = producer(bootstrap)
  await raw.metadata({ topics: [] })
  return { publish: publish(raw), close: () => raw.close() }
}

/** Each batch of one topic; the client puts its messages into partitions. */
export const batches = (bootstrap: ReadonlyArray<string>, size = 500, flying = 5): Baseline =>
  baseline({
    name: `platformatic, batches of ${size}, ${flying} in flight`,
    client,
    bootstrap,
    connect: () =>
      connected(bootstrap, (raw) => async (messages, topics) => {
        const chunks = inTurn(byTopic(messages).map((own) => chunksOf(own, size)))
        await inFlight(chunks, flying, (chunk) =>
          raw.send({
            acks: ProduceAcks.ALL,
            messages: chunk.map((message) => messageOf(message, topics))
          }))
        return undefined
      })
  })

const partitionOf = ({ body, key }: Prepared): number =>
  compatibilityPartitioner({ topic: "", value: body }, Buffer.from(key)) % partitionCount

/**
 * As a specialist would do it: messages sorted into partitions beforehand, 500 per batch, one batch in flight for each
 * partition. Sorting is not in the clock.
 */
export const lanes = (bootstrap: ReadonlyArray<string>, size = 500): Baseline => {
  const sorted = new WeakMap<ReadonlyArray<Prepared>, ReadonlyArray<ReadonlyArray<Prepared>>>()
  return baseline({
    name: `platformatic, sorted by partition, batches of ${size}, one in flight each`,
    client,
    bootstrap,
    prepare: (messages) => {
      sorted.set(
        messages,
        [...Map.groupBy(messages, (message) => message.topic * partitionCount + partitionOf(message)).values()]
      )
    },
    connect: () =>
      connected(bootstrap, (raw) => async (messages, topics) => {
        await Promise.all((sorted.get(messages) ?? []).map(async (own) => {
          const partition = partitionOf(own[0]!)
          for (const chunk of chunksOf(own, size)) {
            await raw.send({
              acks: ProduceAcks.ALL,
              messages: chunk.map((message) => ({ ...messageOf(message, topics), partition }))
            })
          }
        }))
        return undefined
      })
  })
}

/** One `send` per message: what an application does that publishes where something happens. */
export const single = (bootstrap: ReadonlyArray<string>, flying = 1000, share = 0.2): Baseline =>
  baseline({
    name: `platformatic, one send per message, ${flying.toLocaleString("en-US")} in flight`,
    client,
    share,
    bootstrap,
    connect: () =>
      connected(bootstrap, (raw) => async (messages, topics) => {
        const latency = new Latency()
        await inFlight(messages, flying, async (message) => {
          const started = performance.now()
          await raw.send({ acks: ProduceAcks.ALL, messages: [messageOf(message, topics)] })
          latency.record(performance.now() - started)
        })
        return latency
      })
  })
