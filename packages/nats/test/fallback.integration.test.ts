// Older servers and streams of somebody else's: published to all the same, and said once.
import { Broker, EventBus, Publisher, Topic } from "@effect-eventbus/core"
import { NatsBroker, type NatsConfig } from "@effect-eventbus/nats"
import { Cause, Effect, Exit, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { watch } from "../../../scripts/testing/leaks.ts"
import { Moved } from "./fixtures/moved.ts"
import { OlderServer } from "./fixtures/olderServer.ts"
import { url } from "./fixtures/server.ts"

const token = Math.random().toString(36).slice(2, 8)
let names = 0
const topicOf = () => Topic.make(`fb.${token}.t${++names}`, { events: [Moved] })
type Orders = ReturnType<typeof topicOf>

const bus = (options: NatsConfig.Options, ensure: Broker.EnsureStrategy = "createOnly") =>
  EventBus.layer({ ensure }).pipe(Layer.provideMerge(NatsBroker.layer({ servers: url(), ...options })))

/** Publishes a few, in two buses' worth of producers, and says what was warned of. */
const published = async (topic: Orders, options: NatsConfig.Options, strategy?: Broker.EnsureStrategy) => {
  const { exit, log } = await watch(
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const receipts = yield* Effect.forEach(
        [1, 2, 3, 4],
        (n) => publisher.publish(topic, Moved.make({ key: "k", n })),
        {
          concurrency: "unbounded"
        }
      )
      const { capabilities } = yield* Broker.Broker
      return { receipts, capabilities }
    }).pipe(Effect.provide(bus(options, strategy)))
  )
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
  const warnings = new Set(log.split("\n").flatMap((line) => /topic \S+ is published without.*/.exec(line)?.[0] ?? []))
  // One line of the log in JSON is one warning.
  const times = log.split("\n").filter((line) => line.startsWith("{") && line.includes("is published without")).length
  return { ...exit.value, warning: [...warnings][0] ?? "", times }
}

/** A stream without fast ingest, which somebody else has made. */
const foreign = (topic: Orders) =>
  Effect.runPromise(
    Effect.flatMap(NatsBroker.NatsBroker, ({ use }) =>
      use((connection) =>
        connection.request(
          `$JS.API.STREAM.CREATE.F${topic.name.replaceAll(".", "")}`,
          JSON.stringify({ name: `F${topic.name.replaceAll(".", "")}`, subjects: [topic.name], storage: "memory" })
        )
      )).pipe(Effect.provide(NatsBroker.layer({ servers: url() })))
  )

describe("a stream that does not allow it", () => {
  test.each(["auto", "fastIngest"] as const)(
    "is published to in the window, and that is said once: %s",
    async (mode) => {
      const topic = topicOf()
      await foreign(topic)
      const { receipts, times, warning } = await published(topic, { publishMode: mode })
      expect(receipts.map(({ offset }) => offset)).toEqual([1n, 2n, 3n, 4n])
      expect(warning).toContain("allow_batched")
      expect(times).toBe(1)
    }
  )

  test("is none that says something where nobody asked for it", async () => {
    const topic = topicOf()
    await foreign(topic)
    expect(await published(topic, { publishMode: "window" })).toMatchObject({ times: 0 })
    expect(await published(topicOf(), {})).toMatchObject({ times: 0 })
  })

  test("the strategy skip asks for nothing, so it takes the way that always works", async () => {
    const topic = topicOf()
    await foreign(topic)
    const { times, warning } = await published(topic, {}, "skip")
    expect([times, warning.includes("not looked at")]).toEqual([1, true])
  })

  test("createOnly reports it, validateOnly refuses it", async () => {
    const topic = topicOf()
    await foreign(topic)
    const [found, refused] = await Effect.runPromise(
      Effect.gen(function*() {
        const broker = yield* Broker.Broker
        return [
          yield* broker.ensureTopic(topic, "createOnly"),
          yield* Effect.flip(broker.ensureTopic(topic, "validateOnly"))
        ] as const
      }).pipe(Effect.provide(NatsBroker.layer({ servers: url() })))
    )
    expect(found.drift).toContainEqual({ field: "allowBatched", expected: "true", actual: "false", fixable: false })
    expect(refused.reason._tag).toBe("TopicMismatch")
    expect(refused.reason.message).toContain("allowBatched")
  })
})

describe("a server of 2.10", () => {
  let older: OlderServer

  beforeAll(async () => {
    older = new OlderServer(url(), "2.10.29")
    await older.start()
  })

  afterAll(() => older.stop())

  test("is used for what it can do, and that is said once", async () => {
    const { capabilities, receipts, times, warning } = await published(topicOf(), { servers: older.url })
    expect(older.lies).toBeGreaterThan(0)
    expect(receipts.map(({ offset }) => offset)).toEqual([1n, 2n, 3n, 4n])
    expect(capabilities).toMatchObject({ atomicBatch: 0, sharedGroups: false })
    expect(warning).toContain("nats-server 2.10.29")
    expect(times).toBe(1)
  })

  test("refuses an atomic batch by name", async () => {
    const topic = topicOf()
    const exits = await Effect.runPromise(
      Effect.flatMap(
        Publisher.Publisher,
        (publisher) =>
          publisher.publishBatch(topic, [Moved.make({ key: "k", n: 1 }), Moved.make({ key: "k", n: 2 })], {
            atomic: true
          })
      )
        .pipe(Effect.provide(bus({ servers: older.url })))
    )
    for (const exit of exits) {
      const failure = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
      expect(failure?._tag === "Fail" ? failure.error : undefined).toMatchObject({
        outcome: "rejected",
        reason: { _tag: "Refused", kind: "unsupported" }
      })
    }
    expect(exits).toHaveLength(2)
  })
})
