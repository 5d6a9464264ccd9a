import { assert, describe, it } from "@effect/vitest"
import { Context, Data, Effect, Exit, Fiber, Latch, Layer, Schedule, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Broker from "../src/Broker.ts"
import * as MemoryBroker from "../src/MemoryBroker.ts"
import * as Settlement from "../src/Settlement.ts"
import * as Subscriber from "../src/Subscriber.ts"
import type { SubscriptionStatus } from "../src/Subscription.ts"
import type * as Topic from "../src/Topic.ts"
import { bus, lag, Orders, orders, placed, publishAll, publishBytes, settle, statusOf } from "./fixtures/subscribing.ts"

class Refusal extends Data.TaggedError("Refusal")<{ readonly isRetryable: boolean }> {}

/** Subscribes with one handler for `Placed`, and gives the status. */
const subscribe = <R>(
  handler: (n: number, attempt: number, order: string) => Effect.Effect<unknown, unknown, R>,
  options?: Partial<Omit<Subscriber.SubscribeOptions<unknown>, "handlers">>
) =>
  Subscriber.Subscriber.use((subscriber) =>
    subscriber.subscribe(Orders, {
      group: "g",
      ...options,
      handlers: {
        Placed: ({ payload }, delivery) => handler(payload.n, delivery.attempt, payload.order),
        Shipped: () => Effect.void
      }
    })
  )

const stored = (topic: string) =>
  MemoryBroker.MemoryBroker.use(({ records }) => Effect.orElseSucceed(records(topic), () => []))

describe("what a handler's end means", () => {
  it.effect("success acknowledges, whatever the value", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("b", 0), placed("a", 1)])
      const seen: Array<string> = []
      const subscription = yield* subscribe((n, _, order) => Effect.sync(() => seen.push(`${order}${n}`)))
      yield* settle
      assert.deepStrictEqual(seen.toSorted(), ["a0", "a1", "b0"])
      assert.strictEqual(yield* lag(Orders, "g"), 0)
      assert.strictEqual((yield* statusOf(subscription)).counters.handled, 3)
    }).pipe(Effect.provide(bus())))

  it.effect("a failure is tried again in its place, as the schedule says; others go on", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1), placed("b", 0)])
      const seen: Array<string> = []
      yield* subscribe((n, attempt, order) => {
        seen.push(`${order}${n}#${attempt}`)
        return order === "a" && n === 0 && attempt < 3 ? Effect.fail("no") : Effect.void
      })
      yield* settle
      assert.deepStrictEqual(seen, ["a0#1", "b0#1"])
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(seen, ["a0#1", "b0#1"])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(seen, ["a0#1", "b0#1", "a0#2"])
      yield* TestClock.adjust(200)
      assert.deepStrictEqual(seen, ["a0#1", "b0#1", "a0#2", "a0#3", "a1#1"])
      yield* settle
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))

  it.effect("a defect is a failure; used up, both go to the dead letters and the aggregate goes on", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("b", 0), placed("a", 1), placed("b", 1)])
      const seen: Array<string> = []
      const subscription = yield* subscribe((n, attempt, order) => {
        seen.push(`${order}${n}#${attempt}`)
        if (n === 1) return Effect.void
        return order === "a" ? Effect.die(new Error("broken")) : Effect.fail("no")
      }, { retry: Schedule.recurs(2) })
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.deepStrictEqual(seen.filter((one) => one.startsWith("a")), ["a0#1", "a0#2", "a0#3", "a1#1"])
      assert.deepStrictEqual(seen.filter((one) => one.startsWith("b")), ["b0#1", "b0#2", "b0#3", "b1#1"])
      assert.strictEqual((yield* stored("orders.dlq.g")).length, 2)
      assert.strictEqual(yield* lag(Orders, "g"), 0)
      const { counters } = yield* statusOf(subscription)
      assert.deepInclude(counters, { handled: 2, deadLettered: 2, failed: 6, retried: 4 })
    }).pipe(Effect.provide(bus())))

  it.effect("a handler that throws before it returns an effect has failed", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      let tries = 0
      yield* subscribe((n) => {
        if (n === 0 && ++tries < 3) throw new Error("not even an effect")
        return Effect.void
      })
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.strictEqual(tries, 3)
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))

  const decode = Schema.decodeUnknownEffect(Schema.Struct({ x: Schema.Int }))
  for (
    const [name, failure] of [
      ["a SchemaError", decode({ x: "not a number" })],
      ["a SchemaError as a defect", Effect.orDie(decode({ x: "not a number" }))],
      ["isRetryable: false", Effect.fail(new Refusal({ isRetryable: false }))],
      ["isRetryable: false as a defect", Effect.die(new Refusal({ isRetryable: false }))]
    ] as const
  ) {
    it.effect(`${name} is not tried again`, () =>
      Effect.gen(function*() {
        yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
        const seen: Array<number> = []
        yield* subscribe((n) => {
          seen.push(n)
          return n === 0 ? failure : Effect.void
        })
        yield* settle
        assert.deepStrictEqual(seen, [0, 1])
        assert.strictEqual((yield* stored("orders.dlq.g")).length, 1)
      }).pipe(Effect.provide(bus())))
  }

  it.effect("isRetryable: true is tried again", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0)])
      let tries = 0
      yield* subscribe(() => ++tries < 2 ? Effect.fail(new Refusal({ isRetryable: true })) : Effect.void)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(tries, 2)
    }).pipe(Effect.provide(bus())))

  it.effect("settlements are followed: Retry with and without a delay, DeadLetter, Drop", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, ["a", "b", "c", "d"].flatMap((order) => [placed(order, 0), placed(order, 1)]))
      const seen: Array<string> = []
      const subscription = yield* subscribe((n, attempt, order) => {
        seen.push(`${order}${n}#${attempt}`)
        if (n === 1) return Effect.succeed(Settlement.Ack)
        switch (order) {
          case "a":
            return Effect.succeed(attempt === 1 ? Settlement.Retry({ after: "1 minute" }) : Settlement.Ack)
          case "b":
            return Effect.succeed(attempt <= 8 ? Settlement.Retry() : Settlement.Ack)
          case "c":
            return Effect.succeed(Settlement.DeadLetter({ reason: "not today" }))
          default:
            return Effect.succeed(Settlement.Drop)
        }
      })
      yield* settle
      assert.deepStrictEqual(seen, ["a0#1", "b0#1", "c0#1", "d0#1", "d1#1", "c1#1"])
      yield* TestClock.adjust("59 seconds")
      // Without a delay as the schedule says, and on with its last delay when it has ended: never used up.
      assert.deepStrictEqual(
        seen.filter((one) => one.startsWith("b")),
        [...Array.from({ length: 9 }, (_, i) => `b0#${i + 1}`), "b1#1"]
      )
      assert.notInclude(seen, "a1#1")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen.slice(-2), ["a0#2", "a1#1"])
      yield* settle
      assert.strictEqual(yield* lag(Orders, "g"), 0)
      const { counters } = yield* statusOf(subscription)
      assert.deepInclude(counters, { handled: 6, deadLettered: 1, dropped: 1, failed: 0 })
    }).pipe(Effect.provide(bus())))

  it.effect("what a handler settles itself counts, and the first settlement does", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      const subscriber = yield* Subscriber.Subscriber
      const seen: Array<number> = []
      yield* subscriber.subscribe(Orders, {
        group: "g",
        handlers: {
          Placed: ({ payload }, delivery) =>
            Effect.sync(() => seen.push(payload.n)).pipe(
              Effect.andThen(delivery.settle(Settlement.Ack)),
              Effect.andThen(delivery.settle(Settlement.Drop)),
              Effect.andThen(Effect.fail("too late to matter"))
            ),
          Shipped: () => Effect.void
        }
      })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, [0, 1])
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))

  it.effect("a handler that interrupts itself is tried again and never used up", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      let tries = 0
      const subscription = yield* subscribe((n) => n === 0 && ++tries <= 20 ? Effect.interrupt : Effect.void)
      yield* TestClock.adjust("1 hour")
      yield* settle
      assert.strictEqual(tries, 21)
      assert.deepInclude((yield* statusOf(subscription)).counters, { failed: 0, handled: 2, deadLettered: 0 })
    }).pipe(Effect.provide(bus())))

  it.effect("a handler whose fiber is interrupted from outside does not take its worker along", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1), placed("b", 0)])
      const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
      const seen: Array<string> = []
      yield* subscribe((n, attempt, order) => {
        seen.push(`${order}${n}#${attempt}`)
        return order === "a" && n === 0 && attempt === 1
          ? Effect.withFiber((fiber) => {
            fibers.push(fiber)
            return Effect.never
          })
          : Effect.void
      }, { concurrency: 1 })
      yield* settle
      assert.deepStrictEqual(seen, ["a0#1"])
      yield* Fiber.interruptAll(fibers)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["a0#1", "b0#1", "a0#2", "a1#1"])
    }).pipe(Effect.provide(bus())))

  it.effect("a handler's children end with it", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      const log: Array<string> = []
      yield* subscribe((n) =>
        Effect.andThen(
          Effect.forkChild(Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push(`child ${n} ended`))), {
            startImmediately: true
          }),
          Effect.sync(() => log.push(`handled ${n}`))
        ), { concurrency: 1 })
      yield* settle
      assert.deepStrictEqual(log, ["handled 0", "child 0 ended", "handled 1", "child 1 ended"])
    }).pipe(Effect.provide(bus())))

  it.effect("onExhausted: drop goes on without it", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      const seen: Array<number> = []
      const subscription = yield* subscribe((n) => {
        seen.push(n)
        return n === 0 ? Effect.fail("no") : Effect.void
      }, { onExhausted: "drop", retry: Schedule.recurs(1) })
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.deepStrictEqual(seen, [0, 0, 1])
      assert.strictEqual((yield* statusOf(subscription)).counters.dropped, 1)
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))

  it.effect("onExhausted: halt stops the aggregate, visibly, and no other", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1), placed("b", 0)])
      const seen: Array<string> = []
      const subscription = yield* subscribe((n, _, order) => {
        seen.push(`${order}${n}`)
        return order === "a" ? Effect.fail("no") : Effect.void
      }, { onExhausted: "halt", retry: Schedule.recurs(1) })
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(subscription.await)
      assert.strictEqual(error.reason._tag, "LaneHalted")
      yield* publishAll(Orders, [placed("b", 1), placed("a", 2)])
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.deepStrictEqual(seen, ["a0", "b0", "a0", "b1"])
      const status = yield* statusOf(subscription)
      assert.strictEqual(status.halted.length, 1)
      assert.deepInclude(status.halted[0], { aggregateId: "a", attempts: 2, waiting: 2, offset: 0n })
      assert.strictEqual(yield* lag(Orders, "g"), 3)
    }).pipe(Effect.provide(bus())))
})

