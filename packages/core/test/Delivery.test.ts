import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schema, Scope, Stream } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { TestClock } from "effect/testing"
import * as Delivery from "../src/Delivery.ts"
import * as Event from "../src/Event.ts"
import * as EventBus from "../src/EventBus.ts"
import * as MemoryBroker from "../src/MemoryBroker.ts"
import * as Publisher from "../src/Publisher.ts"
import * as PublishError from "../src/PublishError.ts"
import type * as PublishResult from "../src/PublishResult.ts"
import * as Settlement from "../src/Settlement.ts"
import * as Subscriber from "../src/Subscriber.ts"
import * as Topic from "../src/Topic.ts"
import { bus, lag, Orders, placed, publishAll, settle } from "./fixtures/subscribing.ts"

const Billed = Event.make("Billed", {
  version: 1,
  payload: Schema.Struct({ order: Schema.String, n: Schema.Int, part: Schema.Int }),
  aggregateId: (payload) => payload.order
})

const Invoices = Topic.make("invoices", { events: [Billed], storage: "memory" })

type OrderDelivery = Delivery.Delivery<typeof Orders>

const label = ({ envelope, attempt }: OrderDelivery): string =>
  envelope.type === "Placed" ? `${envelope.payload.order}${envelope.payload.n}#${attempt}` : envelope.type

const deliveries = (options?: Partial<Subscriber.StreamOptions>) =>
  Stream.unwrap(
    Subscriber.Subscriber.use((subscriber) => Effect.succeed(subscriber.stream(Orders, { group: "g", ...options })))
  )

describe("Subscriber.stream", () => {
  it.effect("has at most one unsettled delivery of each aggregate out, and gives the next when it is settled", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1), placed("b", 0), placed("a", 2)])
      const out: Array<OrderDelivery> = []
      yield* Effect.forkScoped(Stream.runForEach(deliveries(), (delivery) => Effect.sync(() => out.push(delivery))))
      yield* settle
      assert.deepStrictEqual(out.map(label), ["a0#1", "b0#1"])
      yield* out[0]!.settle(Settlement.Retry({ after: "1 second" }))
      yield* settle
      assert.strictEqual(out.length, 2)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(out.map(label), ["a0#1", "b0#1", "a0#2"])
      yield* out[2]!.settle(Settlement.Ack)
      yield* settle
      yield* out[3]!.settle(Settlement.DeadLetter({ reason: "no" }))
      yield* settle
      assert.deepStrictEqual(out.map(label), ["a0#1", "b0#1", "a0#2", "a1#1", "a2#1"])
      assert.strictEqual(yield* lag(Orders, "g"), 2)
      const letters = yield* MemoryBroker.MemoryBroker.use(({ records }) => records("orders.dlq.g"))
      assert.strictEqual(letters.length, 1)
    }).pipe(Effect.provide(bus())))

  it.effect("the first settlement of a delivery counts", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      const out = yield* deliveries().pipe(
        Stream.tap((delivery) =>
          Effect.andThen(delivery.settle(Settlement.Ack), delivery.settle(Settlement.DeadLetter({ reason: "no" })))
        ),
        Stream.take(2),
        Stream.runCollect
      )
      assert.deepStrictEqual(out.map(label), ["a0#1", "a1#1"])
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))

  it.effect("what was not settled when the stream ended comes back, at once", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("b", 0), placed("a", 1)])
      const first = yield* deliveries().pipe(Stream.take(1), Stream.runCollect)
      const again = yield* deliveries().pipe(
        Stream.tap((delivery) => delivery.settle(Settlement.Ack)),
        Stream.take(3),
        Stream.runCollect
      )
      assert.strictEqual(first.length, 1)
      assert.deepStrictEqual(again.map((delivery) => label(delivery).slice(0, 2)).toSorted(), ["a0", "a1", "b0"])
      yield* first[0]!.settle(Settlement.DeadLetter({ reason: "too late" }))
    }).pipe(Effect.provide(bus())))

  it.effect("fails with what stopped a lane", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0)])
      const Other = Topic.make("orders", { events: [Billed], storage: "memory" })
      const subscriber = yield* Subscriber.Subscriber
      const error = yield* Effect.flip(
        Stream.runDrain(subscriber.stream(Other, { group: "g", onUnknown: "halt" }))
      )
      assert.strictEqual(error.reason._tag, "LaneHalted")
    }).pipe(Effect.provide(bus())))
})

