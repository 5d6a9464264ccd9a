import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Layer, Metric, Schema, Scope } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { TestClock } from "effect/testing"
import * as Broker from "../../src/Broker.ts"
import * as MemoryBroker from "../../src/MemoryBroker.ts"
import * as Subscriber from "../../src/Subscriber.ts"
import { bus, lag, Orders, orders, placed, publishAll, settle, statusOf } from "../fixtures/subscribing.ts"

const subscribe = <R>(
  topic: typeof Orders,
  handler: (n: number, order: string, attempt: number) => Effect.Effect<unknown, unknown, R>,
  options?: Partial<Omit<Subscriber.SubscribeOptions<unknown>, "handlers">>
) =>
  Subscriber.Subscriber.use((subscriber) =>
    subscriber.subscribe(topic, {
      group: "g",
      ...options,
      handlers: {
        Placed: ({ payload }, delivery) => handler(payload.n, payload.order, delivery.attempt),
        Shipped: () => Effect.void
      }
    })
  )

/** A client of a cluster, for as long as the test runs. */
const client = (cluster: MemoryBroker.Cluster, options?: MemoryBroker.Settings) =>
  Layer.build(bus({ ...options, cluster }))

describe("the end of a subscription", () => {
  it.effect("lets what runs finish, makes it durable, and leaves what waited", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 10 }, (_, n) => placed(`o${n}`, n)))
      const scope = yield* Scope.make()
      const done: Array<number> = []
      const subscription = yield* subscribe(
        Orders,
        (n) => Effect.andThen(Effect.sleep("3 seconds"), Effect.sync(() => done.push(n))),
        { concurrency: 4 }
      ).pipe(Scope.provide(scope))
      yield* settle
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(done.toSorted(), [0, 1, 2, 3])
      yield* subscription.await
      assert.strictEqual((yield* statusOf(subscription)).state, "stopped")
      assert.strictEqual(yield* lag(Orders, "g"), 6)
      yield* subscribe(Orders, (n) => Effect.sync(() => done.push(n)))
      yield* settle
      assert.deepStrictEqual(done.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    }).pipe(Effect.provide(bus())))

  it.effect("interrupts what does not finish in time; it comes back", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("b", 0)])
      const scope = yield* Scope.make()
      let interrupted = 0
      yield* subscribe(Orders, () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++)), {
        drainTimeout: "5 seconds"
      }).pipe(Scope.provide(scope))
      yield* settle
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(closing)
      assert.strictEqual(interrupted, 2)
      assert.strictEqual(yield* lag(Orders, "g"), 2)
      const seen: Array<string> = []
      yield* subscribe(Orders, (_, order) => Effect.sync(() => seen.push(order)))
      yield* settle
      assert.deepStrictEqual(seen.toSorted(), ["a", "b"])
    }).pipe(Effect.provide(bus())))

  it.effect("is the same when the fiber that owns the scope is interrupted, as on SIGINT", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 10 }, (_, n) => placed(`o${n}`, n)))
      const done: Array<number> = []
      const owner = yield* Effect.forkChild(
        Effect.scoped(Effect.andThen(
          subscribe(Orders, (n) => Effect.andThen(Effect.sleep("3 seconds"), Effect.sync(() => done.push(n))), {
            concurrency: 4
          }),
          Effect.never
        ))
      )
      yield* settle
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(owner), { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual(done.toSorted(), [0, 1, 2, 3])
      assert.strictEqual(yield* lag(Orders, "g"), 6)
    }).pipe(Effect.provide(bus())))

  it.effect("does not wait for what sleeps until its next try", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0)])
      const scope = yield* Scope.make()
      yield* subscribe(Orders, () => Effect.fail("no")).pipe(Scope.provide(scope))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* lag(Orders, "g"), 1)
    }).pipe(Effect.provide(bus())))

  /** Counts the fibers that `effect` and what it forks start, and those that are left. */
  const countFibers = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      const count = { started: 0, active: 0 }
      return Effect.as(
        Effect.provideService(effect, Metric.FiberRuntimeMetrics, {
          recordFiberStart: () => {
            count.started++
            count.active++
          },
          recordFiberEnd: () => {
            count.active--
          }
        }),
        count
      )
    })

  it.effect("leaves no fiber behind", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 50 }, (_, n) => placed(`o${n % 5}`, n)))
      const cycle = Effect.fnUntraced(function*(group: string) {
        const scope = yield* Scope.make()
        yield* subscribe(Orders, (n) => {
          switch (n % 5) {
            case 0:
              return Effect.fail("no")
            case 1:
              return Effect.sleep(1)
            case 2:
              return Effect.never
            case 3:
              return Effect.forkChild(Effect.never)
            default:
              return Effect.void
          }
        }, { group, handlerTimeout: "1 second", drainTimeout: 10 }).pipe(Scope.provide(scope))
        yield* TestClock.adjust(5)
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(closing)
      })
      for (let i = 0; i < 20; i++) {
        const { active, started } = yield* countFibers(cycle(`g${i}`))
        assert.isAbove(started, 5)
        assert.strictEqual(active, 0)
      }
    }).pipe(Effect.provide(bus())))

  it.effect("starts no fiber for a message whose handler completes at once", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, Array.from({ length: 5000 }, (_, n) => placed(`o${n % 100}`, n)))
      const count = yield* countFibers(Effect.gen(function*() {
        const subscription = yield* subscribe(Orders, () => Effect.void)
        while ((yield* lag(Orders, "g")) > 0) yield* Effect.yieldNow
        return subscription
      }))
      assert.isBelow(count.started, 100)
    }).pipe(Effect.provide(bus())))
})

