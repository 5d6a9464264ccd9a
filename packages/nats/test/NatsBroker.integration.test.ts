import { Broker, EventBus, Publisher, Topic } from "@effect-eventbus/core"
import { NatsBroker, type NatsConfig } from "@effect-eventbus/nats"
import { Config, ConfigProvider, Context, Effect, Fiber, Layer, Redacted, Schedule, SubscriptionRef } from "effect"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Moved } from "./fixtures/moved.ts"
import { NatsServer } from "./fixtures/natsServer.ts"
import { url } from "./fixtures/server.ts"

const token = Math.random().toString(36).slice(2, 8)
let names = 0
const topicOf = (options?: Omit<Topic.Options<never>, "events">, name = `nb.${token}.t${++names}`) =>
  Topic.make(name, { ...options, events: [Moved] })

type Services = EventBus.Services | Broker.Broker | NatsBroker.NatsBroker

const withBus = <A, E>(
  effect: Effect.Effect<A, E, Services>,
  options: NatsConfig.Options = {}
): Promise<A> =>
  Effect.runPromise(
    Effect.provide(
      effect,
      Layer.provideMerge(
        EventBus.layer({ deliveryTimeout: "5 seconds" }),
        NatsBroker.layer({ servers: url(), ...options })
      )
    )
  )

/** A request to the JetStream API, past the driver. */
const api = (subject: string, body: object) =>
  Effect.flatMap(
    NatsBroker.NatsBroker,
    ({ use }) => use((connection) => connection.request(`$JS.API.${subject}`, JSON.stringify(body)))
  )

const publish = (topic: Topic.Topic<readonly [typeof Moved]>, n: number, text?: string) =>
  Effect.flatMap(
    Publisher.Publisher,
    (publisher) => publisher.publish(topic, Moved.make({ key: "k", n, ...(text === undefined ? undefined : { text }) }))
  )

const failure = (topic: Topic.Topic<readonly [typeof Moved]>, n: number, text?: string) =>
  Effect.flip(publish(topic, n, text))

const streamOf = (topic: { readonly name: string }) => topic.name.replaceAll(".", "_")

describe("streams", () => {
  test("one that takes the topic's subject is used, with its drift, and never doubled", async () => {
    const topic = topicOf()
    const stream = `FOREIGN_${token}`
    const [ensured, streams] = await withBus(Effect.gen(function*() {
      yield* api(`STREAM.CREATE.${stream}`, {
        name: stream,
        subjects: [topic.name],
        storage: "memory",
        num_replicas: 1
      })
      const broker = yield* Broker.Broker
      const found = yield* broker.ensureTopic(topic, "createOrUpdate")
      yield* publish(topic, 1)
      const answer = yield* api("STREAM.NAMES", { subject: topic.name })
      return [found, answer.json<{ readonly streams: ReadonlyArray<string> }>().streams] as const
    }))
    expect(ensured.action).toBe("found")
    expect(ensured.drift).toContainEqual({ field: "stream", expected: streamOf(topic), actual: stream, fixable: false })
    expect(ensured.drift).toContainEqual({ field: "storage", expected: "file", actual: "memory", fixable: false })
    expect(streams).toEqual([stream])
  })

  test("createOrUpdate changes what it may, and says what stays", async () => {
    const before = topicOf({ retention: "1 hour" })
    const after = topicOf({ retention: "2 hours", storage: "memory" }, before.name)
    const ensured = await withBus(Effect.gen(function*() {
      const broker = yield* Broker.Broker
      yield* broker.ensureTopic(before, "createOnly")
      return yield* broker.ensureTopic(after, "createOrUpdate")
    }))
    expect(ensured).toMatchObject({ action: "updated", topic: { retention: { ageMillis: 7_200_000 } } })
    expect(ensured.drift.map(({ field }) => field)).toEqual(["storage"])
  })

  test("two topics that differ only in . and _ do not share one", async () => {
    const dotted = topicOf()
    const error = await withBus(Effect.gen(function*() {
      const broker = yield* Broker.Broker
      yield* broker.ensureTopic(dotted, "createOnly")
      return yield* Effect.flip(broker.ensureTopic(topicOf({}, dotted.name.replaceAll(".", "_")), "createOnly"))
    }))
    expect(error.reason).toMatchObject({ _tag: "Refused", kind: "invalid" })
  })

  test.each(["$JS.API.STREAM.DELETE.x", "*", ">", "a..b", "a b", "a\u0000b", "_INBOX.x", "x".repeat(5000)])(
    "F28: %j is refused before it reaches the server",
    async (name) => {
      const [sent, error] = await withBus(Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const { connection } = yield* NatsBroker.NatsBroker
        const before = connection.stats().outMsgs
        const refused = yield* Effect.flip(broker.ensureTopic({ ...topicOf(), name }, "createOnly"))
        return [connection.stats().outMsgs - before, refused] as const
      }))
      expect(sent).toBe(0)
      expect(error.reason).toMatchObject({ _tag: "Refused", kind: "invalid" })
    }
  )
})