describe("a consumer that asks for more than may be out", () => {
  const orders = (n: number, aggregates: number) =>
    publishAll(Orders, Array.from({ length: n }, (_, i) => placed(`o${i % aggregates}`, i)))

  it.effect("fails when it collects beyond the window", () =>
    Effect.gen(function*() {
      yield* orders(50, 50)
      const fiber = yield* deliveries({ maxInFlight: 10 }).pipe(
        Stream.grouped(11),
        Stream.runDrain,
        Effect.flip,
        Effect.forkChild
      )
      yield* TestClock.adjust("8 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.reason._tag, "BrokerFailure")
      assert.include(error.message, "maxInFlight")
      assert.isFalse(error.isRetryable)
    }).pipe(Effect.provide(bus())))

  it.effect("fails when it collects beyond the number of aggregates", () =>
    Effect.gen(function*() {
      yield* orders(50, 3)
      const fiber = yield* deliveries().pipe(Stream.grouped(4), Stream.runDrain, Effect.flip, Effect.forkChild)
      yield* TestClock.adjust("8 seconds")
      assert.include((yield* Fiber.join(fiber)).message, "same aggregates")
    }).pipe(Effect.provide(bus())))

  it.effect("fails when the window stays full, even of deliveries that somebody has looked into", () =>
    Effect.gen(function*() {
      yield* orders(50, 50)
      const fiber = yield* deliveries({ maxInFlight: 10, stallTimeout: "2 seconds" }).pipe(
        Stream.map(({ envelope }) => envelope),
        Stream.grouped(11),
        Stream.runDrain,
        Effect.flip,
        Effect.forkChild
      )
      yield* TestClock.adjust("24 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("3 seconds")
      assert.include((yield* Fiber.join(fiber)).message, "maxInFlight")
    }).pipe(Effect.provide(bus())))

  it.effect("does not fail where it collects for a time, with a longer stallTimeout", () =>
    Effect.gen(function*() {
      yield* orders(30, 3)
      const fiber = yield* deliveries({ stallTimeout: "30 seconds" }).pipe(
        Stream.groupedWithin(10, "20 seconds"),
        Stream.tap((group) => Delivery.settleAll(group, Settlement.Ack)),
        Stream.take(10),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(
        (yield* Fiber.join(fiber)).map((group) => group.length),
        Array.from({ length: 10 }, () => 3)
      )
    }).pipe(Effect.provide(bus())))

  it.effect("does not fail while it works, however slowly, beyond the window", () =>
    Effect.gen(function*() {
      yield* orders(12, 12)
      const out = yield* deliveries({ maxInFlight: 4 }).pipe(
        Stream.mapEffect((delivery) =>
          Effect.as(
            Effect.andThen(Effect.log(delivery.envelope.eventId.length > 0), Effect.sleep("50 seconds")),
            delivery
          ), { concurrency: 16 }),
        Stream.tap((delivery) => delivery.settle(Settlement.Ack)),
        Stream.take(12),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* Fiber.join(out)).length, 12)
    }).pipe(Effect.provide(bus())))

  it.effect("does not fail when nothing comes", () =>
    Effect.gen(function*() {
      yield* orders(3, 3)
      const fiber = yield* deliveries().pipe(Stream.grouped(4), Stream.take(1), Stream.runCollect, Effect.forkChild)
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(fiber.pollUnsafe())
      yield* publishAll(Orders, [placed("other", 0)])
      yield* settle
      assert.strictEqual((yield* Fiber.join(fiber))[0]?.length, 4)
    }).pipe(Effect.provide(bus())))
})

describe("operators", () => {
  it.effect("filter acknowledges what it leaves out", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 6 }, (_, n) => placed("a", n)))
      const out = yield* deliveries().pipe(
        Delivery.filter(({ envelope }) => envelope.type === "Placed" && envelope.payload.n % 2 === 1),
        Stream.tap((delivery) => delivery.settle(Settlement.Ack)),
        Stream.take(3),
        Stream.runCollect
      )
      assert.deepStrictEqual(out.map(label), ["a1#1", "a3#1", "a5#1"])
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))

  it("settlementOf", () => {
    const base = { topic: "t", eventId: "e", aggregateId: "a" }
    const tag = (result: PublishResult.PublishResult) => Delivery.settlementOf(result)?._tag
    const refused = (kind: "full" | "sealed") => new PublishError.Refused({ kind, message: "no" })
    const timeout = new PublishError.Timeout({ millis: 1, message: "late" })
    assert.strictEqual(tag({ _tag: "Acked", ...base, receipt: { topic: "t", eventId: "e", partition: 0 } }), "Ack")
    assert.strictEqual(tag({ _tag: "Unknown", ...base, reason: timeout }), "Retry")
    assert.strictEqual(tag({ _tag: "Unknown", ...base, reason: refused("sealed") }), "Retry")
    assert.strictEqual(tag({ _tag: "Rejected", ...base, reason: refused("full") }), "Retry")
    assert.strictEqual(tag({ _tag: "Rejected", ...base, reason: refused("sealed") }), "DeadLetter")
    assert.isUndefined(tag({ _tag: "Rejected", ...base, reason: new PublishError.Closed() }))
  })
})

