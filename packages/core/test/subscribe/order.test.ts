import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schedule, Schema, Scope } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { TestClock } from "effect/testing"
import * as MemoryBroker from "../../src/MemoryBroker.ts"
import * as Subscriber from "../../src/Subscriber.ts"
import { bus, lag, orders, placed, publishAll, settle } from "../fixtures/subscribing.ts"

/** What the handler does at one try of one delivery. */
const Behaviour = Schema.Union([
  Schema.TaggedStruct("succeed", { after: Schema.Literals([0, 0, 1, 7, 300]) }),
  Schema.TaggedStruct("fail", { after: Schema.Literals([0, 3, 50]) }),
  Schema.TaggedStruct("die", {}),
  Schema.TaggedStruct("interrupt", {})
])

const anyScript = Arbitrary.array(Arbitrary.schema(Behaviour), { minLength: 1, maxLength: 40 })
const anyAggregates = Arbitrary.schema(Schema.Literals([1, 2, 7, 30]))

interface Log {
  /** First handlings, by aggregate. */
  readonly first: Map<string, Array<number>>
  readonly running: Set<string>
  readonly violations: Array<string>
  readonly done: Set<string>
}

const makeLog = (): Log => ({ first: new Map(), running: new Set(), violations: [], done: new Set() })

/** A handler that goes through the script, and notes what it saw. */
const handlerOf = (log: Log, behaviours: ReadonlyArray<typeof Behaviour.Type>) => {
  let step = 0
  return ({ payload: { n, order } }: { readonly payload: { readonly order: string; readonly n: number } }) =>
    Effect.suspend(() => {
      if (log.running.has(order)) log.violations.push(`two at once in ${order}`)
      log.running.add(order)
      const seen = log.first.get(order) ?? []
      log.first.set(order, seen)
      if (!seen.includes(n)) seen.push(n)
      const behaviour = behaviours[step++ % behaviours.length] ?? { _tag: "succeed", after: 0 }
      const end = Effect.sync(() => log.running.delete(order))
      switch (behaviour._tag) {
        case "succeed":
          return Effect.andThen(
            behaviour.after === 0 ? Effect.void : Effect.sleep(behaviour.after),
            Effect.sync(() => log.done.add(`${order}${n}`))
          ).pipe(Effect.ensuring(end))
        case "fail":
          return Effect.andThen(behaviour.after === 0 ? Effect.void : Effect.sleep(behaviour.after), Effect.fail("no"))
            .pipe(Effect.ensuring(end))
        case "die":
          return Effect.die(new Error("broken")).pipe(Effect.ensuring(end))
        case "interrupt":
          return Effect.interrupt.pipe(Effect.ensuring(end))
      }
    })
}

const rising = (numbers: ReadonlyArray<number>) => numbers.every((n, i) => i === 0 || n > (numbers[i - 1] ?? Infinity))

// Enough tries for every script that is not made of failures alone: those always end in a success here.
const endless = Schedule.exponential("5 millis").pipe(
  Schedule.upTo({ times: 1000 }),
  (schedule) => Schedule.min([schedule, Schedule.spaced("200 millis")])
)

describe("the order of an aggregate", () => {
  for (const concurrency of [1, 8, 64]) {
    it.effect.prop(
      `holds at concurrency ${concurrency}, with random delays and failures`,
      { script: anyScript, aggregates: anyAggregates },
      ({ aggregates, script }) =>
        Effect.gen(function*() {
          const topic = orders({ name: "sequence", partitions: 3 })
          const envelopes = Array.from({ length: 60 }, (_, n) => placed(`o${n % aggregates}`, n))
          const log = makeLog()
          yield* publishAll(topic, envelopes.slice(0, 30))
          const subscriber = yield* Subscriber.Subscriber
          yield* subscriber.subscribe(topic, {
            group: "g",
            concurrency,
            maxInFlight: 40,
            retry: endless,
            handlers: {
              Placed: handlerOf(log, [...script, { _tag: "succeed", after: 1 }]),
              Shipped: () => Effect.void
            }
          })
          yield* publishAll(topic, envelopes.slice(30))
          yield* TestClock.adjust("10 minutes")
          yield* settle
          assert.deepStrictEqual(log.violations, [])
          assert.strictEqual(log.done.size, 60)
          for (const numbers of log.first.values()) assert.isTrue(rising(numbers), JSON.stringify(numbers))
          assert.strictEqual(yield* lag(topic, "g"), 0)
        }).pipe(Effect.provide(bus())),
      { arbitrary: { runs: 25 } }
    )
  }

  it.effect.prop(
    "holds across restarts of the consumer, and nothing is lost",
    {
      script: anyScript,
      aggregates: anyAggregates,
      cuts: Arbitrary.array(Arbitrary.schema(Schema.Literals([0, 1, 10, 100, 1000])), { maxLength: 6 })
    },
    ({ aggregates, cuts, script }) =>
      Effect.gen(function*() {
        const topic = orders({ name: "sequence", partitions: 2 })
        const cluster = yield* MemoryBroker.makeCluster()
        const log = makeLog()
        yield* Effect.gen(function*() {
          yield* publishAll(topic, Array.from({ length: 40 }, (_, n) => placed(`o${n % aggregates}`, n)))
        }).pipe(Effect.provide(bus({ cluster })))
        for (const millis of [...cuts, 600_000]) {
          const scope = yield* Scope.make()
          yield* Effect.gen(function*() {
            const subscriber = yield* Subscriber.Subscriber
            yield* subscriber.subscribe(topic, {
              group: "g",
              concurrency: 4,
              maxInFlight: 16,
              retry: endless,
              drainTimeout: millis % 2 === 0 ? 0 : "10 seconds",
              handlers: {
                Placed: handlerOf(log, [...script, { _tag: "succeed", after: 1 }]),
                Shipped: () => Effect.void
              }
            }).pipe(Scope.provide(scope))
            yield* TestClock.adjust(millis)
            yield* settle
            const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
            yield* TestClock.adjust("1 minute")
            yield* settle
            assert.isDefined(closing.pollUnsafe())
            assert.strictEqual(log.running.size, 0)
          }).pipe(Effect.provide(bus({ cluster })))
        }
        assert.deepStrictEqual(log.violations, [])
        assert.strictEqual(log.done.size, 40)
        for (const numbers of log.first.values()) assert.isTrue(rising(numbers), JSON.stringify(numbers))
      }),
    { arbitrary: { runs: 40 } }
  )
})
