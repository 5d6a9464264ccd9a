import * as Broker from "@effect-eventbus/core/Broker"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { maxQueuedBytes } from "../../src/internal/memory/producer.ts"
import { batch, brief, infoOf, record, records, topicSpec } from "../fixtures/batch.ts"

const open = Effect.fnUntraced(function*(topic: Broker.TopicSpec) {
  const broker = yield* Broker.Broker
  yield* broker.ensureTopic(topic, "createOnly")
  const producer = yield* broker.producer
  producer.lanes(topic, infoOf(topic))
  return producer
})

const stored = (topic: Broker.TopicSpec) =>
  Effect.flatMap(
    MemoryBroker.MemoryBroker,
    (memory) => Effect.map(memory.records(topic.name), (all) => all.map(({ eventId }) => eventId))
  )

const run = (options?: MemoryBroker.Options) => Effect.provide(MemoryBroker.layer(options))

describe("the memory broker's producer", () => {
  it.effect("stores in order and answers each record with its offset, after send has returned", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { partitions: 2 })
      const { send } = yield* open(topic)
      const [a, b] = [batch(topic, records(0, 2)), batch(topic, records(2, 2, { partition: 1 }))]
      yield* send([a, b])
      assert.deepStrictEqual([a.answers, b.answers], [[[], []], [[], []]])
      assert.deepStrictEqual((yield* a.outcomes).map(brief), ["stored 0", "stored 1"])
      assert.deepStrictEqual((yield* b.outcomes).map(brief), ["stored 0", "stored 1"])
      assert.deepStrictEqual(yield* stored(topic), ["e0", "e1", "e2", "e3"])
    }).pipe(run()))

  it.effect("announces its lanes by the topic's order", () =>
    Effect.gen(function*() {
      const { lanes } = yield* open(topicSpec("orders"))
      const policy = (order: "aggregate" | "none") => {
        const topic = topicSpec("orders", { order })
        return lanes(topic, infoOf(topic))
      }
      assert.deepStrictEqual(policy("aggregate"), {
        key: "partition",
        maxInFlight: 4,
        maxBatch: 512,
        maxBatchBytes: 1_048_576
      })
      assert.strictEqual(policy("none").key, "none")
    }).pipe(run()))

  it.effect("a topic that was not ensured is missing", () =>
    Effect.gen(function*() {
      const { send } = yield* (yield* Broker.Broker).producer
      const lost = batch(topicSpec("nowhere"), records(0, 2))
      yield* send([lost])
      assert.deepStrictEqual((yield* lost.outcomes).map(brief), [
        "not stored: TopicMissing",
        "not stored: TopicMissing"
      ])
    }).pipe(run()))

  it.effect("the gap rule: nothing behind a record that was not stored, until a higher epoch", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { partitions: 2 })
      const { send } = yield* open(topic)
      const first = batch(topic, [record("a"), record("b", { size: 1001 }), record("c")])
      const second = batch(topic, [record("d")])
      const other = batch(topic, [record("e", { partition: 1 })])
      yield* send([first, second, other])
      assert.deepStrictEqual((yield* first.outcomes).map(brief), [
        "stored 0",
        "not stored: TooLarge",
        "not stored: BrokerFailure"
      ])
      assert.deepStrictEqual((yield* second.outcomes).map(brief), ["not stored: BrokerFailure"])
      assert.deepStrictEqual((yield* other.outcomes).map(brief), ["stored 0"])
      const late = batch(topic, [record("f")])
      yield* send([late])
      const [outcome] = yield* late.outcomes
      assert.strictEqual(brief(outcome!), "not stored: BrokerFailure")
      // It says nothing about this record: core may send it again.
      assert.isTrue(outcome!._tag === "NotStored" && outcome!.reason.isRetryable)
      const again = batch(topic, [record("c"), record("d"), record("f")], { epoch: 1, resend: true })
      yield* send([again])
      assert.deepStrictEqual((yield* again.outcomes).map(brief), ["stored 1", "stored 2", "stored 3"])
      const old = batch(topic, [record("g")], { epoch: 0 })
      yield* send([old])
      assert.deepStrictEqual((yield* old.outcomes).map(brief), ["stored 4"])
      const { gaps, refused } = yield* (yield* MemoryBroker.MemoryBroker).counters
      assert.deepStrictEqual([gaps, refused], [3, 1])
    }).pipe(run({ maxRecordBytes: 1000 })))

  it.effect("lanes are a producer's own", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const one = yield* open(topic)
      const two = yield* open(topic)
      const broken = batch(topic, [record("a", { size: 1001 })])
      const fine = batch(topic, [record("b")])
      yield* one.send([broken])
      yield* two.send([fine])
      assert.deepStrictEqual((yield* fine.outcomes).map(brief), ["stored 0"])
    }).pipe(run({ maxRecordBytes: 1000 })))

  it.effect("without order each record is on its own", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { order: "none", partitions: 2 })
      const { send } = yield* open(topic)
      const mixed = batch(topic, [record("a", { size: 1001 }), record("b", { partition: 1 }), record("c")])
      const next = batch(topic, [record("d")])
      yield* send([mixed, next])
      assert.deepStrictEqual((yield* mixed.outcomes).map(brief), ["not stored: TooLarge", "stored 0", "stored 0"])
      assert.deepStrictEqual((yield* next.outcomes).map(brief), ["stored 1"])
    }).pipe(run({ maxRecordBytes: 1000 })))

  it.effect("a repeated event id is a duplicate within the window, and stored again after it", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { dedupeWindowMillis: 1000 })
      const { send } = yield* open(topic)
      const attempt = Effect.fnUntraced(function*(ids: ReadonlyArray<string>) {
        const one = batch(topic, ids.map((id) => record(id)))
        yield* send([one])
        return (yield* one.outcomes).map(brief)
      })
      assert.deepStrictEqual(yield* attempt(["a", "b", "a"]), ["stored 0", "stored 1", "duplicate 0"])
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(yield* attempt(["b"]), ["duplicate 1"])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* attempt(["b"]), ["stored 2"])
    }).pipe(run()))

  it.effect("a full topic refuses, and takes more when there is room", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { retention: { ageMillis: 1000 } })
      const { send } = yield* open(topic)
      const first = batch(topic, records(0, 4))
      yield* send([first])
      const outcomes = yield* first.outcomes
      assert.deepStrictEqual(outcomes.map(brief), [
        "stored 0",
        "stored 1",
        "not stored: Refused",
        "not stored: BrokerFailure"
      ])
      assert.isTrue(outcomes[2]!._tag === "NotStored" && outcomes[2]!.reason.isRetryable)
      yield* TestClock.adjust(1000)
      const again = batch(topic, records(2, 2), { epoch: 1 })
      yield* send([again])
      assert.deepStrictEqual((yield* again.outcomes).map(brief), ["stored 2", "stored 3"])
    }).pipe(run({ maxRecords: 2 })))

  describe("all or nothing", () => {
    it.effect("one bad record stores nothing and gives all its reason", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders")
        const { send } = yield* open(topic)
        const bad = batch(topic, [record("a"), record("b", { size: 1001 }), record("c")], { atomic: true })
        yield* send([bad])
        assert.deepStrictEqual((yield* bad.outcomes).map(brief), [
          "not stored: TooLarge",
          "not stored: TooLarge",
          "not stored: TooLarge"
        ])
        assert.deepStrictEqual(yield* stored(topic), [])
        const behind = batch(topic, [record("d")])
        yield* send([behind])
        assert.deepStrictEqual((yield* behind.outcomes).map(brief), ["not stored: BrokerFailure"])
      }).pipe(run({ maxRecordBytes: 1000 })))

    it.effect("there must be room for all of it", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders")
        const { send } = yield* open(topic)
        const [three, two] = [
          batch(topic, records(0, 3), { atomic: true }),
          batch(topic, records(0, 2), { atomic: true, epoch: 1 })
        ]
        yield* send([three, two])
        assert.deepStrictEqual((yield* three.outcomes).map(brief), Array(3).fill("not stored: Refused"))
        assert.deepStrictEqual((yield* two.outcomes).map(brief), ["stored 0", "stored 1"])
      }).pipe(run({ maxRecords: 2 })))

    it.effect("is answered again as duplicates when it is sent again, also to a full topic", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders")
        const { send } = yield* open(topic)
        const [first, again] = [
          batch(topic, records(0, 2), { atomic: true }),
          batch(topic, records(0, 2), { atomic: true })
        ]
        yield* send([first, again])
        assert.deepStrictEqual((yield* again.outcomes).map(brief), ["duplicate 0", "duplicate 1"])
      }).pipe(run({ maxRecords: 2 })))

    it.effect("has a limit", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders")
        const { send } = yield* open(topic)
        const { atomicBatch } = (yield* Broker.Broker).capabilities
        const [most, more] = [
          batch(topic, records(0, atomicBatch), { atomic: true }),
          batch(topic, records(0, atomicBatch + 1), { atomic: true })
        ]
        yield* send([most, more])
        assert.strictEqual(brief((yield* most.outcomes)[atomicBatch - 1]!), `stored ${atomicBatch - 1}`)
        const [refusal] = yield* more.outcomes
        assert.isTrue(
          refusal!._tag === "NotStored" && refusal!.reason._tag === "Refused" && refusal!.reason.kind === "unsupported"
        )
      }).pipe(run()))
  })

  it.effect("send waits while too much is queued, and can be interrupted without taking anything back", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { retention: { count: 1000 } })
      const { send } = yield* open(topic)
      const large = batch(
        topic,
        Array.from({ length: maxQueuedBytes / 1_048_576 }, (_, i) => record(`l${i}`, { size: 1_048_576 }))
      )
      const small = batch(topic, [record("s")])
      yield* send([large])
      const waiting = yield* Effect.forkChild(send([small]), { startImmediately: true })
      const given = yield* Effect.forkChild(send([batch(topic, [record("t")])]), { startImmediately: true })
      assert.deepStrictEqual([waiting.pollUnsafe(), given.pollUnsafe()], [undefined, undefined])
      yield* Fiber.interrupt(given)
      yield* Fiber.join(waiting)
      assert.strictEqual((yield* small.outcomes).length, 1)
      assert.deepStrictEqual((yield* stored(topic)).slice(-2), ["s", "t"])
    }).pipe(run()))

  it.effect("closing stores and answers what was handed over, and refuses what comes later", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const broker = yield* Broker.Broker
      yield* broker.ensureTopic(topic, "createOnly")
      const scope = yield* Scope.make()
      const { send } = yield* Scope.provide(broker.producer, scope)
      const before = batch(topic, [record("a")])
      yield* send([before])
      yield* Scope.close(scope, Exit.void)
      // By now, not some time later.
      assert.deepStrictEqual(before.answers.map((given) => given.map(brief)), [["stored 0"]])
      assert.deepStrictEqual((yield* before.outcomes).map(brief), ["stored 0"])
      const after = batch(topic, [record("b")])
      yield* send([after])
      assert.deepStrictEqual((yield* after.outcomes).map(brief), ["not stored: Closed"])
      assert.deepStrictEqual(before.answers.map((given) => given.length), [1])
    }).pipe(run()))
})