describe("handlerTimeout", () => {
  it.effect("interrupts, counts as a failure with its reason, and leaves the others alone", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("b", 0), placed("a", 1)])
      const log: Array<string> = []
      const inputs: Array<unknown> = []
      const subscription = yield* subscribe((n, attempt, order) =>
        order === "a" && n === 0 && attempt === 1
          ? Effect.onInterrupt(Effect.never, () => Effect.sync(() => log.push("interrupted")))
          : Effect.andThen(Effect.sleep("900 millis"), Effect.sync(() => log.push(`${order}${n}#${attempt}`))), {
        handlerTimeout: "1 second",
        retry: Schedule.spaced("1 second").pipe(
          Schedule.tap(({ input }) => Effect.sync(() => inputs.push(input)))
        )
      })
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(log, ["b0#1"])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(log, ["b0#1", "interrupted"])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(log, ["b0#1", "interrupted", "a0#2", "a1#1"])
      assert.instanceOf(inputs[0], Subscriber.HandlerTimeout)
      assert.deepInclude((yield* statusOf(subscription)).counters, { timedOut: 1, failed: 1, handled: 3 })
    }).pipe(Effect.provide(bus())))

  it.effect("a handler that hangs for ever ends in the dead letters", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      const seen: Array<number> = []
      yield* subscribe((n) => {
        seen.push(n)
        return n === 0 ? Effect.never : Effect.void
      }, { handlerTimeout: "1 second", retry: Schedule.recurs(2), concurrency: 1 })
      yield* TestClock.adjust("1 minute")
      yield* settle
      assert.deepStrictEqual(seen, [0, 0, 0, 1])
      assert.strictEqual((yield* stored("orders.dlq.g")).length, 1)
    }).pipe(Effect.provide(bus())))

  it.effect("does not cut off what finishes in time, however many there are", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 50 }, (_, n) => placed("a", n)))
      const subscription = yield* subscribe(() => Effect.sleep("600 millis"), { handlerTimeout: "1 second" })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude((yield* statusOf(subscription)).counters, { handled: 50, timedOut: 0 })
    }).pipe(Effect.provide(bus())))
})

