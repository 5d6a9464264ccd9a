import * as Broker from "@effect-eventbus/core/Broker"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import { assert, describe, it } from "@effect/vitest"
import { Producer } from "@platformatic/kafka"
import { Config, ConfigProvider, Effect, Exit, Fiber, Layer, Schema, Scope, Stream, SubscriptionRef } from "effect"
import { afterAll } from "vitest"
import { recordSize } from "../src/internal/size.ts"
import { startKafka } from "./fixtures/kafka.ts"
import { bodies, consumerOptions, freshName, pollAll, pollFor, record, send, topicSpec } from "./fixtures/spi.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

const options: KafkaBroker.Options = {
  bootstrapBrokers: kafka.bootstrap,
  requestTimeout: "2 seconds",
  consumer: { heartbeatInterval: "200 millis", handoverTimeout: "1 second", sessionTimeout: "6 seconds" }
}
const withBroker = (more: Partial<KafkaBroker.Options> = {}) =>
  Effect.provide(KafkaBroker.layer({ ...options, ...more }), { local: true })

/** A client of its own, until it is closed. */
const connect = Effect.fnUntraced(function*(more: Partial<KafkaBroker.Options> = {}) {
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(KafkaBroker.layer({ ...options, ...more }), scope)
  return { context, close: Scope.close(scope, Exit.void) }
})

/** A topic with records `0`, `1`, ... in each partition. */
const filled = Effect.fnUntraced(function*(count: number, partitions = 1) {
  const broker = yield* Broker.Broker
  const spec = topicSpec({ partitions })
  const { topic } = yield* broker.ensureTopic(spec, "createOnly")
  const records = Array.from(
    { length: partitions },
    (_, partition) => Array.from({ length: count }, (_unused, n) => record(`${partition}:${n}`, { partition }))
  ).flat()
  yield* Effect.scoped(Effect.gen(function*() {
    const outcomes = yield* send(yield* broker.producer, topic, records)
    assert.isTrue(outcomes.every(({ _tag }) => _tag === "Stored"))
  }))
  return spec
})

describe("connecting", () => {
  it.live("layerConfig, and the raw client", () =>
    Effect.gen(function*() {
      const { use } = yield* KafkaBroker.KafkaBroker
      const spec = topicSpec()
      yield* (yield* Broker.Broker).ensureTopic(spec, "createOnly")
      assert.include(yield* use((admin) => admin.listTopics()), spec.name)
      const error = yield* Effect.flip(use((admin) => admin.deleteTopics({ topics: ["there.is.no.such.topicx"] })))
      assert.strictEqual(error.reason._tag, "TopicMissing")
    }).pipe(
      Effect.provide(KafkaBroker.layerConfig({
        bootstrapBrokers: Config.Array(Schema.String, "BROKERS", { separator: "," })
      })),
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromUnknown({ BROKERS: kafka.bootstrap.join(",") })
      )
    ))

  it.live("fails where nobody answers, after the time that it was given", () =>
    Effect.gen(function*() {
      const started = performance.now()
      const error = yield* Effect.flip(
        Effect.scoped(KafkaBroker.make({ bootstrapBrokers: ["127.0.0.1:1"], initialConnectTimeout: "500 millis" }))
      )
      assert.strictEqual(error.reason._tag, "NotConnected")
      assert.isAtLeast(performance.now() - started, 500)
    }))

  it.live("TLS against a plain listener fails closed", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.scoped(KafkaBroker.make({ ...options, tls: true, connectTimeout: "1 second", initialConnectTimeout: 0 }))
      )
      assert.include(["Unauthorized", "NotConnected"], error.reason._tag)
    }))

  it.live("health makes a round trip, and a produce round trip with a probe", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(1)
      assert.isAbove((yield* broker.health()).roundTripMillis, 0)
      const { lastAckAt, roundTripMillis } = yield* broker.health({ probe: spec })
      assert.isAbove(roundTripMillis, 0)
      assert.isDefined(lastAckAt)
      assert.strictEqual((yield* broker.backlog(spec, "nobody")).lag, 2)
    }).pipe(withBroker()))
})

