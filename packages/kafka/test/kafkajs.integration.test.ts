import * as Broker from "@effect-eventbus/core/Broker"
import * as KafkaJsBroker from "@effect-eventbus/kafka/KafkaJsBroker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope, Stream, SubscriptionRef } from "effect"
import { afterAll } from "vitest"
import { startKafka } from "./fixtures/kafka.ts"
import { laws, optionsOf } from "./fixtures/laws.ts"
import { consumerOptions, topicSpec } from "./fixtures/spi.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

const options = optionsOf(kafka)

describe("KafkaJsBroker", () => {
  it.live("what kafkajs cannot do is refused", () =>
    Effect.gen(function*() {
      const more = { ...options, idempotent: true, consumer: { maxBytes: 1000, instanceId: "one" } }
      const error = yield* Effect.flip(Effect.scoped(KafkaJsBroker.make(more)))
      assert.strictEqual(error.reason._tag, "Refused")
      assert.include(error.reason.message, "idempotent")
      assert.include(error.reason.message, "consumer.instanceId")
    }))

  it.live("an unknown option is refused", () =>
    Effect.gen(function*() {
      const typo = { ...options, brokers: [] }
      const error = yield* Effect.flip(Effect.scoped(KafkaJsBroker.make(typo)))
      assert.include(error.reason.message, "brokers is not an option")
    }))

  it.live("who subscribes in an outage that ends soon has joined after it", () =>
    Effect.gen(function*() {
      const spec = topicSpec()
      const broker = yield* Broker.Broker
      yield* broker.ensureTopic(spec, "createOnly")
      // Its first look at the topic is over when the connection goes.
      const joining = yield* Effect.forkScoped(broker.consumer(consumerOptions(spec, { group: "late" })), {
        startImmediately: true
      })
      yield* Effect.sync(() => kafka.proxy.cut())
      yield* Effect.sleep("400 millis")
      yield* Effect.sync(() => kafka.proxy.mend())
      const consumer = yield* Fiber.join(joining)
      yield* SubscriptionRef.changes(consumer.assignment).pipe(
        Stream.filter(({ length }) => length === 1),
        Stream.take(1),
        Stream.runDrain
      )
    }).pipe(Effect.scoped, Effect.provide(KafkaJsBroker.layer(options))))

  it.live("members that are closed during an outage do not come back after it", () =>
    Effect.gen(function*() {
      const spec = topicSpec({ partitions: 2 })
      const group = yield* Effect.gen(function*() {
        const broker = yield* Broker.Broker
        yield* broker.ensureTopic(spec, "createOnly")
        return consumerOptions(spec, { group: "closed" })
      }).pipe(Effect.provide(KafkaJsBroker.layer(options)))
      const open = Effect.gen(function*() {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(KafkaJsBroker.layer(options), scope)
        const join = Effect.flatMap(Broker.Broker, (broker) => broker.consumer(group))
        yield* join.pipe(Effect.provide(context), Scope.provide(scope))
        return Scope.close(scope, Exit.void)
      })
      const closing = yield* Effect.all(Array.from({ length: 5 }, () => open))
      yield* Effect.sync(() => kafka.proxy.cut())
      // Some of them are trying again, some are crashing, some are about to start again.
      yield* Effect.forEach(closing, (close, i) => Effect.delay(close, 1 + i * 700), { concurrency: "unbounded" })
      yield* Effect.sync(() => kafka.proxy.mend())
      const members = Effect.flatMap(KafkaJsBroker.KafkaJsBroker, ({ use }) =>
        use((admin) =>
          admin.describeGroups([group.group]).then(({ groups }) => groups[0]?.members.length ?? 0)
        ))
      yield* Effect.gen(function*() {
        // Who could not say goodbye is forgotten after the session; who has come back stays.
        yield* Effect.sleep("8 seconds")
        yield* Effect.repeat(Effect.delay(members, "500 millis"), { until: (count) => count === 0 }).pipe(
          Effect.timeout("40 seconds")
        )
      }).pipe(Effect.provide(KafkaJsBroker.layer(options)))
    }))
})

laws("kafkajs", KafkaJsBroker.layer(options), kafka)
