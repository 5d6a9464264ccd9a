import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Layer, Schedule, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as Broker from "../src/Broker.ts"
import { RawPublisher } from "../src/internal/rawPublisher.ts"
import * as PublishError from "../src/PublishError.ts"
import * as Subscriber from "../src/Subscriber.ts"
import type { SubscriptionStatus } from "../src/Subscription.ts"
import { bus, lag, Orders, placed, publishAll, settle, statusOf } from "./fixtures/subscribing.ts"

const subscribe = <R>(
  handler: (n: number, order: string) => Effect.Effect<unknown, unknown, R>,
  options?: Partial<Omit<Subscriber.SubscribeOptions<unknown>, "handlers">>
) =>
  Subscriber.Subscriber.use((subscriber) =>
    subscriber.subscribe(Orders, {
      group: "g",
      ...options,
      handlers: { Placed: ({ payload }) => handler(payload.n, payload.order), Shipped: () => Effect.void }
    })
  )

describe("status", () => {
  it.effect("shows assigned partitions, lag, what is in flight, and what was handled last", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 5 }, (_, n) => placed("a", n)))
      const gate = yield* Latch.make()
      const subscription = yield* subscribe((n) => n < 2 ? Effect.void : gate.await)
      yield* settle
      const status = yield* statusOf(subscription)
      assert.deepInclude(status, { topic: "orders", group: "g", state: "running", error: undefined })
      assert.deepStrictEqual(status.partitions, [
        { topic: "orders", partition: 0, assigned: true, inFlight: 3, lag: 3, lastHandled: 1n }
      ])
      assert.deepInclude(status.inFlight, { count: 3, limit: 1024, aggregates: 1, running: 1, storing: 0 })
      assert.isAbove(status.inFlight.bytes, 100)
      yield* gate.open
    }).pipe(Effect.provide(bus())))

  it.effect("comes once a second, and at once when something changes; ends with the subscription", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0)])
      const scope = yield* Scope.make()
      const subscription = yield* Scope.provide(
        subscribe(() => Effect.fail("no"), {
          onExhausted: "halt",
          retry: Schedule.spaced("90 seconds").pipe(Schedule.upTo({ times: 1 }))
        }),
        scope
      )
      yield* settle
      const seen: Array<SubscriptionStatus> = []
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(subscription.status, (status) => Effect.sync(() => seen.push(status))),
        { startImmediately: true }
      )
      yield* settle
      assert.strictEqual(seen.length, 1)
      assert.strictEqual(seen[0]?.retrying.length, 1)
      yield* TestClock.adjust("3 seconds")
      yield* settle
      assert.strictEqual(seen.length, 4)
      yield* subscription.pause
      yield* settle
      assert.strictEqual(seen.length, 5)
      assert.strictEqual(seen.at(-1)?.state, "paused")
      yield* subscription.resume
      yield* settle
      assert.strictEqual(seen.at(-1)?.state, "running")
      yield* TestClock.adjust("87 seconds")
      yield* settle
      assert.strictEqual(seen.at(-1)?.halted.length, 1)
      assert.strictEqual(seen.at(-1)?.error?.reason._tag, "LaneHalted")
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(fiber)
      assert.strictEqual(seen.at(-1)?.state, "stopped")
    }).pipe(Effect.provide(bus())))
})

describe("pause and resume", () => {
  it.effect("starts nothing while paused; what runs goes on; nothing is lost or redelivered", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 6 }, (_, n) => placed("a", n)))
      const seen: Array<number> = []
      const subscription = yield* subscribe(
        (n) => Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => seen.push(n))),
        {
          ackWait: "1 second"
        }
      )
      yield* TestClock.adjust("1500 millis")
      yield* subscription.pause
      yield* publishAll(Orders, [placed("b", 0)])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, [0, 1])
      yield* subscription.resume
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen.toSorted(), [0, 0, 1, 2, 3, 4, 5])
      yield* settle
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))

  it.effect("a lane that wakes while paused is tried after it", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0)])
      let tries = 0
      const subscription = yield* subscribe(() => Effect.suspend(() => ++tries < 2 ? Effect.fail("no") : Effect.void))
      yield* settle
      yield* subscription.pause
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(tries, 1)
      yield* subscription.resume
      yield* settle
      assert.strictEqual(tries, 2)
    }).pipe(Effect.provide(bus())))
})

