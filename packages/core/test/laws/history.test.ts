import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule } from "effect"
import * as Broker from "../../src/Broker.ts"
import * as EventBus from "../../src/EventBus.ts"
import * as MemoryBroker from "../../src/MemoryBroker.ts"
import * as Publisher from "../../src/Publisher.ts"
import * as Settlement from "../../src/Settlement.ts"
import * as Subscriber from "../../src/Subscriber.ts"
import * as Topic from "../../src/Topic.ts"
import * as Checker from "../../testing/Checker.ts"
import * as History from "../../testing/History.ts"
import { type Fact, Noted } from "../../testing/Lab.ts"
import * as ReadBack from "../../testing/ReadBack.ts"

const topic = Topic.make("history", { events: [Noted] })
const fact = (n: number): Fact & { readonly type: "Noted" } => Noted.make({ key: "a", n }, { eventId: `e${n}` })
const bus = (options?: EventBus.Options) =>
  EventBus.layer(options).pipe(Layer.provideMerge(MemoryBroker.layer({ cluster: MemoryBroker.makeClusterUnsafe() })))

describe("History", () => {
  it.live("writes down what is issued, told, reported and handled", () =>
    Effect.gen(function*() {
      const history = yield* History.make
      const publisher = yield* Publisher.Publisher
      const subscriber = yield* Subscriber.Subscriber
      yield* Effect.forkScoped(history.reports(publisher), { startImmediately: true })
      const handle = ({ payload }: Fact) =>
        payload.n === 1 ? Effect.fail("sick") : payload.n === 2 ? Effect.die("ill") : Effect.succeed(Settlement.Drop)
      yield* subscriber.subscribe(topic, {
        group: "g",
        onExhausted: "drop",
        retry: Schedule.recurs(0),
        handlers: { Noted: history.handler("g", "m1", handle) }
      })
      yield* yield* history.publish(publisher, topic, fact(1))
      const broken = { ...fact(9), payload: { key: "a", n: 0.5 } }
      yield* yield* history.publish(publisher, topic, broken)
      yield* history.publishBatch(publisher, topic, [fact(2), broken, fact(3)])
      while (history.entries.filter(({ _tag }) => _tag === "Ended").length < 3) yield* Effect.sleep(5)
      const settled = history.entries.flatMap((entry) =>
        entry._tag === "Settled" ? [`${entry.issue} ${entry.eventId} ${entry.outcome}`] : []
      )
      assert.deepStrictEqual(settled, ["1 e1 acked", "2 e9 rejected", "3 e2 acked", "4 e9 rejected", "5 e3 acked"])
      const ended = history.entries.flatMap((entry) => entry._tag === "Ended" ? [entry.outcome] : [])
      assert.deepStrictEqual(ended, ["failed", "died", "drop"])
      const stored = yield* ReadBack.read(yield* Broker.Broker, topic, "fresh")
      assert.deepStrictEqual(stored.map(({ aggregateId, eventId, offset }) => [eventId, aggregateId, offset]), [
        ["e1", "a", 0n],
        ["e2", "a", 1n],
        ["e3", "a", 2n]
      ])
      assert.deepStrictEqual(Checker.check({ entries: history.entries, stored }).violations, [])
    }).pipe(Effect.scoped, Effect.provide(bus())))

  it.live("a publish that is interrupted before it is accepted is withdrawn", () =>
    Effect.gen(function*() {
      const history = yield* History.make
      const publisher = yield* Publisher.Publisher
      // The window has room for one, and nothing is acknowledged without a connection.
      const first = yield* history.publish(publisher, topic, fact(1))
      const waiting = yield* Effect.forkChild(history.publish(publisher, topic, fact(2)), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* first
      const outcomes = history.entries.flatMap((entry) => entry._tag === "Settled" ? [entry.outcome] : [])
      assert.sameMembers(outcomes, ["withdrawn", "acked"])
    }).pipe(Effect.provide(bus({ maxPending: 1 }))))

  it.effect("survives JSON lines", () =>
    Effect.gen(function*() {
      const entries: ReadonlyArray<History.Entry> = [
        { _tag: "Issued", at: 1, issue: 1, topic: "t", eventId: "e", aggregateId: "a" },
        {
          _tag: "Settled",
          at: 2.5,
          issue: 1,
          eventId: "e",
          outcome: "acked",
          partition: 0,
          offset: 9_007_199_254_740_993n
        },
        { _tag: "Reported", at: 2, topic: "t", eventId: "e", outcome: "acked" },
        {
          _tag: "Started",
          at: 3,
          run: 1,
          group: "g",
          member: "m",
          eventId: "e",
          aggregateId: "a",
          attempt: 1,
          topic: "t",
          partition: 0,
          offset: 1n
        },
        { _tag: "Ended", at: 4, run: 1, outcome: "deadLetter" },
        { _tag: "DeadLettered", at: 5, group: "g", topic: "t", partition: 0, offset: 1n },
        { _tag: "Happened", at: 6, what: "kill", detail: "broker 1" }
      ]
      const text = History.toJsonLines(entries)
      assert.strictEqual(text.split("\n").length, entries.length + 1)
      assert.deepStrictEqual(yield* History.fromJsonLines(text), entries)
      const bad = yield* Effect.exit(History.fromJsonLines("{\"_tag\":\"Issued\"}\n"))
      assert.strictEqual(bad._tag, "Failure")
    }))
})