describe("what never reaches a handler", () => {
  const body = (fields: object) => new TextEncoder().encode(JSON.stringify(fields))
  const envelope = {
    event_id: "e",
    aggregate_id: "a",
    event_type: "Placed",
    event_version: 1,
    timestamp: "2026-01-01T00:00:00Z",
    payload: { order: "a", n: 0 }
  }

  it.effect("goes to the dead letters in its place: undecodable, unknown type, unknown version", () =>
    Effect.gen(function*() {
      const garbage = new Uint8Array([0xff, 0x00, 0x7b])
      yield* publishBytes(Orders, { eventId: "0", key: "a", body: garbage })
      yield* publishBytes(Orders, { eventId: "1", key: "a", body: body({ ...envelope, event_type: "Unheard" }) })
      yield* publishBytes(Orders, { eventId: "2", key: "a", body: body({ ...envelope, event_version: 2 }) })
      yield* publishBytes(Orders, { eventId: "3", body: garbage })
      yield* publishAll(Orders, [placed("a", 7)])
      const seen: Array<number> = []
      const subscription = yield* subscribe((n) => Effect.sync(() => seen.push(n)))
      yield* settle
      assert.deepStrictEqual(seen, [7])
      const letters = yield* stored("orders.dlq.g")
      assert.strictEqual(letters.length, 4)
      assert.deepStrictEqual(letters[0]?.body, garbage)
      assert.strictEqual(yield* lag(Orders, "g"), 0)
      assert.deepInclude((yield* statusOf(subscription)).counters, { undecodable: 2, unknown: 2, deadLettered: 4 })
    }).pipe(Effect.provide(bus())))

  it.effect("onUnknown: drop drops what is unknown, and still keeps what cannot be read", () =>
    Effect.gen(function*() {
      yield* publishBytes(Orders, { eventId: "0", key: "a", body: body({ ...envelope, event_type: "Unheard" }) })
      yield* publishBytes(Orders, { eventId: "1", key: "a", body: new Uint8Array([1]) })
      const subscription = yield* subscribe(() => Effect.void, { onUnknown: "drop" })
      yield* settle
      assert.strictEqual((yield* stored("orders.dlq.g")).length, 1)
      assert.deepInclude((yield* statusOf(subscription)).counters, { dropped: 1, deadLettered: 1 })
    }).pipe(Effect.provide(bus())))

  it.effect("onUnknown: halt stops the aggregate", () =>
    Effect.gen(function*() {
      yield* publishBytes(Orders, { eventId: "0", key: "a", body: body({ ...envelope, event_type: "Unheard" }) })
      yield* publishAll(Orders, [placed("a", 1), placed("b", 2)])
      const seen: Array<number> = []
      const subscription = yield* subscribe((n) => Effect.sync(() => seen.push(n)), { onUnknown: "halt" })
      assert.strictEqual((yield* Effect.flip(subscription.await)).reason._tag, "LaneHalted")
      yield* settle
      assert.deepStrictEqual(seen, [2])
    }).pipe(Effect.provide(bus())))
})

