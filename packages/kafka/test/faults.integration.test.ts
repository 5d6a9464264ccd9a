import * as Broker from "@effect-eventbus/core/Broker"
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Checker from "@effect-eventbus/core/testing/Checker"
import * as History from "@effect-eventbus/core/testing/History"
import * as ReadBack from "@effect-eventbus/core/testing/ReadBack"
import * as Topic from "@effect-eventbus/core/Topic"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { afterAll } from "vitest"
import { Noted, run } from "./fixtures/faults.ts"
import { startKafka } from "./fixtures/kafka.ts"
import { Api } from "./fixtures/proxy.ts"
import { freshName } from "./fixtures/spi.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)
const [node] = kafka.nodes
if (node === undefined) throw new Error("no node")

const more = {
  requestTimeout: "1 second",
  consumer: { heartbeatInterval: "200 millis", sessionTimeout: "6 seconds", handoverTimeout: "2 seconds" }
} as const
const observer: KafkaBroker.Options = { bootstrapBrokers: kafka.bootstrap }
const direct: KafkaBroker.Options = { bootstrapBrokers: kafka.bootstrap, ...more }
const proxied: KafkaBroker.Options = { bootstrapBrokers: kafka.proxied, ...more }
const promise = <A>(f: () => Promise<A>) => Effect.promise(f)

describe("nothing acknowledged is lost, nothing is inverted, everything is settled", () => {
  it.live("F01 64 concurrent callers, idempotent, 2,000 messages: 2,000 acked, 2,000 stored", () =>
    Effect.gen(function*() {
      const history = yield* History.make
      const topic = Topic.make(freshName("f01"), { events: [Noted], partitions: 1 })
      yield* Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        let next = 0
        yield* Effect.forEach(Array.from({ length: 64 }), () =>
          Effect.whileLoop({
            while: () => next < 2000,
            body: () =>
              Effect.suspend(() => {
                const n = next++
                const envelope = Noted.make({ key: "one", n }, { eventId: `${topic.name}-${n}` })
                return Effect.flatten(history.publish(publisher, topic, envelope))
              }),
            step: () => {}
          }), { concurrency: "unbounded", discard: true })
      }).pipe(Effect.provide(EventBus.layer().pipe(Layer.provide(KafkaBroker.layer(direct)))))
      const stored = yield* Effect.flatMap(Broker.Broker, (broker) => ReadBack.read(broker, topic, "readback")).pipe(
        Effect.provide(KafkaBroker.layer(observer))
      )
      const { figures, violations } = Checker.check({ entries: history.entries, stored, noDuplicates: true })
      assert.deepStrictEqual(violations, [])
      assert.strictEqual(figures.acked, 2000)
      assert.strictEqual(figures.stored, 2000)
      assert.strictEqual(figures.inversions, 0)
    }))

  it.live("F02 F18 kill -9 while publishing and consuming, restart after a second", () =>
    run({
      name: "kill -9",
      options: direct,
      observer,
      consume: true,
      fault: promise(async () => {
        await node.kill()
        await new Promise((resolve) => {
          setTimeout(resolve, 1000)
        })
        await node.start()
        return 1
      })
    }))

  it.live("F05 paused for six seconds", () =>
    run({
      name: "SIGSTOP",
      options: direct,
      observer,
      fault: Effect.gen(function*() {
        node.signal("SIGSTOP")
        yield* Effect.sleep(6000)
        node.signal("SIGCONT")
        yield* Effect.sleep(3000)
        return 1
      })
    }))

  it.live("F12 connections reset, and half open", () =>
    run({
      name: "reset and half open",
      options: proxied,
      observer,
      consume: true,
      fault: Effect.gen(function*() {
        for (let i = 0; i < 3; i++) {
          kafka.proxy.reset()
          yield* Effect.sleep(300)
        }
        kafka.proxy.swallow(true)
        yield* Effect.sleep(1500)
        kafka.proxy.swallow(false)
        yield* Effect.sleep(2000)
        return kafka.proxy.cuts
      })
    }))

  it.live("F13 a slow link", () =>
    run({
      name: "slow link",
      options: proxied,
      observer,
      fault: Effect.gen(function*() {
        const before = kafka.proxy.requests.get(Api.Produce) ?? 0
        kafka.proxy.delay(Api.Produce, 300)
        yield* Effect.sleep(2000)
        kafka.proxy.mend()
        return (kafka.proxy.requests.get(Api.Produce) ?? 0) - before
      })
    }))

  for (const count of [1, 5]) {
    it.live(`F14 ${count} lost acknowledgements: the idempotent producer stores nothing twice`, () =>
      run({
        name: `lost ack x${count}`,
        options: proxied,
        observer,
        noDuplicates: true,
        fault: Effect.gen(function*() {
          const before = kafka.proxy.dropped
          kafka.proxy.drop(Api.Produce, count)
          yield* Effect.sleep(count * 1300 + 1000)
          return kafka.proxy.dropped - before === count ? count : 0
        })
      }))
  }

  it.live("F14 answers that never come until the client's patience ends: unknown, not lost", () =>
    run({
      name: "all acks lost",
      options: { ...proxied, sendTimeout: "2 seconds" },
      observer,
      maxPending: 256,
      deliveryTimeout: "10 seconds",
      fault: Effect.gen(function*() {
        const before = kafka.proxy.dropped
        kafka.proxy.drop(Api.Produce, 1_000_000)
        yield* Effect.sleep(6000)
        kafka.proxy.mend()
        yield* Effect.sleep(2000)
        return kafka.proxy.dropped - before
      })
    }))

  it.live("F15 interrupting publishers retracts nothing that was accepted", () =>
    Effect.gen(function*() {
      const history = yield* History.make
      const topic = Topic.make(freshName("f15"), { events: [Noted], partitions: 2 })
      yield* Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        yield* Effect.flatten(history.publish(publisher, topic, Noted.make({ key: "k", n: -1 })))
        for (let round = 0; round < 20; round++) {
          const publishing = yield* Effect.forkChild(
            Effect.forEach(Array.from({ length: 200 }, (_, i) => round * 200 + i), (n) => {
              const envelope = Noted.make({ key: `k${n % 5}`, n }, { eventId: `${topic.name}-${n}` })
              return history.publish(publisher, topic, envelope)
            }, { discard: true }),
            { startImmediately: true }
          )
          yield* Effect.sleep(2 + round % 7)
          yield* Fiber.interrupt(publishing)
        }
        yield* publisher.flush
      }).pipe(Effect.provide(EventBus.layer({ maxPending: 64 }).pipe(Layer.provide(KafkaBroker.layer(direct)))))
      yield* Effect.sleep(100)
      const stored = yield* Effect.flatMap(Broker.Broker, (broker) => ReadBack.read(broker, topic, "readback")).pipe(
        Effect.provide(KafkaBroker.layer(observer))
      )
      const report = Checker.check({ entries: history.entries, stored, noDuplicates: true })
      assert.strictEqual(Checker.format(report), "")
      assert.isAbove(report.figures.acked, 100)
    }))

  it.live("a run that injects nothing fails", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(run({ name: "nothing", options: direct, observer, fault: Effect.succeed(0) }))
      assert.strictEqual(exit._tag, "Failure")
      assert.include(String(exit), "nothing was injected")
    }))
})
