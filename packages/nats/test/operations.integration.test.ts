// What an operator sets, and what the driver reports: domains, the limits of a connection, drift of every field.
import { Broker, EventBus, Publisher, Subscriber, Topic } from "@effect-eventbus/core"
import { NatsBroker, type NatsConfig } from "@effect-eventbus/nats"
import { Deferred, Effect, Exit, Layer, Schedule, SubscriptionRef } from "effect"
import { afterAll, describe, expect, test } from "vitest"
import { Moved } from "./fixtures/moved.ts"
import { NatsServer } from "./fixtures/natsServer.ts"
import { Proxy } from "./fixtures/proxy.ts"
import { url } from "./fixtures/server.ts"

const token = Math.random().toString(36).slice(2, 8)
let names = 0
const topicOf = (options?: Omit<Topic.Options<never>, "events">, name = `ops.${token}.t${++names}`) =>
  Topic.make(name, { ...options, events: [Moved] })
type Orders = ReturnType<typeof topicOf>

const bus = (options: NatsConfig.Options) =>
  Layer.provideMerge(EventBus.layer({ deliveryTimeout: "3 seconds" }), NatsBroker.layer(options))

const api = (subject: string, body: object) =>
  Effect.flatMap(
    NatsBroker.NatsBroker,
    ({ use }) =>
      use(async (connection) => (await connection.request(`$JS.API.${subject}`, JSON.stringify(body))).json<object>())
  )

describe("a JetStream domain", () => {
  const server = new NatsServer()
  server.domain = "hub"
  afterAll(() => server.stop())

  const roundTrip = (topic: Orders) =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const subscriber = yield* Subscriber.Subscriber
      const broker = yield* Broker.Broker
      const seen = yield* Deferred.make<number>()
      yield* publisher.publish(topic, Moved.make({ key: "k", n: 7 }))
      yield* subscriber.subscribe(topic, {
        group: "g",
        handlers: { Moved: ({ payload }) => Deferred.succeed(seen, payload.n) }
      })
      const n = yield* Deferred.await(seen)
      yield* Effect.repeat(broker.backlog(topic, "g"), {
        until: ({ lag }) => lag === 0,
        schedule: Schedule.spaced("20 millis")
      })
      return n
    }).pipe(Effect.scoped)

  test("by its name, and by the prefix of its API", async () => {
    await server.start()
    const servers = server.url
    const run = (options: NatsConfig.Options) =>
      Effect.runPromise(roundTrip(topicOf({ partitions: 2 })).pipe(Effect.provide(bus({ servers, ...options }))))
    expect(await run({ domain: "hub" })).toBe(7)
    expect(await run({ apiPrefix: "$JS.hub.API" })).toBe(7)
  })

  test("that is not there is said so", async () => {
    const error = await Effect.runPromise(
      Effect.flatMap(Broker.Broker, (broker) => broker.ensureTopic(topicOf(), "createOnly")).pipe(
        Effect.flip,
        Effect.provide(NatsBroker.layer({ servers: server.url, domain: "nowhere", requestTimeout: "1 second" }))
      )
    )
    expect(error.reason).toMatchObject({ _tag: "BrokerFailure", retryable: true })
    expect(error.reason.message).toContain("JetStream does not answer")
  })
})

describe("a connection", () => {
  const states = (options: NatsConfig.Options, fault: () => Promise<void>, wanted: Broker.Status["_tag"]) =>
    Effect.runPromise(
      Effect.gen(function*() {
        const { status } = yield* Broker.Broker
        yield* Effect.promise(fault)
        const started = performance.now()
        const last = yield* Effect.repeat(SubscriptionRef.get(status), {
          until: ({ _tag }) => _tag === wanted,
          schedule: Schedule.spaced("20 millis")
        })
        return { last, millis: performance.now() - started }
      }).pipe(Effect.timeout("20 seconds"), Effect.provide(NatsBroker.layer(options)))
    )

  test("pingInterval: a server that is silent is noticed after three of them", async () => {
    const proxy = new Proxy(url())
    await proxy.start()
    const { millis } = await states(
      { servers: proxy.url, pingInterval: "300 millis" },
      async () => proxy.stall(),
      "Disconnected"
    )
    await proxy.stop()
    console.info(`a silent server is noticed after ${Math.round(millis)} ms, with pings every 300 ms`)
    expect(proxy.cuts).toBeGreaterThan(0)
    expect(millis).toBeLessThan(6000)
  })

  test("reconnect.maxAttempts: given up where that was asked for, and only there", async () => {
    const server = new NatsServer()
    await server.start()
    const { last } = await states(
      { servers: server.url, reconnect: { maxAttempts: 3, wait: "50 millis", jitter: 0 } },
      () => server.kill(),
      "Closed"
    )
    expect(last._tag).toBe("Closed")
    await server.start()
    const { last: patient } = await states(
      { servers: server.url, reconnect: { wait: "20 millis", jitter: 0 } },
      async () => {
        await server.kill()
        await new Promise((resolve) => {
          setTimeout(resolve, 1500)
        })
        await server.start()
      },
      "Connected"
    )
    expect(patient._tag).toBe("Connected")
    await server.stop()
  })
})