describe("options and types", () => {
  class Db extends Context.Service<Db, { readonly put: (n: number) => Effect.Effect<void> }>()("test/Db") {}

  it.effect("handlers run with the context of the call; what they need is in its type", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 5)])
      const seen: Array<number> = []
      const needs: Effect.Effect<unknown, unknown, Db | Scope.Scope | Subscriber.Subscriber> = subscribe((n) =>
        Db.use((db) => db.put(n))
      )
      // @ts-expect-error the handlers need Db
      const lacks: Effect.Effect<unknown, unknown, Scope.Scope | Subscriber.Subscriber> = needs
      void lacks
      yield* needs.pipe(Effect.provide(Layer.succeed(Db, { put: (n) => Effect.sync(() => seen.push(n)) })))
      yield* settle
      assert.deepStrictEqual(seen, [5])
    }).pipe(Effect.provide(bus())))

  it("a missing handler, and one that takes another envelope, do not type-check", () => {
    const check = (subscriber: Subscriber.Subscriber["Service"]) => [
      // @ts-expect-error Shipped is missing
      subscriber.subscribe(Orders, { group: "g", handlers: { Placed: () => Effect.void } }),
      subscriber.subscribe(Orders, {
        group: "g",
        handlers: {
          Placed: (envelope) => Effect.succeed(envelope.payload.n.toFixed()),
          // @ts-expect-error there is no `n` in Shipped
          Shipped: (envelope) => Effect.succeed(envelope.payload.n)
        }
      })
    ]
    assert.isFunction(check)
  })

  it.effect("a group's name is checked", () =>
    Effect.gen(function*() {
      for (const group of ["", "a.b", "a b", "x".repeat(101), "*"]) {
        const error = yield* Effect.flip(subscribe(() => Effect.void, { group }))
        assert.strictEqual(error.reason._tag, "GroupConflict")
      }
    }).pipe(Effect.provide(bus())))

  it.effect("options that make no sense are defects", () =>
    Effect.gen(function*() {
      for (const options of [{ concurrency: 0 }, { maxInFlight: 1.5 }, { ackWait: 0 }, { handlerTimeout: Infinity }]) {
        const exit = yield* Effect.exit(subscribe(() => Effect.void, options))
        assert.isTrue(Exit.isFailure(exit) && Exit.hasDies(exit), JSON.stringify(options))
      }
    }).pipe(Effect.provide(bus())))

  it.effect("deduplication acknowledges what was handled within the window, and only that", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const subscription = yield* subscribe((n, attempt) => {
        seen.push(`${n}#${attempt}`)
        return n === 1 && attempt === 1 ? Effect.fail("once") : Effect.void
      }, { dedup: { window: "1 minute" } })
      const publish = (n: number, broker: string) =>
        Effect.gen(function*() {
          const { body, headers } = yield* encodedOf(placed("a", n, `event-${n}`))
          yield* publishBytes(Orders, { eventId: broker, key: "a", body, headers })
        })
      yield* publish(1, "x")
      yield* publish(1, "y")
      yield* publish(2, "z")
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.deepStrictEqual(seen, ["1#1", "1#2", "2#1"])
      yield* TestClock.adjust("1 minute")
      yield* publish(2, "w")
      yield* settle
      assert.deepStrictEqual(seen, ["1#1", "1#2", "2#1", "2#1"])
      assert.strictEqual((yield* statusOf(subscription)).counters.duplicates, 1)
    }).pipe(Effect.provide(bus())))
})