describe("heartbeats", () => {
  it.effect("keep what is held for as long as it takes: handled, waiting, and halted", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("slow", 0), placed("slow", 1), placed("halted", 0), placed("halted", 1)])
      const seen: Array<string> = []
      const subscription = yield* subscribe(Orders, (n, order, attempt) => {
        seen.push(`${order}${n}#${attempt}`)
        return order === "halted" ? Effect.die({ isRetryable: false }) : Effect.sleep("2 minutes")
      }, { ackWait: "1 second", onExhausted: "halt" })
      yield* TestClock.adjust("10 minutes")
      yield* settle
      assert.deepStrictEqual(seen, ["slow0#1", "halted0#1", "slow1#1"])
      assert.strictEqual((yield* statusOf(subscription)).counters.received, 4)
      const { redelivered } = yield* Effect.flatMap(MemoryBroker.MemoryBroker, ({ counters }) => counters)
      assert.strictEqual(redelivered, 0)
      assert.strictEqual(yield* lag(Orders, "g"), 2)
    }).pipe(Effect.provide(bus())))

  it.effect("a member that is gone without a word gives up what it held after the ack wait, in order", () =>
    Effect.gen(function*() {
      const cluster = yield* MemoryBroker.makeCluster()
      const seen: Array<number> = []
      yield* Effect.gen(function*() {
        yield* publishAll(Orders, [placed("a", 0), placed("a", 1), placed("a", 2)])
        const consumer = yield* Broker.Broker.use((broker) =>
          broker.consumer({
            topic: Orders,
            group: "g",
            from: "earliest",
            maxInFlight: 10,
            maxInFlightBytes: 1e6,
            ackWaitMillis: 1000
          })
        )
        assert.strictEqual((yield* consumer.poll(10)).length, 3)
      }).pipe(Effect.scoped, Effect.provide(bus({ cluster })))
      yield* subscribe(Orders, (n) => Effect.sync(() => seen.push(n))).pipe(
        Effect.provideContext(yield* client(cluster))
      )
      yield* TestClock.adjust("2 seconds")
      yield* settle
      assert.deepStrictEqual(seen, [0, 1, 2])
    }))
})