describe("publishing", () => {
  it.live("many partitions in one hand-over, receipts with offsets", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const { topic } = yield* broker.ensureTopic(topicSpec({ partitions: 3 }), "createOnly")
      const producer = yield* broker.producer
      const round = (name: string) =>
        send(producer, topic, [0, 1, 2, 0, 1].map((partition, i) => record(`${name}${i}`, { partition })))
      const offsets = (outcomes: ReadonlyArray<Broker.Outcome>) =>
        outcomes.map((outcome) => outcome._tag === "Stored" ? outcome.offset : outcome)
      assert.deepStrictEqual(offsets(yield* round("a")), [0n, 0n, 0n, 1n, 1n])
      assert.deepStrictEqual(offsets(yield* round("b")), [2n, 2n, 1n, 3n, 3n])
    }).pipe(Effect.scoped, withBroker()))

  it.live("the limit is exact, framing included, and an oversized record leaves its neighbours alone", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const limit = 20_000
      const name = freshName()
      const { topic } = yield* broker.ensureTopic(topicSpec({ name }), "createOnly")
      const producer = yield* broker.producer
      const headers = [["X-Event-ID", "h".repeat(100)], ["traceparent", "t".repeat(55)]] as const
      const sized = (bytes: number) => {
        const bare = recordSize(record("x", { headers, body: new Uint8Array(bytes - 400) }))
        return new Uint8Array(bytes - 400 + (bytes - 61 - bare))
      }
      const [fits, over, first, last] = yield* send(producer, topic, [
        record("fits", { headers, body: sized(limit) }),
        record("over", { headers, body: sized(limit + 1) }),
        record("first"),
        record("last")
      ])
      assert.strictEqual(over?._tag, "NotStored")
      assert.strictEqual(over?._tag === "NotStored" ? over.reason._tag : "", "TooLarge")
      assert.deepStrictEqual([fits, first, last].map((one) => one?._tag), ["Stored", "Stored", "Stored"])
    }).pipe(Effect.scoped, withBroker({ topicDefaults: { maxMessageBytes: 20_000 } })))

  it.live("a limit that this client does not know refuses only what is too large", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = topicSpec()
      const other = yield* connect({ topicDefaults: { maxMessageBytes: 2000 } })
      yield* Effect.flatMap(Broker.Broker, ({ ensureTopic }) => ensureTopic(spec, "createOnly")).pipe(
        Effect.provide(other.context)
      )
      yield* other.close
      const { topic } = yield* broker.ensureTopic(spec, "skip")
      const outcomes = yield* send(yield* broker.producer, topic, [
        record("a", { body: Buffer.alloc(1500, 1) }),
        record("b", { body: Buffer.alloc(3000, 1) }),
        record("c", { body: Buffer.alloc(1500, 1) })
      ])
      assert.deepStrictEqual(
        outcomes.map((one) => one._tag === "Stored" ? `${one.offset}` : one.reason._tag),
        ["0", "TooLarge", "1"]
      )
    }).pipe(Effect.scoped, withBroker()))

  it.live("a topic or a partition that is not there", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const producer = yield* broker.producer
      const { topic: missing } = yield* broker.ensureTopic(topicSpec(), "skip")
      const spec = yield* filled(1)
      const { topic } = yield* broker.ensureTopic({ ...spec, partitions: 5 }, "skip")
      const outcomes = [
        ...(yield* send(producer, missing, [record("a")])),
        ...(yield* send(producer, topic, [record("b"), record("c", { partition: 4 })]))
      ]
      assert.deepStrictEqual(
        outcomes.map((one) => one._tag === "Stored" ? "Stored" : one.reason._tag),
        ["TopicMissing", "Stored", "TopicMissing"]
      )
    }).pipe(Effect.scoped, withBroker()))

  for (const compression of ["gzip", "snappy", "lz4", "zstd"] as const) {
    it.live(`compressed with ${compression}`, () =>
      Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const spec = yield* filled(20)
        const consumer = yield* broker.consumer(consumerOptions(spec))
        assert.strictEqual((yield* pollAll(consumer, 20)).length, 20)
      }).pipe(Effect.scoped, withBroker({ compression })))
  }

  it.live("acks of the leader alone, without idempotence", () =>
    Effect.scoped(filled(10)).pipe(withBroker({ acks: "leader", idempotent: false })))

  it.live("closing answers for everything", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const { topic } = yield* broker.ensureTopic(topicSpec(), "createOnly")
      const scope = yield* Scope.make()
      const producer = yield* Scope.provide(broker.producer, scope)
      const sending = yield* Effect.forkChild(
        send(producer, topic, Array.from({ length: 500 }, (_, i) => record(`${i}`))),
        { startImmediately: true }
      )
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(sending)).length, 500)
      const late = yield* send(producer, topic, [record("late")])
      assert.strictEqual(late[0]?._tag === "NotStored" ? late[0].reason._tag : "", "Closed")
    }).pipe(withBroker()))
})