describe("seek", () => {
  for (
    const [name, position, expected] of [
      ["earliest", "earliest", [0, 1, 2, 3, 4]],
      ["latest", "latest", []],
      ["an offset", { offset: 3n }, [3, 4]],
      ["a time", { time: new Date(2000) }, [2, 3, 4]]
    ] satisfies ReadonlyArray<readonly [string, Broker.StartPosition, ReadonlyArray<number>]>
  ) {
    it.effect(`to ${name}`, () =>
      Effect.gen(function*() {
        for (let n = 0; n < 5; n++) {
          yield* publishAll(Orders, [placed("a", n)])
          yield* TestClock.adjust("1 second")
        }
        const seen: Array<number> = []
        const subscription = yield* subscribe((n) => Effect.sync(() => seen.push(n)), { dedup: { window: "1 hour" } })
        yield* settle
        assert.deepStrictEqual(seen, [0, 1, 2, 3, 4])
        seen.length = 0
        yield* subscription.seek(position)
        yield* settle
        assert.deepStrictEqual(seen, expected)
        yield* publishAll(Orders, [placed("a", 5)])
        yield* settle
        assert.deepStrictEqual(seen, [...expected, 5])
        assert.strictEqual(yield* lag(Orders, "g"), 0)
      }).pipe(Effect.provide(bus())))
  }

  it.effect("gives up what waits, and does not count what runs; the aggregate still has one handler at a time", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 4 }, (_, n) => placed("a", n)))
      const log: Array<string> = []
      const subscription = yield* subscribe((n) =>
        Effect.sync(() => log.push(`+${n}`)).pipe(
          Effect.andThen(Effect.sleep("1 second")),
          Effect.andThen(Effect.sync(() => log.push(`-${n}`)))
        )
      )
      yield* TestClock.adjust("1500 millis")
      assert.deepStrictEqual(log, ["+0", "-0", "+1"])
      yield* subscription.seek("earliest")
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.deepStrictEqual(log, ["+0", "-0", "+1", "-1", "+0", "-0", "+1", "-1", "+2", "-2", "+3", "-3"])
      assert.strictEqual(yield* lag(Orders, "g"), 0)
    }).pipe(Effect.provide(bus())))

  it.effect("lets a halted aggregate go", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      const seen: Array<number> = []
      const subscription = yield* subscribe((n) => {
        seen.push(n)
        return n === 0 ? Effect.die({ isRetryable: false }) : Effect.void
      }, { onExhausted: "halt" })
      yield* settle
      yield* subscription.seek({ offset: 1n })
      yield* settle
      assert.deepStrictEqual(seen, [0, 1])
      assert.strictEqual((yield* statusOf(subscription)).halted.length, 0)
    }).pipe(Effect.provide(bus())))

  it.effect("to where nothing is fails, and changes nothing", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0)])
      const seen: Array<number> = []
      const subscription = yield* subscribe((n) => Effect.sync(() => seen.push(n)))
      yield* settle
      const error = yield* Effect.flip(subscription.seek({ offset: 1000n }))
      assert.strictEqual(error.reason._tag, "BrokerFailure")
      yield* publishAll(Orders, [placed("a", 1)])
      yield* settle
      assert.deepStrictEqual(seen, [0, 1])
    }).pipe(Effect.provide(bus())))
})