describe("revocation", () => {
  const topic = orders({ name: "wide", partitions: 4 })

  it.effect("two members share the partitions; what moves is handled by one of them at a time, and nothing is lost", () =>
    Effect.gen(function*() {
      const cluster = yield* MemoryBroker.makeCluster()
      const log: Array<string> = []
      const running = new Map<string, string>()
      const overlaps: Array<string> = []
      const by = new Map<string, number>()
      const member = Effect.fnUntraced(function*(name: string) {
        yield* subscribe(topic, (n, order) =>
          Effect.suspend(() => {
            const other = running.get(order)
            if (other !== undefined) overlaps.push(`${order} at ${other} and ${name}`)
            running.set(order, name)
            log.push(`${order}:${n}`)
            by.set(name, (by.get(name) ?? 0) + 1)
            return Effect.ensuring(Effect.sleep("100 millis"), Effect.sync(() => running.delete(order)))
          }), { maxInFlight: 200, concurrency: 8 }).pipe(Effect.provideContext(yield* client(cluster)))
      })
      const setup = yield* client(cluster)
      yield* Effect.provideContext(
        publishAll(topic, Array.from({ length: 200 }, (_, n) => placed(`o${n % 20}`, n))),
        setup
      )
      yield* member("first")
      yield* TestClock.adjust("300 millis")
      const scope = yield* Scope.make()
      yield* Scope.provide(member("second"), scope)
      yield* TestClock.adjust("500 millis")
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      yield* settle
      yield* Fiber.join(closing)
      assert.isAbove(by.get("second") ?? 0, 0)
      assert.deepStrictEqual(overlaps, [])
      assert.strictEqual(new Set(log).size, 200)
      for (let o = 0; o < 20; o++) {
        const numbers = Array.from(new Set(log.filter((one) => one.startsWith(`o${o}:`)))).map((one) =>
          Number(one.split(":")[1])
        )
        assert.deepStrictEqual(numbers, numbers.toSorted((a, b) => a - b))
      }
      assert.strictEqual(yield* Effect.provideContext(lag(topic, "g"), setup), 0)
    }))

  const Step = Schema.Struct({
    member: Schema.Literals([0, 1, 2]),
    millis: Schema.Literals([0, 1, 20, 300]),
    handler: Schema.Literals([0, 5, 150])
  })

  it.effect.prop(
    "members come and go at any time: no aggregate at two at once, order kept, nothing lost",
    { script: Arbitrary.array(Arbitrary.schema(Step), { minLength: 1, maxLength: 12 }) },
    ({ script }) =>
      Effect.gen(function*() {
        const cluster = yield* MemoryBroker.makeCluster()
        const setup = yield* client(cluster)
        const running = new Map<string, number>()
        const first = new Map<string, Array<number>>()
        const overlaps: Array<string> = []
        let millis = 0
        const join = (member: number) =>
          subscribe(topic, (n, order) =>
            Effect.suspend(() => {
              if (running.has(order)) overlaps.push(`${order} at ${running.get(order)} and ${member}`)
              running.set(order, member)
              const seen = first.get(order) ?? []
              first.set(order, seen)
              if (!seen.includes(n)) seen.push(n)
              return Effect.ensuring(
                millis === 0 ? Effect.void : Effect.sleep(millis),
                Effect.sync(() => running.delete(order))
              )
            }), { concurrency: 4, maxInFlight: 30 })
        yield* Effect.provideContext(
          publishAll(topic, Array.from({ length: 60 }, (_, n) => placed(`o${n % 8}`, n))),
          setup
        )
        const scopes = new Map<number, Scope.Closeable>()
        for (const step of script) {
          millis = step.handler
          const scope = scopes.get(step.member)
          if (scope === undefined) {
            const opened = yield* Scope.make()
            scopes.set(step.member, opened)
            const context = yield* Layer.buildWithScope(bus({ cluster }), opened)
            yield* join(step.member).pipe(Effect.provideContext(context), Scope.provide(opened))
          } else {
            scopes.delete(step.member)
            const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
            yield* TestClock.adjust("1 second")
            yield* Fiber.join(closing)
          }
          yield* TestClock.adjust(step.millis)
        }
        yield* join(9).pipe(Effect.provideContext(setup))
        yield* TestClock.adjust("10 minutes")
        yield* settle
        for (const scope of scopes.values()) yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(overlaps, [])
        assert.strictEqual(Array.from(first.values()).flat().length, 60)
        for (const numbers of first.values()) assert.deepStrictEqual(numbers, numbers.toSorted((a, b) => a - b))
        assert.strictEqual(yield* Effect.provideContext(lag(topic, "g"), setup), 0)
      }),
    { arbitrary: { runs: 60 } }
  )

  it.effect("a handler that does not end by the deadline is interrupted, and the partition goes", () =>
    Effect.gen(function*() {
      const cluster = yield* MemoryBroker.makeCluster()
      const settings = { handoverTimeout: "2 seconds" } as const
      const [setup, first, second] = [
        yield* client(cluster),
        yield* client(cluster, settings),
        yield* client(cluster, settings)
      ]
      const gate = yield* Latch.make()
      const log: Array<string> = []
      yield* Effect.provideContext(publishAll(topic, Array.from({ length: 16 }, (_, n) => placed(`o${n}`, n))), setup)
      yield* subscribe(topic, (n) =>
        Effect.sync(() => log.push(`first ${n}`)).pipe(
          Effect.andThen(gate.await),
          Effect.onInterrupt(() => Effect.sync(() => log.push(`cut ${n}`)))
        ), { drainTimeout: 0 }).pipe(Effect.provideContext(first))
      yield* settle
      assert.strictEqual(log.length, 16)
      yield* subscribe(topic, (n) => Effect.sync(() => log.push(`second ${n}`))).pipe(Effect.provideContext(second))
      // It was told 1.6 of the 2 seconds.
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual(log.length, 16)
      yield* TestClock.adjust("200 millis")
      yield* settle
      const of = (word: string) =>
        log.filter((one) => one.startsWith(word)).map((one) => Number(one.split(" ")[1])).toSorted()
      assert.isAbove(of("cut").length, 0)
      assert.deepStrictEqual(of("second"), of("cut"))
      // Nothing of what stayed with the first was cut.
      yield* gate.open
      yield* settle
      assert.strictEqual(yield* Effect.provideContext(lag(topic, "g"), setup), 0)
    }))
})