describe("backlog", () => {
  test("knows how old the oldest event is that waits", async () => {
    const topic = topicOf()
    const found = await Effect.runPromise(
      Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        const broker = yield* Broker.Broker
        yield* publisher.publish(topic, Moved.make({ key: "k", n: 1 }))
        yield* Effect.sleep(300)
        yield* publisher.publish(topic, Moved.make({ key: "k", n: 2 }))
        return yield* broker.backlog(topic, "nobody")
      }).pipe(Effect.provide(bus({ servers: url() })))
    )
    expect(found.lag).toBe(2)
    expect(found.oldestMillis).toBeGreaterThan(250)
    expect(found.oldestMillis).toBeLessThan(30_000)
  })
})

describe("drift", () => {
  type Options = Omit<Topic.Options<never>, "events">
  const day = 86_400_000
  /** Field, how the stream was made (the rest by the API), what is wanted of it, and whether that can be had. */
  const fields: ReadonlyArray<readonly [field: string, made: Options & { readonly raw?: object }, Options, boolean]> = [
    ["partitions", { partitions: 2 }, { partitions: 3 }, false],
    ["storage", { storage: "memory" }, { storage: "file" }, false],
    ["policy", { raw: { retention: "interest" } }, {}, false],
    ["sealed", { raw: { sealed: true } }, {}, false],
    ["retention.ageMillis", { retention: day }, { retention: 2 * day }, true],
    ["retention.count", { retention: { count: 10 } }, { retention: { count: 20 } }, true],
    ["retention.bytes", { retention: { bytes: 10_000 } }, { retention: { bytes: 20_000 } }, true],
    ["dedupeWindowMillis", { dedupeWindow: "1 minute" }, { dedupeWindow: "3 minutes" }, true],
    ["discard", { retention: { count: 10 } }, {}, true],
    ["allowAtomic", { raw: { allow_atomic: false } }, {}, true],
    ["allowBatched", { raw: { allow_batched: false } }, {}, true]
  ]

  test.each(fields)(
    "of %s: reported, refused, repaired or left alone",
    async (field, { raw, ...made }, wanted, fixable) => {
      const before = topicOf(made)
      const after = topicOf(wanted, before.name)
      const stream = before.name.replaceAll(".", "_")
      const found = await Effect.runPromise(
        Effect.gen(function*() {
          const { ensureTopic } = yield* Broker.Broker
          if (raw === undefined || "sealed" in raw) yield* ensureTopic(before, "createOnly")
          const config = {
            name: stream,
            subjects: [before.name],
            storage: "file",
            discard: "new",
            allow_direct: true,
            allow_atomic: true,
            allow_batched: true,
            ...raw
          }
          if (raw !== undefined) yield* api(`STREAM.${"sealed" in raw ? "UPDATE" : "CREATE"}.${stream}`, config)
          const skipped = yield* ensureTopic(after, "skip")
          const reported = yield* ensureTopic(after, "createOnly")
          const refused = yield* Effect.flip(ensureTopic(after, "validateOnly"))
          const repaired = yield* Effect.exit(ensureTopic(after, "createOrUpdate"))
          const last = yield* ensureTopic(after, "createOnly")
          return { skipped, reported, refused, repaired, last }
        }).pipe(Effect.provide(NatsBroker.layer({ servers: url() })))
      )
      expect(found.skipped).toMatchObject({ action: "skipped", drift: [] })
      expect(found.reported.action).toBe("found")
      expect(found.reported.drift.find((one) => one.field === field)).toMatchObject({ fixable })
      expect(found.refused.reason._tag).toBe("TopicMismatch")
      expect(found.refused.reason.message).toContain(field)
      expect(found.last.drift.some((one) => one.field === field)).toBe(!fixable)
      const action = Exit.isSuccess(found.repaired) ? found.repaired.value.action : "failed"
      expect(fixable ? action : "updated").toBe("updated")
    }
  )

  test("of replicas: what one server cannot have is refused by name, and nothing is changed", async () => {
    const before = topicOf()
    const after = topicOf({ replicas: 3 }, before.name)
    const [reported, refused] = await Effect.runPromise(
      Effect.gen(function*() {
        const { ensureTopic } = yield* Broker.Broker
        yield* ensureTopic(before, "createOnly")
        return [
          yield* ensureTopic(after, "createOnly"),
          yield* Effect.flip(ensureTopic(after, "createOrUpdate"))
        ] as const
      }).pipe(Effect.provide(NatsBroker.layer({ servers: url() })))
    )
    expect(reported.drift).toEqual([{ field: "replicas", expected: "3", actual: "1", fixable: true }])
    expect(refused.reason).toMatchObject({ _tag: "Refused", kind: "unsupported" })
  })
})
