import { EventBus, Publisher, Subscriber, Topic } from "@effect-eventbus/core"
import { NatsBroker } from "@effect-eventbus/nats"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Moved } from "./fixtures/moved.ts"
import { Proxy } from "./fixtures/proxy.ts"
import { url } from "./fixtures/server.ts"

const proxy = new Proxy(url())
beforeAll(() => proxy.start())
afterAll(() => proxy.stop())

const busAt = (servers: string) => EventBus.layer().pipe(Layer.provide(NatsBroker.layer({ servers })))

const publish = (topic: Topic.Topic<readonly [typeof Moved]>, from: number, to: number) =>
  Effect.gen(function*() {
    const publisher = yield* Publisher.Publisher
    const numbers = Array.from({ length: to - from }, (_, i) => from + i)
    yield* publisher.publishBatch(topic, numbers.map((n) => Moved.make({ key: "k", n })))
  }).pipe(Effect.provide(busAt(url()), { local: true }))

/**
 * What the server had sent into a connection that was lost came again after the ack wait, behind what the next pull had
 * got at once: an aggregate's later events were handled before its earlier ones.
 */
test("what was on its way when the connection was lost is handled before what came later", async () => {
  const topic = Topic.make(`reconnect.${Math.random().toString(36).slice(2, 8)}`, { events: [Moved] })
  const handled: Array<number> = []
  const until = (count: number) =>
    Effect.suspend(() => Effect.sleep(25)).pipe(
      Effect.repeat({ until: () => new Set(handled).size >= count })
    )
  await Effect.runPromise(
    Effect.gen(function*() {
      const subscriber = yield* Subscriber.Subscriber
      yield* publish(topic, 0, 5)
      yield* subscriber.subscribe(topic, {
        group: "g",
        ackWait: "2 seconds",
        handlers: { Moved: ({ payload }) => Effect.sync(() => handled.push(payload.n)) }
      })
      yield* until(5)
      // The server writes these into the connection, and they never arrive.
      yield* Effect.sync(() => proxy.stall())
      yield* publish(topic, 5, 10)
      yield* Effect.sleep(100)
      yield* Effect.sync(() => proxy.mend())
      yield* publish(topic, 10, 15)
      yield* until(15)
    }).pipe(Effect.scoped, Effect.provide(busAt(proxy.url)))
  )
  const first = [...new Set(handled)]
  expect(proxy.cuts).toBeGreaterThan(0)
  expect(first).toEqual(Array.from({ length: 15 }, (_, n) => n))
})
