/**
 * What the broker holds of a load: read from the beginning of each topic by a group of its own, through the driver's
 * consumer, past the bus and its handlers.
 */
import * as Broker from "@effect-eventbus/core/Broker"
import { Effect } from "effect"
import type { ReadingTopic } from "./events.ts"
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

/** How long nothing may come before what is missing counts as lost. */
const patienceMillis = 5000

const readTopic = Effect.fnUntraced(function*(topic: ReadingTopic, tally: Tally, openers: number) {
  const broker = yield* Broker.Broker
  const consumer = yield* broker.consumer({
    topic,
    group: "checker",
    from: "earliest",
    maxInFlight: 4096,
    maxInFlightBytes: 64 * 1024 * 1024,
    ackWaitMillis: 30_000
  })
  // By its own count: what it was not given does not hide, and what is there twice is read twice.
  const { lag } = yield* broker.backlog(topic, "checker")
  let opened = 0
  for (let read = 0; read < lag;) {
    const records = yield* consumer.poll(2048)
    for (const { body } of records) {
      const index = indexIn(body)
      if (index < 0 && opened < openers) opened++
      else tally.note(index)
    }
    read += records.length
    yield* consumer.settle(records)
  }
})

/** Reads all topics. What does not come within some seconds is a gap. */
export const readBack = (topics: ReadonlyArray<ReadingTopic>, shape: Shape, openers: number) => {
  const tally = new Tally(shape)
  return Effect.forEach(topics, (topic) => Effect.scoped(readTopic(topic, tally, openers)), {
    concurrency: "unbounded",
    discard: true
  }).pipe(
    Effect.timeoutOption(patienceMillis + shape.messages / 20),
    Effect.map((): Seen => tally.seen)
  )
}