describe("await", () => {
  it.effect("succeeds when the scope has closed", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* publishAll(Orders, [])
      const subscription = yield* Scope.provide(subscribe(() => Effect.void), scope)
      const waiting = yield* Effect.forkChild(subscription.await, { startImmediately: true })
      yield* settle
      assert.isUndefined(waiting.pollUnsafe())
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(waiting)
    }).pipe(Effect.provide(bus())))

  it.effect("fails with what the broker failed with, and the subscription is over", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(bus(), scope)
      const subscription = yield* subscribe(() => Effect.void).pipe(Effect.provideContext(context))
      yield* Scope.close(scope, Exit.void)
      const error = yield* Effect.flip(subscription.await)
      assert.strictEqual(error.reason._tag, "ConnectionLost")
      yield* settle
      assert.strictEqual((yield* statusOf(subscription)).state, "stopped")
    }))
})

describe("dead letters that cannot be stored", () => {
  /** Refuses while `refuse` says why. */
  const refusing = (refuse: () => PublishError.Reason | undefined) =>
    Layer.effect(
      RawPublisher,
      Effect.map(RawPublisher, ({ publishRaw }) =>
        RawPublisher.of({
          publishRaw: (topic, record) =>
            Effect.suspend(() => {
              const reason = topic.name.includes(".dlq.") ? refuse() : undefined
              return reason === undefined ? publishRaw(topic, record) : Effect.fail(
                new PublishError.PublishError({
                  outcome: "rejected",
                  reason,
                  topic: topic.name,
                  eventId: record.eventId
                })
              )
            })
        }))
    )
  const broken = (refuse: () => PublishError.Reason | undefined) =>
    // `Subscriber.layer` itself would be the one that `bus` has built.
    Layer.fresh(Subscriber.layer).pipe(Layer.provide(refusing(refuse)), Layer.provideMerge(bus()))

  it.effect("are tried again while that can help; meanwhile only their aggregate waits", () =>
    Effect.gen(function*() {
      let reason: PublishError.Reason | undefined = new PublishError.NotConnected({ message: "gone" })
      yield* Effect.gen(function*() {
        yield* publishAll(Orders, [placed("a", 0), placed("a", 1), placed("b", 0)])
        const seen: Array<string> = []
        const subscription = yield* subscribe((n, order) => {
          seen.push(`${order}${n}`)
          return order === "a" && n === 0 ? Effect.die({ isRetryable: false }) : Effect.void
        }, { concurrency: 1 })
        yield* TestClock.adjust("1 hour")
        yield* settle
        assert.deepStrictEqual(seen, ["a0", "b0"])
        assert.strictEqual(yield* lag(Orders, "g"), 2)
        const status = yield* statusOf(subscription)
        assert.strictEqual(status.inFlight.storing, 1)
        assert.isAbove(status.counters.deadLetterFailures, 100)
        reason = undefined
        yield* TestClock.adjust("30 seconds")
        yield* settle
        assert.deepStrictEqual(seen, ["a0", "b0", "a1"])
        assert.strictEqual(yield* lag(Orders, "g"), 0)
      }).pipe(Effect.provide(broken(() => reason)))
    }))

  it.effect("stop their aggregate where it cannot: nothing is skipped", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1), placed("b", 0)])
      const seen: Array<string> = []
      const subscription = yield* subscribe((n, order) => {
        seen.push(`${order}${n}`)
        return order === "a" && n === 0 ? Effect.die({ isRetryable: false }) : Effect.void
      })
      const error = yield* Effect.flip(subscription.await)
      assert.strictEqual(error.reason._tag, "DeadLetterFailed")
      yield* settle
      assert.deepStrictEqual(seen, ["a0", "b0"])
      assert.strictEqual((yield* statusOf(subscription)).halted[0]?.waiting, 1)
      assert.strictEqual(yield* lag(Orders, "g"), 2)
    }).pipe(Effect.provide(broken(() => new PublishError.TooLarge({ bytes: 2, limit: 1 })))))

  it.effect("the end does not wait for them longer than for handlers", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0)])
      const scope = yield* Scope.make()
      yield* Scope.provide(subscribe(() => Effect.die({ isRetryable: false })), scope)
      yield* settle
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      yield* settle
      assert.isDefined(closing.pollUnsafe())
      assert.strictEqual(yield* lag(Orders, "g"), 1)
    }).pipe(Effect.provide(broken(() => new PublishError.NotConnected({ message: "gone" })))))
})
