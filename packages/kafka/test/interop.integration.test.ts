/**
 * With Kafka's own command line tools, from the jars that the broker runs from.
 */
import * as Broker from "@effect-eventbus/core/Broker"
import * as Event from "@effect-eventbus/core/Event"
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Subscriber from "@effect-eventbus/core/Subscriber"
import * as ReadBack from "@effect-eventbus/core/testing/ReadBack"
import * as Topic from "@effect-eventbus/core/Topic"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Schema } from "effect"
import { spawn } from "node:child_process"
import { afterAll } from "vitest"
import { script, startKafka } from "./fixtures/kafka.ts"
import { freshName } from "./fixtures/spi.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)
const bootstrap = kafka.bootstrap.join(",")
const lib = script.install()

/** Runs one of the tools to its end. */
const tool = (name: string, args: ReadonlyArray<string>, input = "") =>
  Effect.promise(() =>
    new Promise<string>((resolve, reject) => {
      const child = spawn("java", ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", `${lib}/*`, name, ...args])
      const out: Array<Buffer> = []
      const err: Array<Buffer> = []
      child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
      child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
      child.on("error", reject)
      child.on("exit", (code) => {
        if (code === 0) resolve(Buffer.concat(out).toString())
        else reject(new Error(`${name} ended with ${code}: ${Buffer.concat(err).toString()}`))
      })
      child.stdin.end(input)
    })
  )

const consume = (topic: string, count: number) =>
  tool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    "--bootstrap-server",
    bootstrap,
    "--topic",
    topic,
    "--from-beginning",
    "--max-messages",
    String(count),
    "--timeout-ms",
    "20000",
    ...["print.key", "print.headers", "print.partition"].flatMap((name) => ["--property", `${name}=true`])
  ])

const produce = (topic: string, headers: boolean, lines: ReadonlyArray<string>) =>
  tool("org.apache.kafka.tools.ConsoleProducer", [
    "--bootstrap-server",
    bootstrap,
    "--topic",
    topic,
    "--property",
    "parse.key=true",
    "--property",
    `parse.headers=${headers}`
  ], `${lines.join("\n")}\n`)

const OrderPlaced = Event.make("OrderPlaced", {
  version: 1,
  payload: Schema.Struct({ orderId: Schema.String, total: Schema.Number }),
  aggregateId: ({ orderId }) => orderId
})
const orders = (partitions: number) => Topic.make(freshName("orders"), { events: [OrderPlaced], partitions })
const bus = EventBus.layer().pipe(Layer.provideMerge(KafkaBroker.layer({ bootstrapBrokers: kafka.bootstrap })))

describe("Kafka's own tools", () => {
  it.live("read what we publish: key, headers and body", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const topic = orders(3)
      const envelope = OrderPlaced.make({ orderId: "o-1", total: 10 }, {
        eventId: "e-1",
        correlationId: "c-1",
        headers: { "x-own": "yes" }
      })
      const { partition } = yield* publisher.publish(topic, envelope)
      const [line = ""] = (yield* consume(topic.name, 1)).split("\n")
      const [where, headers = "", key, body = ""] = line.split("\t")
      assert.strictEqual(where, `Partition:${partition}`)
      assert.strictEqual(key, "o-1")
      for (
        const header of [
          "X-Event-ID:e-1",
          "X-Aggregate-ID:o-1",
          "X-Event-Type:OrderPlaced",
          "X-Correlation-ID:c-1",
          "x-own:yes"
        ]
      ) assert.include(headers.split(","), header)
      const { aggregate_id, event_id, payload } = JSON.parse(body)
      assert.deepStrictEqual([event_id, aggregate_id, payload], ["e-1", "o-1", { orderId: "o-1", total: 10 }])
    }).pipe(Effect.provide(bus)))

  it.live("publish what we read, with headers and without", () =>
    Effect.gen(function*() {
      const { ensureTopic } = yield* Broker.Broker
      const subscriber = yield* Subscriber.Subscriber
      const topic = orders(1)
      yield* ensureTopic(topic, "createOnly")
      const body = (id: string) =>
        JSON.stringify({
          event_id: id,
          aggregate_id: "o-2",
          event_type: "OrderPlaced",
          event_version: 1,
          timestamp: "2026-01-01T00:00:00Z",
          payload: { orderId: "o-2", total: 5 }
        })
      yield* produce(topic.name, true, [`X-Own:1,X-Event-ID:j-1\to-2\t${body("j-1")}`])
      yield* produce(topic.name, false, [`o-2\t${body("j-2")}`])
      const seen: Array<string> = []
      const done = Deferred.makeUnsafe<void>()
      yield* subscriber.subscribe(topic, {
        group: "g",
        handlers: {
          OrderPlaced: ({ eventId, payload }) =>
            Effect.suspend(() => {
              seen.push(`${eventId} ${payload.total}`)
              return seen.length === 2 ? Deferred.succeed(done, undefined) : Effect.void
            })
        }
      })
      yield* Deferred.await(done)
      assert.deepStrictEqual(seen, ["j-1 5", "j-2 5"])
    }).pipe(Effect.scoped, Effect.provide(bus)))

  it.live("put 1,000 random keys on the same partitions as we do", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const publisher = yield* Publisher.Publisher
      const ours = orders(7)
      const theirs = orders(7)
      yield* broker.ensureTopic(theirs, "createOnly")
      const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_./-"
      const keys = Array.from({ length: 1000 }, (_, i) =>
        Array.from({ length: 1 + i % 40 }, () =>
          alphabet[Math.floor(Math.random() * alphabet.length)]).join("") + i)
      yield* publisher.publishBatch(
        ours,
        keys.map((orderId) =>
          OrderPlaced.make({ orderId, total: 1 })
        )
      )
      yield* produce(theirs.name, false, keys.map((key) => `${key}\t{}`))
      const partitions = (topic: Broker.TopicSpec) =>
        Effect.map(
          ReadBack.records(broker, topic, "readback"),
          (records) => new Map(records.map(({ key, partition }) => [key, partition]))
        )
      const [mine, java] = yield* Effect.all([partitions(ours), partitions(theirs)])
      assert.strictEqual(java.size, 1000)
      assert.deepStrictEqual(keys.filter((key) => mine.get(key) !== java.get(key)), [])
      assert.strictEqual(new Set(mine.values()).size, 7)
    }).pipe(Effect.provide(bus)))
})