describe("topics", () => {
  it.live("the strategies, and real drift", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const { use } = yield* KafkaBroker.KafkaBroker
      const spec = topicSpec({ partitions: 2, retention: { ageMillis: 60_000, bytes: 4_000_000 } })
      const missing = yield* Effect.flip(broker.ensureTopic(spec, "validateOnly"))
      assert.strictEqual(missing.reason._tag, "TopicMissing")
      assert.strictEqual((yield* broker.ensureTopic(spec, "skip")).action, "skipped")

      const created = yield* broker.ensureTopic(spec, "createOnly")
      assert.deepStrictEqual([created.action, created.drift], ["created", []])
      assert.deepStrictEqual(created.topic.retention, { ageMillis: 60_000, bytes: 4_000_000 })
      assert.strictEqual((yield* broker.ensureTopic(spec, "validateOnly")).action, "found")

      const changed = { ...spec, partitions: 4, replicas: 3, retention: { ageMillis: 120_000, bytes: 8_000_000 } }
      const found = yield* broker.ensureTopic(changed, "createOnly")
      assert.deepStrictEqual(
        found.drift.map(({ actual, expected, field, fixable }) => [field, expected, actual, fixable]),
        [
          ["partitions", "4", "2", false],
          ["replicas", "3", "1", false],
          ["retention.ms", "120000", "60000", true],
          ["retention.bytes", "2000000", "2000000", true],
          ["min.insync.replicas", "2", "1", false]
        ].filter(([, expected, actual]) => expected !== actual)
      )
      const mismatch = yield* Effect.flip(broker.ensureTopic(changed, "validateOnly"))
      assert.strictEqual(mismatch.reason._tag, "TopicMismatch")

      const updated = yield* broker.ensureTopic(changed, "createOrUpdate")
      assert.strictEqual(updated.action, "updated")
      assert.deepStrictEqual(updated.drift.map(({ field }) => field), ["partitions", "replicas", "min.insync.replicas"])
      assert.strictEqual(updated.topic.retention.ageMillis, 120_000)

      yield* use((admin) =>
        admin.incrementalAlterConfigs({
          resources: [{
            resourceType: 2,
            resourceName: spec.name,
            configs: [{ name: "unclean.leader.election.enable", configOperation: 0, value: "true" }]
          }]
        })
      )
      const unsafe = yield* broker.ensureTopic(
        updated.topic.partitions === 2 ? { ...changed, partitions: 2, replicas: 1 } : changed,
        "createOnly"
      )
      assert.include(unsafe.drift.map(({ field }) => field), "unclean.leader.election.enable")
    }).pipe(withBroker()))

  it.live("partitions grow only when asked for by name", () =>
    Effect.gen(function*() {
      const spec = topicSpec({ partitions: 1 })
      const { ensureTopic } = yield* Broker.Broker
      yield* ensureTopic(spec, "createOnly")
      const refused = yield* ensureTopic({ ...spec, partitions: 3 }, "createOrUpdate")
      assert.strictEqual(refused.topic.partitions, 1)
      const other = yield* connect({ topics: { [spec.name]: { growPartitions: true } } })
      const grown = yield* Effect.flatMap(
        Broker.Broker,
        (broker) => broker.ensureTopic({ ...spec, partitions: 3 }, "createOrUpdate")
      ).pipe(Effect.provide(other.context))
      assert.deepStrictEqual([grown.topic.partitions, grown.drift], [3, []])
      yield* other.close
    }).pipe(withBroker()))

  it.live("what Kafka cannot keep is refused", () =>
    Effect.gen(function*() {
      const { ensureTopic } = yield* Broker.Broker
      const byCount = yield* Effect.flip(ensureTopic(topicSpec({ retention: { count: 5 } }), "createOnly"))
      assert.strictEqual(byCount.reason._tag, "TopicMismatch")
      const replicas = yield* Effect.flip(ensureTopic(topicSpec({ replicas: 9 }), "createOnly"))
      assert.strictEqual(replicas.reason._tag, "Refused")
    }).pipe(withBroker()))
})