describe.each(["window", "fastIngest"] as const)("refusals, %s", (publishMode) => {
  const options = { publishMode }

  test("a full stream refuses, evicts nothing, and takes more once there is room", async () => {
    const topic = topicOf()
    const [refused, later] = await withBus(
      Effect.gen(function*() {
        const broker = yield* Broker.Broker
        yield* broker.ensureTopic(topic, "createOnly")
        const info = yield* api(`STREAM.INFO.${streamOf(topic)}`, {})
        const { config } = info.json<{ readonly config: object }>()
        yield* api(`STREAM.UPDATE.${streamOf(topic)}`, { ...config, max_msgs: 2 })
        yield* publish(topic, 1)
        yield* publish(topic, 2)
        const error = yield* failure(topic, 3)
        const waiting = yield* Effect.forkChild(publish(topic, 4))
        yield* Effect.sleep(300)
        yield* api(`STREAM.PURGE.${streamOf(topic)}`, {})
        return [error, yield* Fiber.await(waiting)] as const
      }),
      options
    )
    expect(refused).toMatchObject({ outcome: "rejected" })
    expect(later._tag).toBe("Success")
  })

  test("a stream that is gone is a missing topic, at once", async () => {
    const topic = topicOf()
    const error = await withBus(
      Effect.gen(function*() {
        yield* publish(topic, 1)
        yield* api(`STREAM.DELETE.${streamOf(topic)}`, {})
        return yield* failure(topic, 2)
      }),
      options
    )
    expect(error).toMatchObject({ outcome: "rejected", reason: { _tag: "TopicMissing" } })
  })

  test("a sealed stream refuses, at once", async () => {
    const topic = topicOf()
    const error = await withBus(
      Effect.gen(function*() {
        yield* publish(topic, 1)
        const info = yield* api(`STREAM.INFO.${streamOf(topic)}`, {})
        const { config } = info.json<{ readonly config: object }>()
        yield* api(`STREAM.UPDATE.${streamOf(topic)}`, { ...config, sealed: true })
        return yield* failure(topic, 2)
      }),
      options
    )
    expect(error).toMatchObject({ outcome: "rejected", reason: { _tag: "Refused", kind: "sealed" } })
  })

  test("a message larger than the stream takes is refused, and its neighbours are not", async () => {
    const topic = topicOf()
    const [large, ...others] = await withBus(
      Effect.gen(function*() {
        const broker = yield* Broker.Broker
        yield* broker.ensureTopic(topic, "createOnly")
        // From here on the bus does not ask any more what the stream takes.
        yield* publish(topic, 0)
        const info = yield* api(`STREAM.INFO.${streamOf(topic)}`, {})
        const { config } = info.json<{ readonly config: object }>()
        yield* api(`STREAM.UPDATE.${streamOf(topic)}`, { ...config, max_msg_size: 2000 })
        return yield* Effect.all(
          [failure(topic, 1, "x".repeat(3000)), publish(topic, 2), publish(topic, 3)],
          { concurrency: "unbounded" }
        )
      }),
      options
    )
    expect(large).toMatchObject({ outcome: "rejected", reason: { _tag: "TooLarge" } })
    expect(others).toHaveLength(2)
  })

  test("what is larger than the stream takes is refused before it is sent", async () => {
    const topic = topicOf()
    const error = await withBus(Effect.gen(function*() {
      const broker = yield* Broker.Broker
      yield* broker.ensureTopic(topic, "createOnly")
      const info = yield* api(`STREAM.INFO.${streamOf(topic)}`, {})
      const { config } = info.json<{ readonly config: object }>()
      yield* api(`STREAM.UPDATE.${streamOf(topic)}`, { ...config, max_msg_size: 2000 })
      yield* publish(topic, 1)
      return yield* failure(topic, 2, "x".repeat(3000))
    }))
    expect(error).toMatchObject({ outcome: "rejected", reason: { _tag: "TooLarge", limit: 2000 } })
  })
})

