// What an operator sets, and what the driver reports: compression, drift of every field, how old a backlog is.
import * as Broker from "@effect-eventbus/core/Broker"
import type * as BrokerError from "@effect-eventbus/core/BrokerError"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import * as KafkaJsBroker from "@effect-eventbus/kafka/KafkaJsBroker"
import { Consumer } from "@platformatic/kafka"
import { Effect, Exit, type Layer } from "effect"
import { afterAll, describe, expect, test } from "vitest"
import type { TopicSettings } from "../src/KafkaConfig.ts"
import { startKafka } from "./fixtures/kafka.ts"
import { bodies, consumerOptions, freshName, pollAll, record, send, topicSpec } from "./fixtures/spi.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

type Options = KafkaJsBroker.Options
type BrokerLayer = Layer.Layer<Broker.Broker, BrokerError.BrokerError>
const base: Options = {
  bootstrapBrokers: kafka.bootstrap,
  consumer: { heartbeatInterval: "200 millis", sessionTimeout: "6 seconds", handoverTimeout: "1 second" }
}

const engines = [
  ["platformatic", (more: Partial<Options>): BrokerLayer => KafkaBroker.layer({ ...base, ...more })],
  ["kafkajs", (more: Partial<Options>): BrokerLayer => KafkaJsBroker.layer({ ...base, ...more })]
] as const

/** The compression of the first stored batch, as the broker has it: the low bits of its attributes. */
const storedCodec = async (topic: string): Promise<number | undefined> => {
  const consumer = new Consumer({
    clientId: "codec",
    groupId: freshName("codec"),
    bootstrapBrokers: [...kafka.bootstrap]
  })
  const metadata = (await consumer.metadata({ topics: [topic] })).topics.get(topic)
  consumer.topics.track(topic)
  const answer = await consumer.fetch({
    node: metadata?.partitions[0]?.leader ?? 1,
    maxWaitTime: 1000,
    minBytes: 1,
    maxBytes: 1_000_000,
    isolationLevel: 0,
    topics: [{
      topicId: metadata?.id ?? "",
      partitions: [{
        partition: 0,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        fetchOffset: 0n,
        partitionMaxBytes: 1_000_000
      }]
    }]
  })
  await consumer.close(true)
  const attributes = answer.responses[0]?.partitions[0]?.records?.[0]?.attributes
  return attributes === undefined ? undefined : attributes & 7
}

describe("compression", () => {
  const roundTrip = (layer: BrokerLayer) =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = topicSpec()
      const { topic } = yield* broker.ensureTopic(spec, "createOnly")
      const records = Array.from({ length: 50 }, (_, n) => record(`${n}`, { body: Buffer.from(`${n} `.repeat(200)) }))
      yield* send(yield* broker.producer, topic, records)
      const consumer = yield* broker.consumer(consumerOptions(spec))
      const read = bodies(yield* pollAll(consumer, 50))
      expect(read).toEqual(records.map(({ body }) => Buffer.from(body).toString()))
      return yield* Effect.promise(() => storedCodec(spec.name))
    }).pipe(Effect.scoped, Effect.provide(layer), Effect.runPromise)

  test.each([["none", 0], ["gzip", 1], ["snappy", 2], ["lz4", 3], ["zstd", 4]] as const)(
    "platformatic, %s: is stored so, and read back",
    async (compression, codec) => {
      expect(await roundTrip(KafkaBroker.layer({ ...base, compression }))).toBe(codec)
    }
  )

  test.each([["none", 0], ["gzip", 1]] as const)(
    "kafkajs, %s: is stored so, and read back",
    async (compression, codec) => {
      expect(await roundTrip(KafkaJsBroker.layer({ ...base, compression }))).toBe(codec)
    }
  )

  test("kafkajs, what it has not is refused", async () => {
    for (const compression of ["snappy", "lz4", "zstd"] as const) {
      const options: KafkaBroker.Options = { ...base, compression }
      // @ts-expect-error it does not type-check either
      const error = await Effect.runPromise(Effect.flip(Effect.scoped(KafkaJsBroker.make(options))))
      expect(error.reason).toMatchObject({ _tag: "Refused", kind: "unsupported" })
    }
  })
})

