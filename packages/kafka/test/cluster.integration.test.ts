import * as Broker from "@effect-eventbus/core/Broker"
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Subscriber from "@effect-eventbus/core/Subscriber"
import * as Topic from "@effect-eventbus/core/Topic"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { afterAll } from "vitest"
import { Noted, run } from "./fixtures/faults.ts"
import { startKafka } from "./fixtures/kafka.ts"
import { freshName, topicSpec } from "./fixtures/spi.ts"

const kafka = await startKafka({ nodes: 3 })
afterAll(kafka.stop, 60_000)

const options: KafkaBroker.Options = { bootstrapBrokers: kafka.bootstrap, requestTimeout: "2 seconds" }

describe("three nodes", () => {
  it.live("replicas 3 need two of them for each record", () =>
    Effect.gen(function*() {
      const broker = yield* Broker.Broker
      const { drift, topic } = yield* broker.ensureTopic(topicSpec({ replicas: 3 }), "createOnly")
      assert.deepStrictEqual([topic.replicas, drift], [3, []])
    }).pipe(Effect.provide(KafkaBroker.layer(options))))

  it.live("F09 the leader of some partitions is killed, replicas 3, min ISR 2", () =>
    run({
      name: "leader killed",
      options,
      observer: { bootstrapBrokers: kafka.bootstrap },
      partitions: 6,
      replicas: 3,
      consume: true,
      fault: Effect.promise(async () => {
        // Each of three nodes leads two of six partitions.
        const node = kafka.nodes[1]
        if (node === undefined) return 0
        await node.kill()
        await new Promise((resolve) => {
          setTimeout(resolve, 5000)
        })
        await node.start()
        return 1
      })
    }))

  it.live("F29 opening and closing again and again leaves nothing behind", () =>
    Effect.gen(function*() {
      const topic = Topic.make(freshName("leak"), { events: [Noted] })
      const cycle = Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        const subscriber = yield* Subscriber.Subscriber
        yield* subscriber.subscribe(topic, { group: "g", handlers: { Noted: () => Effect.void } })
        yield* publisher.publish(topic, Noted.make({ key: "k", n: 1 }))
      }).pipe(
        Effect.scoped,
        Effect.provide(EventBus.layer().pipe(Layer.provide(KafkaBroker.layer(options))), { local: true })
      )
      const sockets = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
      yield* cycle
      yield* Effect.sleep(500)
      const before = sockets()
      for (let i = 0; i < 15; i++) yield* cycle
      yield* Effect.sleep(500)
      assert.isAtMost(sockets(), before)
    }))
})
