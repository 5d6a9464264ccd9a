import * as Broker from "@effect-eventbus/core/Broker"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import { assert, describe, it } from "@effect/vitest"
import {
  Clock,
  Config,
  ConfigProvider,
  type Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { TestClock } from "effect/testing"
import { batch, bodyOf, brief, consumerOptions, place, record, records, topicSpec } from "./fixtures/batch.ts"

const run = (options?: MemoryBroker.Options) => Effect.provide(MemoryBroker.layer(options))

const publish = Effect.fnUntraced(function*(topic: Broker.TopicSpec, content: ReadonlyArray<Broker.OutboundRecord>) {
  const { send } = yield* (yield* Broker.Broker).producer
  const one = batch(topic, content)
  yield* send([one])
  return (yield* one.outcomes).map(brief)
}, Effect.scoped)

/** A client of its own, until its scope closes. */
const connect = Effect.fnUntraced(function*(cluster: MemoryBroker.Cluster, options?: MemoryBroker.Options) {
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(MemoryBroker.layerShared(cluster, options), scope)
  return { context, close: Scope.close(scope, Exit.void) }
})

describe("MemoryBroker", () => {
  it.effect("provides the contract and what is beyond it", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      assert.strictEqual(broker.system, "memory")
      assert.deepStrictEqual(broker.capabilities, {
        ordered: true,
        durable: true,
        deduplicates: true,
        ackWait: true,
        sharedGroups: true,
        replay: true,
        atomicBatch: 1000,
        offsets: true,
        maxRecordBytes: 1_048_576
      })
      const memory = yield* MemoryBroker.MemoryBroker
      assert.isUndefined(memory.faults)
      assert.deepStrictEqual(yield* memory.topics, [])
    }).pipe(run()))

  describe("ensureTopic", () => {
    const spec = topicSpec("orders", { partitions: 2, retention: { count: 5 } })
    const changed = { ...spec, partitions: 3, retention: { count: 9 }, dedupeWindowMillis: 1 }

    it.effect("createOnly creates, then reports drift and changes nothing", () =>
      Effect.gen(function*() {
        const { describeTopic, ensureTopic } = yield* Broker.Broker
        assert.isTrue(Option.isNone(yield* describeTopic("orders")))
        const created = yield* ensureTopic(spec, "createOnly")
        assert.deepStrictEqual([created.action, created.drift], ["created", []])
        const found = yield* ensureTopic(changed, "createOnly")
        assert.strictEqual(found.action, "found")
        assert.deepStrictEqual(found.drift.map(({ field, fixable }) => [field, fixable]), [
          ["partitions", false],
          ["retention.count", true],
          ["dedupeWindowMillis", true]
        ])
        assert.deepStrictEqual(yield* describeTopic("orders"), Option.some(created.topic))
      }).pipe(run()))

    it.effect("createOrUpdate changes what can be changed", () =>
      Effect.gen(function*() {
        const { ensureTopic } = yield* Broker.Broker
        assert.strictEqual((yield* ensureTopic(spec, "createOrUpdate")).action, "created")
        const updated = yield* ensureTopic(changed, "createOrUpdate")
        assert.strictEqual(updated.action, "updated")
        assert.deepStrictEqual(updated.drift.map(({ field }) => field), ["partitions"])
        assert.deepInclude(updated.topic, { partitions: 2, retention: { count: 9 }, dedupeWindowMillis: 1 })
        assert.strictEqual((yield* ensureTopic(changed, "createOrUpdate")).action, "found")
      }).pipe(run()))

    it.effect("validateOnly never writes: missing or different is an error", () =>
      Effect.gen(function*() {
        const { ensureTopic } = yield* Broker.Broker
        assert.strictEqual((yield* Effect.flip(ensureTopic(spec, "validateOnly"))).reason._tag, "TopicMissing")
        yield* ensureTopic(spec, "createOnly")
        assert.strictEqual((yield* ensureTopic(spec, "validateOnly")).action, "found")
        const error = yield* Effect.flip(ensureTopic(changed, "validateOnly"))
        assert.strictEqual(error.reason._tag, "TopicMismatch")
        assert.include(error.message, "partitions is 2, not 3")
      }).pipe(run()))

    it.effect("skip asks nothing", () =>
      Effect.gen(function*() {
        const { describeTopic, ensureTopic } = yield* Broker.Broker
        const skipped = yield* ensureTopic(changed, "skip")
        assert.deepStrictEqual([skipped.action, skipped.topic.partitions], ["skipped", 3])
        assert.isTrue(Option.isNone(yield* describeTopic("orders")))
      }).pipe(run()))

    it.effect("refuses names that differ only in dots and underscores, and what cannot be kept", () =>
      Effect.gen(function*() {
        const { ensureTopic } = yield* Broker.Broker
        yield* ensureTopic(topicSpec("orders.eu_1"), "createOnly")
        for (const bad of [topicSpec("orders_eu.1"), topicSpec("other", { partitions: 0 })]) {
          const { reason } = yield* Effect.flip(ensureTopic(bad, "createOnly"))
          assert.isTrue(reason._tag === "Refused" && reason.kind === "invalid")
        }
        yield* ensureTopic(topicSpec("orders-eu-1"), "createOnly")
      }).pipe(run()))
  })

  it.effect("shows topics and their records in the order in which they were stored", () =>
    Effect.gen(function*() {
      const memory = yield* MemoryBroker.MemoryBroker
      const topic = topicSpec("orders", { partitions: 2, retention: { count: 3 } })
      yield* (yield* Broker.Broker).ensureTopic(topic, "createOnly")
      for (const [id, partition] of [["a", 1], ["b", 0], ["c", 1], ["d", 0]] as const) {
        yield* publish(topic, [record(id, { partition, key: `k-${id}` })])
      }
      assert.deepStrictEqual(
        (yield* memory.records("orders")).map((one) =>
          `${one.partition}/${one.offset} ${one.eventId} ${one.key} ${bodyOf(one)}`
        ),
        ["0/0 b k-b b", "1/1 c k-c c", "0/1 d k-d d"]
      )
      const [state] = yield* memory.topics
      assert.deepInclude(state, { name: "orders", records: 3, bytes: 12 })
      assert.strictEqual((yield* Effect.flip(memory.records("nowhere"))).reason._tag, "TopicMissing")
    }).pipe(run()))

  it.effect("backlog counts what is stored and not settled, and its age", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const topic = topicSpec("orders", { partitions: 2 })
      assert.strictEqual((yield* Effect.flip(broker.backlog(topic, "g"))).reason._tag, "TopicMissing")
      yield* broker.ensureTopic(topic, "createOnly")
      assert.deepInclude(yield* broker.backlog(topic, "g"), { lag: 0, oldestMillis: undefined })
      yield* publish(topic, records(0, 2))
      yield* TestClock.adjust(1000)
      yield* publish(topic, records(2, 1, { partition: 1 }))
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(yield* broker.backlog(topic, "g"), {
        topic: "orders",
        group: "g",
        partitions: [
          { partition: 0, committed: BigInt(0), end: BigInt(2), lag: 2 },
          { partition: 1, committed: BigInt(0), end: BigInt(1), lag: 1 }
        ],
        lag: 3,
        oldestMillis: 1500
      })
      yield* Effect.scoped(Effect.gen(function*() {
        const consumer = yield* broker.consumer(consumerOptions(topic))
        const all = yield* consumer.poll(10)
        yield* consumer.settle(all.filter(({ offset, partition }) => partition === 0 && offset === BigInt(0)))
        assert.deepInclude(yield* broker.backlog(topic, "g"), { lag: 2, oldestMillis: 1500 })
        yield* consumer.settle(all.filter(({ partition }) => partition === 0))
        assert.deepInclude(yield* broker.backlog(topic, "g"), { lag: 1, oldestMillis: 500 })
      }))
    }).pipe(run()))

  it.effect("health makes a round trip, and with a probe stores a record", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const memory = yield* MemoryBroker.MemoryBroker
      const topic = topicSpec("probes")
      assert.deepStrictEqual(yield* broker.health(), { roundTripMillis: 0, lastAckAt: undefined })
      assert.strictEqual((yield* Effect.flip(broker.health({ probe: topic }))).reason._tag, "TopicMissing")
      yield* broker.ensureTopic(topic, "createOnly")
      yield* TestClock.adjust(1000)
      yield* broker.health({ probe: topic })
      assert.deepStrictEqual(yield* broker.health({ probe: topic }), { roundTripMillis: 0, lastAckAt: 1000 })
      assert.strictEqual((yield* memory.records("probes")).length, 2)
    }).pipe(run()))

  it.effect("a probe that is refused says why", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const topic = topicSpec("probes")
      yield* broker.ensureTopic(topic, "createOnly")
      yield* broker.health({ probe: topic })
      assert.strictEqual((yield* Effect.flip(broker.health({ probe: topic }))).reason._tag, "Refused")
    }).pipe(run({ maxRecords: 1 })))

  describe("a cluster", () => {
    const topic = topicSpec("orders", { partitions: 2 })

    it.effect("is shared by its clients", () =>
      Effect.gen(function*() {
        const cluster = yield* MemoryBroker.makeCluster()
        const [one, two] = [yield* connect(cluster), yield* connect(cluster)]
        yield* Effect.gen(function*() {
          yield* (yield* Broker.Broker).ensureTopic(topic, "createOnly")
        }).pipe(Effect.provide(one.context))
        const consumer = yield* Broker.Broker.use((broker) => broker.consumer(consumerOptions(topic))).pipe(
          Effect.provide(two.context)
        )
        const waiting = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
        assert.deepStrictEqual(yield* Effect.provide(publish(topic, [record("a")]), one.context), ["stored 0"])
        assert.deepStrictEqual((yield* Fiber.join(waiting)).map(place), ["0/0 a"])
        assert.deepStrictEqual(yield* Effect.provide(publish(topic, [record("a")]), two.context), ["duplicate 0"])
      }))

    it.effect("survives its clients: records, positions and deduplication", () =>
      Effect.gen(function*() {
        const cluster = yield* MemoryBroker.makeCluster()
        const before = yield* connect(cluster)
        yield* Effect.gen(function*() {
          const broker = yield* Broker.Broker
          yield* broker.ensureTopic(topic, "createOnly")
          yield* publish(topic, records(0, 3))
          const consumer = yield* broker.consumer(consumerOptions(topic))
          const all = yield* consumer.poll(10)
          yield* consumer.settle([all[0]!, all[2]!])
        }).pipe(Effect.provide(before.context))
        yield* before.close
        const after = yield* connect(cluster)
        yield* Effect.gen(function*() {
          const broker = yield* Broker.Broker
          assert.strictEqual((yield* broker.ensureTopic(topic, "validateOnly")).action, "found")
          const consumer = yield* broker.consumer(consumerOptions(topic))
          const again = yield* consumer.poll(10)
          assert.deepStrictEqual(again.map(place), ["0/1 e1"])
          assert.deepStrictEqual(again.map(({ attempt, epoch }) => [attempt, epoch]), [[2, 2]])
          assert.deepStrictEqual(yield* publish(topic, records(2, 2)), ["duplicate 2", "stored 3"])
        }).pipe(Effect.provide(after.context))
      }))

    it.effect("members of one group at two clients share the partitions", () =>
      Effect.gen(function*() {
        const cluster = yield* MemoryBroker.makeCluster()
        const [one, two] = [yield* connect(cluster), yield* connect(cluster)]
        const join = Broker.Broker.use((broker) => broker.consumer(consumerOptions(topic)))
        yield* Broker.Broker.use((broker) => broker.ensureTopic(topic, "createOnly")).pipe(Effect.provide(one.context))
        const a = yield* Effect.provide(join, one.context)
        const releasing = yield* Effect.forkChild(Stream.runForEach(a.revocations, ({ released }) => released))
        const b = yield* Effect.provide(join, two.context)
        yield* SubscriptionRef.changes(b.assignment).pipe(
          Stream.filter((all) => all.length > 0),
          Stream.runHead
        )
        yield* Effect.provide(publish(topic, [record("a"), record("b", { partition: 1 })]), one.context)
        assert.deepStrictEqual((yield* a.poll(10)).map(place), ["0/0 a"])
        assert.deepStrictEqual((yield* b.poll(10)).map(place), ["1/0 b"])
        // A client that goes away leaves everything to the other.
        yield* one.close
        assert.deepStrictEqual((yield* b.poll(10)).map(place), ["0/0 a"])
        yield* Fiber.join(releasing)
      }))
  })

  it.effect("closing ends what is open, and says so", () =>
    Effect.gen(function*() {
      const cluster = yield* MemoryBroker.makeCluster()
      const { close, context } = yield* connect(cluster)
      yield* Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const topic = topicSpec("orders")
        yield* broker.ensureTopic(topic, "createOnly")
        const { send } = yield* broker.producer
        const consumer = yield* broker.consumer(consumerOptions(topic))
        const waiting = yield* Effect.forkChild(Effect.flip(consumer.poll(1)), { startImmediately: true })
        const before = batch(topic, [record("a")])
        yield* send([before])
        yield* close
        assert.deepStrictEqual((yield* before.outcomes).map(brief), ["stored 0"])
        assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "ConnectionLost")
        assert.deepStrictEqual(yield* SubscriptionRef.get(broker.status), { _tag: "Closed" })
        const after = batch(topic, [record("b")])
        yield* send([after])
        assert.deepStrictEqual((yield* after.outcomes).map(brief), ["not stored: Closed"])
        assert.strictEqual((yield* Effect.flip(broker.ensureTopic(topic, "createOnly"))).reason._tag, "NotConnected")
        assert.strictEqual((yield* Effect.flip(broker.consumer(consumerOptions(topic)))).reason._tag, "ConnectionLost")
        yield* close
      }).pipe(Effect.provide(context))
    }))

  it.effect("an idle consumer has no timer, a busy one has one for all that it holds", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      let sleeping = 0
      const counted: Clock.Clock = Object.assign(Object.create(clock), {
        sleep: (duration: Duration.Duration) =>
          Effect.suspend(() => {
            sleeping++
            return clock.sleep(duration)
          }).pipe(Effect.ensuring(Effect.sync(() => sleeping--)))
      })
      yield* Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const topic = topicSpec("orders", { partitions: 4 })
        yield* broker.ensureTopic(topic, "createOnly")
        const consumer = yield* broker.consumer(consumerOptions(topic, { ackWaitMillis: 1000 }))
        const waiting = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
        assert.strictEqual(sleeping, 0)
        yield* publish(topic, Array.from({ length: 8 }, (_, i) => record(`e${i}`, { partition: i % 4 })))
        const all = yield* Fiber.join(waiting)
        assert.deepStrictEqual([all.length, sleeping], [8, 1])
        yield* consumer.settle(all)
        yield* TestClock.adjust(1000)
        assert.strictEqual(sleeping, 0)
      }).pipe(run(), Effect.provideService(Clock.Clock, counted))
    }))

  it.effect("can be configured", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      assert.strictEqual(broker.capabilities.maxRecordBytes, 77)
    }).pipe(
      Effect.provide(
        MemoryBroker.layerConfig({ maxRecordBytes: Config.Int("MAX"), handoverTimeout: Config.Duration("HANDOVER") })
      ),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({ MAX: "77", HANDOVER: "3 seconds" })))
    ))
})
