/**
 * `kafkajs`: acknowledged by all replicas. Its idempotent producer is experimental and is left off.
 */
import kafkajs, { type Message, type Producer } from "kafkajs"
import clientPackage from "kafkajs/package.json" with { type: "json" }
import { Latency } from "../../latency.ts"
import type { Baseline } from "../baseline.ts"
import { chunksOf, inFlight } from "../inFlight.ts"
import type { Prepared } from "../prepared.ts"
import { baseline, type Session } from "./frame.ts"

const client = `kafkajs ${clientPackage.version}`

const messageOf = ({ body, headers, key }: Prepared): Message => ({
  key,
  value: body,
  headers: Object.fromEntries(headers)
})

const connected = async (bootstrap: ReadonlyArray<string>, publish: (raw: Producer) => Session["publish"]) => {
  const raw = new kafkajs.Kafka({
    clientId: "bench",
    brokers: [...bootstrap],
    logLevel: kafkajs.logLevel.NOTHING
  }).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, allowAutoTopicCreation: false })
  await raw.connect()
  return { publish: publish(raw), close: () => raw.disconnect() }
}

export const single = (bootstrap: ReadonlyArray<string>, flying = 1000, share = 0.1): Baseline =>
  baseline({
    name: `kafkajs, one send per message, ${flying.toLocaleString("en-US")} in flight`,
    client,
    share,
    bootstrap,
    connect: () =>
      connected(bootstrap, (raw) => async (messages, topics) => {
        const latency = new Latency()
        await inFlight(messages, flying, async (message) => {
          const started = performance.now()
          await raw.send({ topic: topics[message.topic]!, acks: -1, messages: [messageOf(message)] })
          latency.record(performance.now() - started)
        })
        return latency
      })
  })

export const batches = (bootstrap: ReadonlyArray<string>, size = 1000, flying = 5): Baseline =>
  baseline({
    name: `kafkajs, sendBatch of ${size.toLocaleString("en-US")}, ${flying} in flight`,
    client,
    share: 0.5,
    bootstrap,
    connect: () =>
      connected(bootstrap, (raw) => async (messages, topics) => {
        await inFlight(chunksOf(messages, size), flying, (chunk) =>
          raw.sendBatch({
            acks: -1,
            topicMessages: [...Map.groupBy(chunk, ({ topic }) => topic)].map(([topic, own]) => ({
              topic: topics[topic]!,
              messages: own.map(messageOf)
            }))
          }))
        return undefined
      })
  })