describe("connections", () => {
  let server: NatsServer

  beforeAll(async () => {
    server = new NatsServer(`
      accounts {
        APP: { jetstream: enabled, users: [
          { user: "app", password: "hunter2" }
          { user: "reader", password: "hunter2", permissions: { publish: { deny: "nb.>" } } }
        ] }
      }
    `)
    await server.start()
  })

  afterAll(() => server.stop())

  const as = (user: string, password: string) => ({ servers: server.url, user, password: Redacted.make(password) })

  test("F27: a wrong password is Unauthorized, soon, and tells nothing", async () => {
    const started = performance.now()
    const error = await Effect.runPromise(
      Effect.flip(Effect.scoped(NatsBroker.make(as("app", "swordfish"))))
    )
    expect(error.reason._tag).toBe("Unauthorized")
    expect(JSON.stringify(error)).not.toContain("swordfish")
    expect(performance.now() - started).toBeLessThan(3000)
  })

  test("F27: a denied publish is rejected at once", async () => {
    const topic = topicOf()
    await withBus(publish(topic, 1), as("app", "hunter2"))
    const started = performance.now()
    const error = await withBus(failure(topic, 2), as("reader", "hunter2"))
    expect(error).toMatchObject({ outcome: "rejected", reason: { _tag: "Unauthorized" } })
    expect(performance.now() - started).toBeLessThan(3000)
  })

  test("F27: TLS that the server does not offer fails closed", async () => {
    const error = await Effect.runPromise(
      Effect.flip(Effect.scoped(NatsBroker.make({ ...as("app", "hunter2"), tls: true })))
    )
    expect(error.isRetryable).toBe(false)
  })

  test("no server is NotConnected, after the time that it was given", async () => {
    const started = performance.now()
    const error = await Effect.runPromise(
      Effect.flip(
        Effect.scoped(NatsBroker.make({ servers: "nats://127.0.0.1:1", initialConnectTimeout: "500 millis" }))
      )
    )
    expect(error.reason._tag).toBe("NotConnected")
    expect(performance.now() - started).toBeGreaterThanOrEqual(500)
  })

  test("wrong credentials are not tried again", async () => {
    const error = await Effect.runPromise(
      Effect.flip(
        Effect.timeout(
          Effect.scoped(NatsBroker.make({ ...as("app", "wrong"), initialConnectTimeout: "1 hour" })),
          20_000
        )
      )
    )
    expect(error).toMatchObject({ reason: { _tag: "Unauthorized" } })
  })

  test("a service that starts before its server waits for it", async () => {
    await server.kill()
    const opening = Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(NatsBroker.make(as("app", "hunter2")), (context) => Context.get(context, Broker.Broker).health())
      )
    )
    await new Promise((resolve) => {
      setTimeout(resolve, 600)
    })
    await server.start()
    expect((await opening).roundTripMillis).toBeGreaterThan(0)
  })

  test("options from the environment", async () => {
    const layer = NatsBroker.layerConfig({
      servers: Config.String("NATS_SERVERS"),
      user: Config.String("NATS_USER"),
      password: Config.Redacted("NATS_PASSWORD")
    })
    const provider = ConfigProvider.fromEnvRecord({
      NATS_SERVERS: server.url,
      NATS_USER: "app",
      NATS_PASSWORD: "hunter2"
    })
    const report = await Effect.runPromise(
      Effect.flatMap(Broker.Broker, (broker) => broker.health()).pipe(
        Effect.provide(layer),
        Effect.provideService(ConfigProvider.ConfigProvider, provider)
      )
    )
    expect(report.roundTripMillis).toBeGreaterThan(0)
  })

  test("the status says that the server went and came back; health says so, too", async () => {
    const topic = topicOf()
    const seen = await withBus(
      Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const tag = Effect.map(SubscriptionRef.get(broker.status), ({ _tag }) => _tag)
        const becomes = (wanted: string) =>
          Effect.repeat(tag, { until: (found) => found === wanted, schedule: Schedule.spaced("20 millis") })
        yield* broker.ensureTopic(topic, "createOnly")
        yield* broker.health({ probe: topic })
        yield* Effect.promise(() => server.kill())
        yield* becomes("Disconnected")
        const sick = yield* Effect.flip(broker.health())
        yield* Effect.promise(() => server.start())
        yield* becomes("Connected")
        const well = yield* broker.health({ probe: topic })
        return [sick.reason._tag, typeof well.lastAckAt]
      }),
      as("app", "hunter2")
    )
    expect(seen).toEqual(["NotConnected", "number"])
  })
})