const encodedOf = Effect.fnUntraced(function*(envelope: Topic.EnvelopeOf<typeof Orders>) {
  const encoded = Orders.wire.compile(Orders.events).encode(envelope, undefined)
  return "body" in encoded ? encoded : yield* Effect.die(encoded)
})

describe("bounds", () => {
  it.effect("at most `concurrency` handlers run; at most `maxInFlight` deliveries are held", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 60 }, (_, n) => placed(`o${n % 20}`, n)))
      for (const concurrency of [1, 3, 64]) {
        let running = 0
        let peak = 0
        const scope = yield* Scope.make()
        const subscription = yield* subscribe(() => {
          peak = Math.max(peak, ++running)
          return Effect.map(Effect.sleep(10), () => {
            running--
          })
        }, { group: `g${concurrency}`, concurrency, maxInFlight: 15 }).pipe(Scope.provide(scope))
        yield* settle
        const status = yield* statusOf(subscription)
        assert.strictEqual(status.inFlight.count, 15)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(peak, Math.min(concurrency, 15))
        assert.strictEqual((yield* statusOf(subscription)).counters.handled, 60)
        yield* Scope.close(scope, Exit.void)
      }
    }).pipe(Effect.provide(bus())))

  it.effect("bytes are bounded, too", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 20 }, (_, n) => placed(`o${n}`, n)))
      const subscription = yield* subscribe(() => Effect.never, { maxInFlightBytes: 2000, drainTimeout: 0 })
      yield* settle
      const { inFlight } = yield* statusOf(subscription)
      assert.isAtLeast(inFlight.bytes, 1500)
      assert.isBelow(inFlight.count, 20)
    }).pipe(Effect.provide(bus())))

  it.effect("a poison aggregate blocks only itself until its backlog fills the window, and the status shows it", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("poison", 0)])
      const seen: Array<string> = []
      const subscription = yield* subscribe((n, _, order) => {
        if (order === "poison") return Effect.fail("poison")
        return Effect.sync(() => seen.push(`${order}${n}`))
      }, { maxInFlight: 10, retry: Schedule.spaced("1 second") })
      yield* publishAll(Orders, [
        placed("a", 0),
        ...Array.from({ length: 8 }, (_, n) => placed("poison", n)),
        placed("a", 1)
      ])
      yield* settle
      assert.deepStrictEqual(seen, ["a0", "a1"])
      yield* publishAll(Orders, [placed("poison", 9), placed("a", 2)])
      yield* settle
      assert.deepStrictEqual(seen, ["a0", "a1"])
      const status: SubscriptionStatus = yield* statusOf(subscription)
      assert.strictEqual(status.inFlight.count, status.inFlight.limit)
      assert.deepInclude(status.retrying[0], { aggregateId: "poison", waiting: 9 })
    }).pipe(Effect.provide(bus())))

  it.effect("partitions take turns", () =>
    Effect.gen(function*() {
      const topic = orders({ name: "wide", partitions: 4 })
      yield* publishAll(topic, Array.from({ length: 200 }, (_, n) => placed(`o${n}`, n)))
      const broker = yield* Broker.Broker
      const backlog = yield* Effect.orDie(broker.backlog(topic, "nobody"))
      const subscriber = yield* Subscriber.Subscriber
      const order: Array<number> = []
      const gate = yield* Latch.make()
      yield* subscriber.subscribe(topic, {
        group: "g",
        concurrency: 1,
        handlers: {
          Placed: (_, { partition }) => Effect.andThen(gate.await, Effect.sync(() => order.push(partition))),
          Shipped: () => Effect.void
        }
      })
      yield* settle
      yield* gate.open
      yield* settle
      assert.strictEqual(order.length, 200)
      // While all have something left, none is more than one ahead.
      const shortest = Math.min(...backlog.partitions.map((partition) => partition.lag))
      const counts = [0, 0, 0, 0]
      for (const partition of order.slice(1, shortest * 4)) {
        counts[partition] = (counts[partition] ?? 0) + 1
        assert.isAtMost(Math.max(...counts) - Math.min(...counts), 2)
      }
    }).pipe(Effect.provide(bus())))
})