describe("consuming", () => {
  it.live("goes on behind what was settled, in a gap or not", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(10)
      const first = yield* Scope.make()
      const consumer = yield* Scope.provide(broker.consumer(consumerOptions(spec)), first)
      const records = yield* pollAll(consumer, 10)
      yield* consumer.settle([records[0]!, records[1]!, records[4]!])
      yield* consumer.flush
      assert.strictEqual((yield* broker.backlog(spec, "g")).lag, 8)
      yield* Scope.close(first, Exit.void)
      const again = yield* broker.consumer(consumerOptions(spec))
      assert.deepStrictEqual(bodies(yield* pollAll(again, 8)), [2, 3, 4, 5, 6, 7, 8, 9].map((n) => `0:${n}`))
    }).pipe(Effect.scoped, withBroker()))

  it.live("bounds what is handed out, by count and by bytes", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(10, 2)
      const few = yield* broker.consumer(consumerOptions(spec, { maxInFlight: 3 }))
      const records = yield* pollFor(few, 500)
      assert.strictEqual(records.length, 3)
      yield* few.settle(records.slice(0, 1))
      assert.strictEqual((yield* few.poll(10)).length, 1)
      const small = yield* broker.consumer(consumerOptions(spec, { group: "small", maxInFlightBytes: 10 }))
      assert.strictEqual((yield* pollFor(small, 500)).length, 2)
    }).pipe(Effect.scoped, withBroker()))

  it.live("a partition with a backlog leaves room for the others", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(100, 4)
      const consumer = yield* broker.consumer(consumerOptions(spec))
      yield* Effect.sleep(300)
      const chunk = yield* consumer.poll(40)
      assert.deepStrictEqual([...new Set(chunk.map(({ partition }) => partition))].toSorted(), [0, 1, 2, 3])
    }).pipe(Effect.scoped, withBroker()))

  it.live("the start position is committed before the consumer is open", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(5, 2)
      const scope = yield* Scope.make()
      yield* Scope.provide(broker.consumer(consumerOptions(spec, { from: "latest" })), scope)
      const { partitions } = yield* broker.backlog(spec, "g")
      assert.deepStrictEqual(partitions.map(({ committed }) => committed), [5n, 5n])
      yield* Scope.close(scope, Exit.void)
      const { topic } = yield* broker.ensureTopic(spec, "createOnly")
      yield* send(yield* broker.producer, topic, [record("new")])
      const again = yield* broker.consumer(consumerOptions(spec, { from: "earliest" }))
      assert.deepStrictEqual(bodies(yield* pollFor(again, 700)), ["new"])
    }).pipe(Effect.scoped, withBroker()))

  it.live("a position out of range is an error, at the start and later", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const { use } = yield* KafkaBroker.KafkaBroker
      const spec = yield* filled(10)
      const far = yield* Effect.flip(broker.consumer(consumerOptions(spec, { from: { offset: 11n } })))
      assert.strictEqual(far.reason._tag, "BrokerFailure")
      assert.isFalse(far.isRetryable)
      const scope = yield* Scope.make()
      yield* Scope.provide(broker.consumer(consumerOptions(spec)), scope)
      yield* Scope.close(scope, Exit.void)
      yield* use((admin) =>
        admin.deleteRecords({ topics: [{ name: spec.name, partitions: [{ partition: 0, offset: 7n }] }] })
      )
      const overtaken = yield* broker.consumer(consumerOptions(spec))
      const error = yield* Effect.flip(overtaken.poll(1))
      assert.include(error.message, "out of range")
    }).pipe(Effect.scoped, withBroker()))

  it.live("a partition that is found later starts at its earliest record", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(3)
      const scope = yield* Scope.make()
      yield* Scope.provide(broker.consumer(consumerOptions(spec, { from: "latest" })), scope)
      yield* Scope.close(scope, Exit.void)
      const { use } = yield* KafkaBroker.KafkaBroker
      yield* use((admin) => admin.createPartitions({ topics: [{ name: spec.name, count: 2 }] }))
      yield* Effect.sleep(300)
      const { topic } = yield* broker.ensureTopic({ ...spec, partitions: 2 }, "skip")
      yield* send(yield* broker.producer, topic, [record("in the new one", { partition: 1 })])
      const consumer = yield* broker.consumer(consumerOptions(spec, { from: "latest" }))
      assert.deepStrictEqual(bodies(yield* pollAll(consumer, 1)), ["in the new one"])
    }).pipe(Effect.scoped, withBroker()))

  it.live("seek ends the epoch, forward and back", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const { counters } = yield* KafkaBroker.KafkaBroker
      const spec = yield* filled(10)
      const consumer = yield* broker.consumer(consumerOptions(spec))
      const before = yield* pollAll(consumer, 10)
      yield* consumer.seek({ offset: 3n })
      const [again] = yield* pollAll(consumer, 7)
      assert.strictEqual(again?.offset, 3n)
      assert.isAbove(again?.epoch ?? 0, before[0]!.epoch)
      yield* consumer.settle(before)
      assert.strictEqual((yield* counters).staleSettles, 10)
      assert.strictEqual((yield* broker.backlog(spec, "g")).lag, 7)
      yield* consumer.seek("latest")
      assert.strictEqual((yield* broker.backlog(spec, "g")).lag, 0)
      const far = yield* Effect.flip(consumer.seek({ offset: 99n }))
      assert.strictEqual(far.reason._tag, "BrokerFailure")
    }).pipe(Effect.scoped, withBroker()))

  it.live("read_committed leaves out aborted transactions, and their markers hold up nothing", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(1)
      yield* Effect.promise(async () => {
        const raw = new Producer({
          clientId: "tx",
          bootstrapBrokers: [...kafka.bootstrap],
          idempotent: true,
          transactionalId: freshName("tx")
        })
        for (const [text, commit] of [["a", true], ["b", false], ["c", true], ["d", false]] as const) {
          const transaction = await raw.beginTransaction()
          await transaction.send({ messages: [{ topic: spec.name, partition: 0, value: Buffer.from(text) }] })
          await (commit ? transaction.commit() : transaction.abort())
        }
        await raw.close()
      })
      const committed = yield* broker.consumer(consumerOptions(spec))
      const records = yield* pollFor(committed, 1000)
      assert.deepStrictEqual(bodies(records), ["0:0", "a", "c"])
      yield* committed.settle(records)
      yield* committed.flush
      assert.strictEqual((yield* broker.backlog(spec, "g")).lag, 0)
      const all = yield* connect({ consumer: { ...options.consumer, isolation: "read_uncommitted" } })
      const dirty = yield* Effect.flatMap(
        Broker.Broker,
        (other) => other.consumer(consumerOptions(spec, { group: "dirty" }))
      ).pipe(Effect.provide(all.context))
      assert.deepStrictEqual(bodies(yield* pollAll(dirty, 5)), ["0:0", "a", "b", "c", "d"])
      yield* all.close
    }).pipe(Effect.scoped, withBroker()))
})