describe("consume, transform, produce as one stream", () => {
  const layer = (cluster: MemoryBroker.Cluster) =>
    EventBus.layer({ drainTimeout: 0 }).pipe(Layer.provideMerge(MemoryBroker.layer({ cluster })))

  const parts = (n: number) => n % 4

  /** Each order becomes 0 to 3 invoices. */
  const pipeline = Effect.gen(function*() {
    const subscriber = yield* Subscriber.Subscriber
    const publisher = yield* Publisher.Publisher
    yield* subscriber.stream(Orders, { group: "invoicing", maxInFlight: 20 }).pipe(
      Delivery.expand((delivery) => {
        const { envelope } = delivery
        if (envelope.type !== "Placed") return Effect.succeed([])
        const { n, order } = envelope.payload
        return Effect.delay(
          Effect.succeed(
            Array.from(
              { length: parts(n) },
              (_, part) =>
                Billed.make({ order, n, part }, { eventId: Event.derivedId(envelope.eventId, "invoicing", part) })
            )
          ),
          n % 3
        )
      }),
      publisher.throughWith(Invoices, { envelope: (_) => _.output }),
      Delivery.settleAfter(([, { delivery }]) => delivery),
      Stream.runDrain
    )
  })

  it.effect("the shape of the design compiles and runs", () =>
    Effect.gen(function*() {
      const cluster = yield* MemoryBroker.makeCluster()
      yield* Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        const subscriber = yield* Subscriber.Subscriber
        yield* publisher.publish(Orders, placed("a", 1))
        const out = yield* subscriber.stream(Orders, { group: "invoicing" }).pipe(
          Stream.mapEffect((delivery) =>
            Effect.succeed({ envelope: Billed.make({ order: delivery.envelope.aggregateId, n: 0, part: 0 }), delivery })
          ),
          publisher.throughWith(Invoices, { envelope: (_) => _.envelope }),
          Delivery.settleAfter(([, { delivery }]) => delivery),
          Stream.take(1),
          Stream.runCollect
        )
        assert.strictEqual(out[0]?.[0]._tag, "Acked")
        assert.strictEqual(yield* lag(Orders, "invoicing"), 0)
      }).pipe(Effect.provide(layer(cluster)))
    }))

  it.effect.prop(
    "loses nothing and keeps order when it is interrupted anywhere",
    { cuts: Arbitrary.array(Arbitrary.schema(Schema.Literals([0, 1, 2, 3, 5, 8, 13])), { maxLength: 12 }) },
    ({ cuts }) =>
      Effect.gen(function*() {
        const cluster = yield* MemoryBroker.makeCluster()
        const orders = Array.from({ length: 40 }, (_, n) => placed(`o${n % 5}`, n, `order-${n}`))
        yield* Effect.provide(publishAll(Orders, orders), bus({ cluster }))
        for (const cut of [...cuts, undefined]) {
          const scope = yield* Scope.make()
          const context = yield* Layer.buildWithScope(layer(cluster), scope)
          const fiber = yield* Effect.forkChild(Effect.provideContext(pipeline, context))
          if (cut === undefined) {
            yield* TestClock.adjust("1 minute")
          } else if (cut % 2 === 0) {
            // In the middle of whatever runs without time passing
            for (let i = 0; i < cut; i++) yield* Effect.yieldNow
          } else {
            yield* TestClock.adjust(cut)
          }
          yield* Fiber.interrupt(fiber)
          yield* Scope.close(scope, Exit.void)
        }
        const { lagging, records } = yield* Effect.gen(function*() {
          const memory = yield* MemoryBroker.MemoryBroker
          return { records: yield* memory.records("invoices"), lagging: yield* lag(Orders, "invoicing") }
        }).pipe(Effect.provide(bus({ cluster })))
        assert.strictEqual(lagging, 0)
        const codec = Invoices.wire.compile(Invoices.events)
        const byOrder = new Map<string, Array<number>>()
        const ids = new Set<string>()
        for (const record of records) {
          const decoded = codec.decode({ headers: record.headers, body: record.body, key: record.key })
          if (decoded._tag !== "Decoded") return assert.fail(decoded._tag)
          const { n, part } = yield* Schema.decodeUnknownEffect(Billed.payload)(decoded.envelope.payload)
          ids.add(decoded.envelope.eventId)
          const seen = byOrder.get(decoded.envelope.aggregateId) ?? []
          byOrder.set(decoded.envelope.aggregateId, seen)
          if (!seen.includes(n * 10 + part)) seen.push(n * 10 + part)
        }
        assert.strictEqual(ids.size, orders.reduce((sum, _, n) => sum + parts(n), 0))
        for (const seen of byOrder.values()) assert.deepStrictEqual(seen, seen.toSorted((a, b) => a - b))
      }),
    { arbitrary: { runs: 40 } }
  )
})
