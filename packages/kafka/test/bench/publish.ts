/**
 * A first measure of publishing, beside the raw client: `node test/bench/publish.ts host:port [messages]`. The bench
 * package has the real one.
 */
import * as Event from "@effect-eventbus/core/Event"
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Topic from "@effect-eventbus/core/Topic"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import { Admin, Producer } from "@platformatic/kafka"
import { Effect, Layer, Schema } from "effect"

const [bootstrap = "127.0.0.1:9092", count = "200000"] = process.argv.slice(2)
const total = Number(count)
const Placed = Event.make("Placed", {
  version: 1,
  payload: Schema.Struct({ id: Schema.String, n: Schema.Number, text: Schema.String }),
  aggregateId: ({ id }) => id
})
let names = 0
const fresh = () => `bench.${process.pid}x${Date.now().toString(36)}x${++names}x`

const ours = async (): Promise<number> => {
  const topics = Array.from({ length: 5 }, () => Topic.make(fresh(), { events: [Placed], partitions: 3 }))
  const broker = KafkaBroker.layer({ bootstrapBrokers: [bootstrap] })
  const envelopes = Array.from(
    { length: total },
    (_, n) => Placed.make({ id: `aggregate-${n % 1000}`, n, text: "x".repeat(100) })
  )
  return Effect.runPromise(
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      for (const topic of topics) yield* publisher.publish(topic, Placed.make({ id: "warm", n: 0, text: "" }))
      const started = performance.now()
      yield* Effect.forEach(topics, (topic, i) => {
        let n = i
        return Effect.whileLoop({
          while: () => n < total,
          body: () => {
            const envelope = envelopes[n]!
            n += 5
            return publisher.publishAsync(topic, envelope)
          },
          step: () => {}
        })
      }, { concurrency: "unbounded", discard: true })
      yield* publisher.flush
      const millis = performance.now() - started
      const { acked } = yield* publisher.totals
      if (acked !== total + topics.length) throw new Error(`${acked} acked`)
      return total / millis * 1000
    }).pipe(Effect.provide(EventBus.layer({ maxPending: 16_384 }).pipe(Layer.provide(broker))))
  )
}

/** Batches of 500 to one partition, at most five requests at once. */
const raw = async (): Promise<number> => {
  const admin = new Admin({ clientId: "bench", bootstrapBrokers: [bootstrap] })
  const topics = Array.from({ length: 5 }, fresh)
  await admin.createTopics({ topics, partitions: 3, replicas: 1 })
  await admin.close()
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({
    clientId: "bench",
    bootstrapBrokers: [bootstrap],
    idempotent: true
  })
  const headers = new Map(
    ["X-Event-ID", "X-Aggregate-ID", "X-Event-Type", "X-Event-Version", "X-Timestamp"].map((name) =>
      [Buffer.from(name), Buffer.from("0123456789012345")] as const
    )
  )
  const body = Buffer.alloc(340, "x")
  await new Promise((resolve) => {
    setTimeout(resolve, 500)
  })
  await producer.send({ acks: -1, messages: topics.map((topic) => ({ topic, partition: 0, value: body })) })
  const started = performance.now()
  let sent = 0
  const worker = async (): Promise<void> => {
    while (sent < total) {
      const topic = topics[(sent / 500) % 5]!
      const partition = Math.floor(sent / 2500) % 3
      const from = sent
      sent += 500
      await producer.send({
        acks: -1,
        messages: Array.from({ length: Math.min(500, total - from) }, (_, i) => ({
          topic,
          partition,
          key: Buffer.from(`aggregate-${(from + i) % 1000}`),
          value: body,
          headers
        }))
      })
    }
  }
  await Promise.all(Array.from({ length: 5 }, worker))
  const millis = performance.now() - started
  await producer.close()
  return total / millis * 1000
}

for (let round = 0; round < 3; round++) {
  const a = await ours()
  const b = await raw()
  process.stdout.write(
    `ours ${Math.round(a)}/s, raw batches of 500 with 5 in flight ${Math.round(b)}/s, ${(a / b).toFixed(2)} x\n`
  )
}