describe("rebalancing", () => {
  /** What core does with a revocation: here it takes `millis` to end what runs. */
  const releasing = (consumer: Broker.Consumer, seen: Array<Broker.Revocation>, millis = 0) =>
    Effect.forkScoped(
      Stream.runForEach(consumer.revocations, (revocation) =>
        Effect.gen(function*() {
          seen.push(revocation)
          yield* Effect.sleep(millis)
          yield* revocation.released
        })),
      { startImmediately: true }
    )

  const assigned = (consumer: Broker.Consumer, count: number) =>
    SubscriptionRef.changes(consumer.assignment).pipe(
      Stream.filter((now) => now.length === count),
      Stream.take(1),
      Stream.runDrain
    )

  it.live("a second member waits for the first one's hand-over, and what was settled in it is not delivered again", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(50, 2)
      const first = yield* broker.consumer(consumerOptions(spec))
      const seen: Array<Broker.Revocation> = []
      const held = yield* pollAll(first, 100)
      yield* Effect.forkScoped(Stream.runForEach(first.revocations, (revocation) =>
        Effect.gen(function*() {
          seen.push(revocation)
          // Its handlers end and settle while the other member waits.
          yield* Effect.sleep(400)
          yield* first.settle(held.filter(({ partition }) => partition === revocation.partition).slice(0, 30))
          yield* first.flush
          yield* revocation.released
        })))
      const second = yield* broker.consumer(consumerOptions(spec))
      yield* assigned(first, 1)
      yield* assigned(second, 1)
      assert.strictEqual(seen.length, 2)
      const rest = [...(yield* pollAll(first, 20)), ...(yield* pollAll(second, 20))]
      assert.isTrue(rest.every(({ offset }) => offset >= 30n), String(rest[0]?.offset))
      // What was held before counts for nothing now.
      yield* first.settle(held)
      yield* first.flush
      assert.strictEqual((yield* broker.backlog(spec, "g")).lag, 40)
    }).pipe(Effect.scoped, withBroker()))

  it.live("a member can join while another one's hand-over takes longer than a request may", () =>
    Effect.gen(function*() {
      const spec = yield* filled(5, 2)
      const more = {
        requestTimeout: "500 millis",
        consumer: { ...options.consumer, handoverTimeout: "3 seconds" }
      } as const
      const [one, two] = [yield* connect(more), yield* connect(more)]
      const join = Effect.flatMap(Broker.Broker, (broker) => broker.consumer(consumerOptions(spec)))
      const first = yield* Effect.provide(join, one.context)
      yield* pollAll(first, 10)
      yield* releasing(first, [], 2000)
      const second = yield* Effect.provide(join, two.context)
      yield* assigned(second, 1)
      yield* Effect.all([one.close, two.close])
    }).pipe(Effect.scoped, withBroker()))

  it.live("the hand-over is bounded", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const { counters } = yield* KafkaBroker.KafkaBroker
      const spec = yield* filled(5, 2)
      const first = yield* broker.consumer(consumerOptions(spec))
      yield* pollAll(first, 10)
      yield* releasing(first, [], 60_000)
      const second = yield* broker.consumer(consumerOptions(spec))
      yield* assigned(second, 1)
      assert.strictEqual((yield* counters).handoverTimeouts, 1)
    }).pipe(Effect.scoped, withBroker()))

  it.live("a member that leaves hands over at once", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(5, 2)
      const first = yield* broker.consumer(consumerOptions(spec))
      yield* releasing(first, [])
      const scope = yield* Scope.make()
      const second = yield* Scope.provide(broker.consumer(consumerOptions(spec)), scope)
      yield* assigned(second, 1)
      const started = performance.now()
      yield* Scope.close(scope, Exit.void)
      yield* assigned(first, 2)
      assert.isBelow(performance.now() - started, 3000)
    }).pipe(Effect.scoped, withBroker()))

  it.live("members of one group on different topics", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const one = yield* filled(5, 2)
      const other = yield* filled(5, 3)
      const first = yield* broker.consumer(consumerOptions(one))
      yield* releasing(first, [])
      const second = yield* broker.consumer(consumerOptions(other, { from: "latest" }))
      yield* releasing(second, [])
      yield* assigned(first, 2)
      yield* assigned(second, 3)
      assert.strictEqual((yield* pollAll(first, 10)).length, 10)
      assert.strictEqual((yield* broker.backlog(other, "g")).lag, 0)
    }).pipe(Effect.scoped, withBroker()))

  it.live("a static member that restarts causes no rebalance", () =>
    Effect.gen(function*() {
      const spec = yield* filled(5, 2)
      const { counters } = yield* KafkaBroker.KafkaBroker
      const broker = yield* Broker.Broker
      const other = yield* connect({ consumer: { ...options.consumer, instanceId: "two" } })
      const joined = (client: typeof other) =>
        Effect.flatMap(Broker.Broker, ({ consumer }) => consumer(consumerOptions(spec))).pipe(
          Effect.provide(client.context)
        )
      const first = yield* broker.consumer(consumerOptions(spec))
      yield* releasing(first, [])
      const scope = yield* Scope.make()
      const second = yield* Scope.provide(joined(other), scope)
      yield* assigned(second, 1)
      const before = (yield* counters).rebalances
      yield* Scope.close(scope, Exit.void)
      yield* other.close
      const again = yield* connect({ consumer: { ...options.consumer, instanceId: "two" } })
      const third = yield* joined(again)
      yield* assigned(third, 1)
      yield* Effect.sleep(500)
      assert.strictEqual((yield* counters).rebalances, before)
      yield* again.close
    }).pipe(Effect.scoped, withBroker({ consumer: { ...options.consumer, instanceId: "one" } })))

  it.live("the new protocol (KIP-848): shared, fenced, committed", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const spec = yield* filled(20, 2)
      const first = yield* broker.consumer(consumerOptions(spec))
      yield* releasing(first, [])
      const records = yield* pollAll(first, 40)
      yield* first.settle(records)
      yield* first.flush
      assert.strictEqual((yield* broker.backlog(spec, "g")).lag, 0)
      const second = yield* broker.consumer(consumerOptions(spec))
      yield* assigned(second, 1)
      yield* assigned(first, 1)
    }).pipe(Effect.scoped, withBroker({ consumer: { groupProtocol: "consumer" } })), 20_000)
})