describe.each(engines)("drift, %s", (_, layerOf) => {
  type Change = { readonly spec?: Partial<Broker.TopicSpec>; readonly settings?: TopicSettings }
  const fields: ReadonlyArray<readonly [field: string, made: Change, wanted: Change, fixable: boolean]> = [
    ["partitions", {}, { spec: { partitions: 3 } }, false],
    ["partitions", {}, { spec: { partitions: 3 }, settings: { growPartitions: true } }, true],
    ["partitions", { spec: { partitions: 3 } }, { spec: { partitions: 2 }, settings: { growPartitions: true } }, false],
    ["replicas", {}, { spec: { replicas: 3 } }, false],
    ["min.insync.replicas", {}, { settings: { minInsyncReplicas: 2 } }, false],
    ["retention.ms", {}, { spec: { retention: { ageMillis: 60_000 } } }, true],
    ["retention.bytes", {}, { spec: { retention: { bytes: 1_000_000 } } }, true],
    ["cleanup.policy", {}, { settings: { cleanupPolicy: "compact" } }, true],
    ["max.message.bytes", {}, { settings: { maxMessageBytes: 20_000 } }, true],
    ["segment.ms", {}, { settings: { config: { "segment.ms": "3600000" } } }, true],
    [
      "unclean.leader.election.enable",
      { settings: { config: { "unclean.leader.election.enable": "true" } } },
      {},
      true
    ]
  ]

  test.each(fields)("of %s: reported, refused, repaired or left alone (%#)", async (field, made, wanted, fixable) => {
    const name = freshName("drift")
    const ensure = (change: Change, strategy: Broker.EnsureStrategy) =>
      Effect.flatMap(Broker.Broker, (broker) => broker.ensureTopic(topicSpec({ ...change.spec, name }), strategy)).pipe(
        Effect.provide(layerOf({ topics: { [name]: change.settings ?? {} } }), { local: true })
      )
    const found = await Effect.runPromise(Effect.gen(function*() {
      const created = yield* ensure(made, "createOnly")
      const skipped = yield* ensure(wanted, "skip")
      const reported = yield* ensure(wanted, "createOnly")
      const refused = yield* Effect.flip(ensure(wanted, "validateOnly"))
      const repaired = yield* Effect.exit(ensure(wanted, "createOrUpdate"))
      const last = yield* ensure(wanted, "createOnly")
      return { created, skipped, reported, refused, repaired, last }
    }))
    expect(found.created.action).toBe("created")
    expect(found.skipped).toMatchObject({ action: "skipped", drift: [] })
    expect(found.reported.action).toBe("found")
    expect(found.reported.drift.find((one) => one.field === field)).toMatchObject({ fixable })
    expect(found.refused.reason._tag).toBe("TopicMismatch")
    expect(found.refused.reason.message).toContain(field)
    const action = Exit.isSuccess(found.repaired) ? found.repaired.value.action : "failed"
    expect(fixable ? action : "updated").toBe("updated")
    expect(found.last.drift.some((one) => one.field === field)).toBe(!fixable)
  })
})

test("backlog knows how old the oldest record is that waits", async () => {
  const found = await Effect.runPromise(
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = topicSpec({ partitions: 2 })
      const { topic } = yield* broker.ensureTopic(spec, "createOnly")
      const producer = yield* broker.producer
      yield* send(producer, topic, [record("one")])
      yield* Effect.sleep(300)
      yield* send(producer, topic, [record("two", { partition: 1 })])
      return yield* broker.backlog(spec, "nobody")
    }).pipe(Effect.scoped, Effect.provide(KafkaBroker.layer(base)))
  )
  expect(found.partitions.map(({ lag }) => lag)).toEqual([1, 1])
  expect(found.lag).toBe(2)
  expect(found.oldestMillis).toBeGreaterThan(250)
  expect(found.oldestMillis).toBeLessThan(60_000)
})
