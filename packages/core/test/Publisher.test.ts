import {
  Broker,
  EventBus,
  MemoryBroker,
  Publisher,
  PublishError,
  type PublishResult,
  type Topic,
  TopicAdmin
} from "@effect-eventbus/core"
import * as Faults from "@effect-eventbus/core/testing/Faults"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Cause, Deferred, Effect, Exit, Fiber, Layer, Option, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { malformed } from "./fixtures/malformed.ts"
import { OrderPlaced, Orders } from "./fixtures/orders.ts"
import { settleDown } from "./fixtures/pipeline.ts"

const order = (orderId: string, eventId: string) => OrderPlaced.make({ orderId, total: 1 }, { eventId })

/** A bus over a memory broker that the test can look into and disturb. */
const bus = (options: EventBus.Options = {}, broker: MemoryBroker.Options = {}) =>
  EventBus.layer({ drainTimeout: 0, ...options }).pipe(
    Layer.provideMerge(MemoryBroker.layer(broker)),
    Layer.provideMerge(Faults.layer)
  )

const storedIds = (topic: Topic.Any) =>
  Effect.flatMap(
    MemoryBroker.MemoryBroker,
    (broker) =>
      Effect.map(broker.records(topic.name), (records) =>
        records.map((record) => record.headers.find(([name]) => name === "X-Event-ID")?.[1]))
  )

describe("Publisher", () => {
  it.effect("publish completes with the receipt of the broker", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const first = yield* publisher.publish(Orders, order("o-1", "e-1"))
      const second = yield* publisher.publish(Orders, order("o-1", "e-2"))
      assert.strictEqual(first.topic, Orders.name)
      assert.strictEqual(first.eventId, "e-1")
      assert.strictEqual(first.partition, second.partition)
      assert.strictEqual(second.offset! - first.offset!, 1n)
      assert.isUndefined(first.duplicate)
    }).pipe(Effect.provide(bus())))

  it.effect("a repeated event id is acknowledged as a duplicate, and stored once", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const first = yield* publisher.publish(Orders, order("o-1", "same"))
      const second = yield* publisher.publish(Orders, order("o-1", "same"))
      assert.isTrue(second.duplicate)
      assert.strictEqual(second.offset, first.offset)
      assert.deepStrictEqual(yield* storedIds(Orders), ["same"])
      assert.strictEqual((yield* publisher.totals).duplicates, 1)
    }).pipe(Effect.provide(bus())))

  for (const { envelope, name, path } of malformed) {
    it.effect(`${name}: InvalidEnvelope at ${path.join(".") || "the root"}, and nothing reaches the broker`, () =>
      Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        // The compiler would not let it through; JSON and `any` do.
        const forged = envelope as Topic.EnvelopeOf<typeof Orders>
        const exits = [
          yield* Effect.exit(publisher.publish(Orders, forged)),
          yield* Effect.exit(publisher.publishAsync(Orders, forged)),
          yield* Effect.exit(publisher.tryPublish(Orders, forged)),
          (yield* publisher.publishBatch(Orders, [forged]))[0]!,
          (yield* publisher.publishBatch(Orders, [forged], { atomic: true }))[0]!
        ]
        for (const exit of exits) {
          const error = Option.getOrThrow(Exit.findErrorOption<unknown, unknown>(exit))
          assert.instanceOf(error, PublishError.PublishError)
          assert.strictEqual(error.outcome, "rejected")
          assert.instanceOf(error.reason, PublishError.InvalidEnvelope)
          assert.deepStrictEqual(error.reason.issues[0].path, path)
          assert.isFalse(error.isRetryable)
        }
        const [result] = yield* Stream.make(forged).pipe(publisher.through(Orders), Stream.runCollect)
        assert.strictEqual(result?._tag, "Rejected")
        const summary = yield* Stream.make(forged).pipe(Stream.run(publisher.sink(Orders)))
        assert.strictEqual(summary.rejected, 1)
        assert.deepStrictEqual(yield* storedIds(Orders), [])
        assert.strictEqual((yield* publisher.totals).accepted, 0)
      }).pipe(Effect.provide(bus())))
  }

  it.effect("publishAsync completes at acceptance; a full window makes it wait until a permit is back", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const faults = yield* Faults.Faults
      yield* publisher.publish(Orders, order("o-1", "e-0"))
      yield* faults.delayAcks(3, "10 seconds")
      const receipts = [
        yield* publisher.publishAsync(Orders, order("o-1", "e-1")),
        yield* publisher.publishAsync(Orders, order("o-1", "e-2"))
      ]
      assert.strictEqual((yield* publisher.pending).count, 2)
      const third = yield* Effect.forkChild(publisher.publishAsync(Orders, order("o-1", "e-3")), {
        startImmediately: true
      })
      yield* settleDown
      assert.isUndefined(third.pollUnsafe())
      assert.strictEqual((yield* publisher.pending).waiting, 1)
      const full = yield* Effect.flip(publisher.tryPublish(Orders, order("o-1", "e-4")))
      assert.strictEqual(full.reason._tag, "Backpressure")
      yield* TestClock.adjust("10 seconds")
      for (const receipt of receipts) yield* receipt
      yield* Effect.flatten(Fiber.join(third)).pipe(Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("10 seconds")
      yield* publisher.flush
      assert.deepStrictEqual(yield* storedIds(Orders), ["e-0", "e-1", "e-2", "e-3"])
    }).pipe(Effect.provide(bus({ maxPending: 2 }))))

  it.effect("an envelope larger than the window is TooLarge at once, not a wait for ever", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const error = yield* Effect.flip(publisher.publish(Orders, order("o-1", "e-1")))
      assert.strictEqual(error.reason._tag, "TooLarge")
      assert.strictEqual(error.outcome, "rejected")
    }).pipe(Effect.provide(bus({ maxPendingBytes: 50 }))))

  it.effect("an envelope larger than its topic takes is TooLarge, and is not sent", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const error = yield* Effect.flip(publisher.publish(Orders, order("o-1", "e-1")))
      assert.deepInclude(error.reason, { _tag: "TooLarge", limit: 50 })
      assert.deepStrictEqual(yield* storedIds(Orders), [])
      assert.strictEqual((yield* publisher.totals).accepted, 0)
    }).pipe(
      Effect.provide(
        EventBus.layer().pipe(
          Layer.provideMerge(Layer.effect(
            Broker.Broker,
            Effect.map(Broker.Broker, (inner) => ({
              ...inner,
              ensureTopic: (topic, strategy) =>
                Effect.map(inner.ensureTopic(topic, strategy), (ensured) => ({
                  ...ensured,
                  topic: { ...ensured.topic, maxRecordBytes: 50 }
                }))
            }))
          )),
          Layer.provideMerge(MemoryBroker.layer())
        )
      )
    ))

  it.effect("publishBatch: outcomes in input order, an invalid member fails in its own place", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const envelopes = Array.from({ length: 50 }, (_, i) => order(`o-${i % 7}`, `e-${i}`))
      const spoilt = envelopes.map((envelope, i) => i % 10 === 3 ? { ...envelope, version: 9 } : envelope)
      const exits = yield* publisher.publishBatch(Orders, spoilt)
      assert.strictEqual(exits.length, 50)
      exits.forEach((exit, i) => {
        if (i % 10 === 3) {
          assert.isTrue(Exit.isFailure(exit) && Cause.hasFails(exit.cause))
        } else {
          assert.isTrue(Exit.isSuccess(exit) && exit.value.eventId === `e-${i}`)
        }
      })
      assert.strictEqual((yield* storedIds(Orders)).length, 45)
    }).pipe(Effect.provide(bus({ maxPending: 8 }))))

  it.effect("an atomic batch is stored as a whole or not at all", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const good = Array.from({ length: 20 }, (_, i) => order(`o-${i % 7}`, `a-${i}`))
      const exits = yield* publisher.publishBatch(Orders, good, { atomic: true })
      assert.isTrue(exits.every(Exit.isSuccess))
      const bad = good.map((envelope, i) => ({ ...envelope, eventId: `b-${i}`, version: i === 7 ? 9 : 1 }))
      const refused = yield* publisher.publishBatch(Orders, bad, { atomic: true })
      assert.isTrue(refused.every(Exit.isFailure))
      assert.strictEqual((yield* storedIds(Orders)).length, 20)
      const tooMany = yield* publisher.publishBatch(
        Orders,
        Array.from({ length: 1001 }, (_, i) => order("o-1", `c-${i}`)),
        { atomic: true }
      )
      const error = Option.getOrThrow(Exit.findErrorOption(tooMany[0]!))
      assert.isTrue(error.reason._tag === "Refused" && error.reason.kind === "unsupported")
    }).pipe(Effect.provide(bus())))

  it.effect("through keeps input order, and lets a stream's own failure out after the results before it", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const seen: Array<string> = []
      const exit = yield* Stream.range(0, 499).pipe(
        Stream.map((i) => order(`o-${i % 13}`, `e-${i}`)),
        Stream.concat(Stream.fail("broken source" as const)),
        publisher.through(Orders),
        Stream.runForEach((result) => Effect.sync(() => seen.push(`${result._tag} ${result.eventId}`))),
        Effect.exit
      )
      assert.deepStrictEqual(exit, Exit.fail("broken source"))
      assert.deepStrictEqual(seen, Array.from({ length: 500 }, (_, i) => `Acked e-${i}`))
    }).pipe(Effect.provide(bus({ maxPending: 32 }))))

  it.effect("throughWith carries each element beside its result; a reader that stops early leaves nothing hanging", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const pairs = yield* Stream.range(0, Infinity).pipe(
        Stream.map((i) => ({ i, envelope: order(`o-${i % 13}`, `e-${i}`) })),
        publisher.throughWith(Orders, { envelope: (_) => _.envelope }),
        Stream.take(100),
        Stream.runCollect
      )
      assert.deepStrictEqual(pairs.map(([result, { i }]) => [result.eventId, i]), pairs.map((_, i) => [`e-${i}`, i]))
      yield* publisher.flush
      yield* settleDown
      assert.strictEqual((yield* publisher.pending).count, 0)
    }).pipe(Effect.provide(bus({ maxPending: 32 }))))

  it.effect("sink counts outcomes and keeps the first failures", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const summary = yield* Stream.range(0, 999).pipe(
        Stream.map((i) => ({ ...order(`o-${i % 13}`, `e-${i}`), version: i % 20 === 0 ? 7 : 1 })),
        Stream.run(publisher.sink(Orders))
      )
      const { failures, ...counts } = summary
      assert.deepStrictEqual(counts, { published: 1000, acked: 950, duplicates: 0, rejected: 50, unknown: 0 })
      assert.strictEqual(failures.length, 10)
      assert.strictEqual(failures[1]?.eventId, "e-20")
    }).pipe(Effect.provide(bus({ maxPending: 32 }))))

  it.effect("a lost acknowledgement is sent again with the same event id, and order is kept", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const faults = yield* Faults.Faults
      yield* publisher.publish(Orders, order("o-1", "e-0"))
      yield* faults.dropAcks(1)
      const receipts = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, i) => order("o-1", `e-${i + 1}`)),
        (envelope) => publisher.publishAsync(Orders, envelope)
      )
      for (let i = 0; i < 10; i++) yield* TestClock.adjust("1 second")
      for (const receipt of receipts) yield* receipt
      yield* faults.expectInjected("dropAck")
      assert.deepStrictEqual(yield* storedIds(Orders), Array.from({ length: 21 }, (_, i) => `e-${i}`))
    }).pipe(Effect.provide(bus())))

  it.effect("topics are ensured once, at their first use", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const admin = yield* TopicAdmin.TopicAdmin
      assert.isTrue(Option.isNone(yield* admin.describe(Orders.name)))
      yield* Effect.all([1, 2, 3].map((i) => publisher.publish(Orders, order("o-1", `e-${i}`))), {
        concurrency: "unbounded"
      })
      assert.isTrue(Option.isSome(yield* admin.describe(Orders.name)))
      const found = yield* admin.ensure(Orders)
      assert.deepStrictEqual([found.action, found.drift], ["found", []])
    }).pipe(Effect.provide(bus())))

  it.effect("a topic that may not be made is TopicMissing, and is asked for again by the next publish", () =>
    Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const admin = yield* TopicAdmin.TopicAdmin
      const error = yield* Effect.flip(publisher.publish(Orders, order("o-1", "e-1")))
      assert.deepStrictEqual([error.outcome, error.reason._tag], ["rejected", "TopicMissing"])
      yield* admin.ensure(Orders, "createOnly")
      yield* publisher.publish(Orders, order("o-1", "e-1"))
    }).pipe(Effect.provide(bus({ ensure: "validateOnly" }))))

  it.effect("after the end of the bus every publish is Rejected(Closed), and results end", () =>
    Effect.gen(function*() {
      const cluster = yield* MemoryBroker.makeCluster()
      const { publisher, reader } = yield* Effect.gen(function*() {
        const bound = yield* Publisher.Publisher
        const reading = yield* Effect.forkDetach(Stream.runCollect(bound.results), { startImmediately: true })
        yield* settleDown
        yield* bound.publish(Orders, order("o-1", "e-1"))
        return { publisher: bound, reader: reading }
      }).pipe(Effect.provide(bus({}, { cluster })))
      const error = yield* Effect.flip(publisher.publish(Orders, order("o-1", "e-2")))
      assert.deepStrictEqual([error.outcome, error.reason._tag], ["rejected", "Closed"])
      const results = yield* Fiber.join(reader)
      assert.deepStrictEqual(results.map((result) => result.eventId), ["e-1"])
    }))

  it.live("the end of the bus drains also where its owner was interrupted, as by Ctrl-C", () =>
    Effect.gen(function*() {
      const accepted = yield* Deferred.make<Publisher.Publisher["Service"]>()
      const owner = yield* Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        for (let i = 0; i < 100; i++) yield* publisher.publishAsync(Orders, order("o-1", `e-${i}`))
        yield* Deferred.succeed(accepted, publisher)
        return yield* Effect.never
      }).pipe(Effect.provide(bus({ linger: 50, drainTimeout: "5 seconds" })), Effect.forkChild)
      const publisher = yield* Deferred.await(accepted)
      assert.strictEqual((yield* publisher.totals).acked, 0)
      yield* Fiber.interrupt(owner)
      assert.strictEqual((yield* publisher.totals).acked, 100)
    }))

  it.effect.prop(
    "everything that is accepted settles once, in order, whatever the faults",
    { plan: Faults.arbitraryPlan({ maxAt: 150, maxSteps: 8 }), cuts: Arbitrary.schema(Schema.Array(Schema.Boolean)) },
    ({ cuts, plan }) =>
      Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        const faults = yield* Faults.Faults
        const results: Array<PublishResult.PublishResult> = []
        yield* publisher.results.pipe(
          Stream.runForEach((result) => Effect.sync(() => results.push(result))),
          Effect.forkScoped({ startImmediately: true })
        )
        yield* settleDown
        yield* faults.plan(plan)
        const total = 120
        let sent = 0
        const publishAll = Effect.gen(function*() {
          while (sent < total) yield* publisher.publishAsync(Orders, order(`o-${sent % 3}`, `e-${sent++}`))
        })
        const fiber = yield* Effect.forkChild(publishAll)
        for (const cut of cuts.slice(0, 10)) {
          yield* settleDown
          if (cut) yield* faults.disconnect({ for: "2 seconds", stored: 3 })
          yield* TestClock.adjust("700 millis")
        }
        for (let i = 0; i < 400 && fiber.pollUnsafe() === undefined; i++) yield* TestClock.adjust("500 millis")
        yield* Fiber.join(fiber)
        for (let i = 0; i < 60; i++) yield* TestClock.adjust("1 second")
        const totals = yield* publisher.totals
        assert.strictEqual(totals.accepted, total)
        assert.strictEqual(totals.acked + totals.rejected + totals.unknown, total)
        assert.deepStrictEqual(
          results.map((result) => result.eventId).toSorted(),
          Array.from({ length: total }, (_, i) => `e-${i}`).toSorted()
        )
        assert.strictEqual((yield* publisher.pending).count, 0)
        const stored = yield* storedIds(Orders)
        for (const result of results) {
          if (result._tag === "Acked") assert.include(stored, result.eventId)
          if (result._tag === "Rejected") assert.notInclude(stored, result.eventId)
        }
        for (const key of ["o-0", "o-1", "o-2"]) {
          const acked = results.filter((result) => result._tag === "Acked" && result.aggregateId === key)
          const positions = acked
            .map((result) => Number(result.eventId.slice(2)))
            .toSorted((a, b) => a - b)
            .map((i) => stored.indexOf(`e-${i}`))
          assert.deepStrictEqual(positions, positions.toSorted((a, b) => a - b))
        }
      }).pipe(Effect.scoped, Effect.provide(bus({ maxPending: 8 }))),
    { arbitrary: { runs: 60 }, timeout: 60_000 }
  )
})
