/**
 * The order of an aggregate.
 */
import { Effect, Exit, Schedule } from "effect"
import { expect, expectEqual, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { facts, jitter, sequence } from "./shared.ts"

const theme = "Order"

const concurrentPublishers = Law.make({
  theme,
  name: "concurrent publishers keep the order of each aggregate",
  statement: "What one fiber publishes of an aggregate is stored in that order, however many other fibers publish.",
  needs: ["ordered"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 3 })
    const bus = yield* lab.bus({ maxPending: 64 })
    const told = yield* lab.await(
      "all settle",
      Effect.forEach(Array.from({ length: 24 }, (_, k) => `a${k}`), (key) =>
        Effect.flatMap(
          Effect.forEach(sequence(lab, key, 15), (fact) =>
            Effect.andThen(
              jitter(fact.eventId, 4) === 0 ? Effect.yieldNow : Effect.void,
              lab.history.publish(bus.publisher, topic, fact)
            )),
          Effect.all
        ), { concurrency: "unbounded" })
    )
    yield* expect(told.flat().every(Exit.isSuccess), () => "a publish was not acknowledged")
    const figures = yield* lab.verify(topic, { noDuplicates: true })
    yield* expectEqual("records in the store", figures.stored, 24 * 15)
  })
})

const concurrency = (handlers: number) =>
  Law.make({
    theme,
    name: `order per aggregate with ${handlers} ${handlers === 1 ? "handler" : "handlers"} at once`,
    statement:
      `With \`concurrency: ${handlers}\` and handlers of any length, an aggregate's events are handled one after the other, in stored order.`,
    needs: ["ordered"],
    check: Effect.gen(function*() {
      const lab = yield* Lab
      const topic = lab.topic({ partitions: 3 })
      const bus = yield* lab.bus()
      let running = 0
      let most = 0
      yield* bus.consume(topic, {
        group: "g",
        concurrency: handlers,
        handle: (fact) =>
          Effect.suspend(() => {
            most = Math.max(most, ++running)
            const millis = jitter(fact.eventId, 6)
            return millis === 0 ? Effect.void : Effect.sleep(millis)
          }).pipe(Effect.ensuring(Effect.sync(() => running--)))
      })
      const count = handlers === 1 ? 60 : 240
      yield* bus.acked(topic, facts(lab, 16, count))
      yield* lab.handled("g", count)
      yield* expect(most <= handlers, () => `${most} handlers ran at once, with concurrency ${handlers}`)
      if (handlers > 1) yield* expect(most > 1, () => "handlers of different aggregates never ran at the same time")
      yield* lab.verify(topic, { caughtUp: ["g"], noDuplicates: true })
    })
  })

const retry = Law.make({
  theme,
  name: "a retry keeps the order of its aggregate",
  statement: "While an event is retried, what is behind it in its aggregate waits, and is handled after it.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const tries = new Map<string, number>()
    yield* bus.consume(topic, {
      group: "g",
      concurrency: 8,
      retry: Schedule.spaced(20),
      handle: (fact) =>
        Effect.suspend(() => {
          const count = (tries.get(fact.eventId) ?? 0) + 1
          tries.set(fact.eventId, count)
          return count <= fact.payload.n % 3 ? Effect.fail(`try ${count}`) : Effect.void
        })
    })
    yield* bus.acked(topic, facts(lab, 5, 60))
    yield* lab.handled("g", 60)
    const order = new Map<string, Array<number>>()
    for (const { aggregateId, eventId } of lab.started("g")) {
      const n = Number(eventId.split("-").at(-1))
      order.set(aggregateId, [...order.get(aggregateId) ?? [], n])
    }
    const expected = Array.from({ length: 12 }, (_, n) => Array.from({ length: n % 3 + 1 }, () => n)).flat()
    for (const [key, numbers] of order) yield* expectEqual(`tries of ${key}`, numbers, expected)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const poison = Law.make({
  theme,
  name: "a poison aggregate holds up nobody else",
  statement: "An aggregate whose event keeps failing waits for itself; all others are handled meanwhile.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    let healed = false
    yield* bus.consume(topic, {
      group: "g",
      concurrency: 2,
      retry: Schedule.spaced(50),
      handle: (fact) =>
        Effect.suspend(() =>
          fact.aggregateId === "a0" && fact.payload.n === 1 && !healed ? Effect.fail("poison") : Effect.void
        )
    })
    yield* bus.acked(topic, facts(lab, 8, 80))
    // 7 aggregates with 10 events, and the first event of the poison one.
    yield* lab.handled("g", 71)
    yield* lab.pass(200)
    const behind = lab.started("g").filter(({ aggregateId, eventId }) =>
      aggregateId === "a0" && /-[2-9]$/.test(eventId)
    )
    yield* expectEqual("handled behind the poison event", behind.length, 0)
    healed = true
    yield* lab.handled("g", 80)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const restart = Law.make({
  theme,
  name: "order and completeness survive restarts of the consumer",
  statement:
    "Over consumers that end in the middle and come back, first handlings stay in order and nothing is skipped.",
  needs: ["ordered", "durable"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const publisher = yield* lab.bus()
    yield* publisher.acked(topic, facts(lab, 12, 180))
    for (const life of [1, 2, 3]) {
      const bus = yield* lab.bus()
      yield* bus.consume(topic, {
        group: "g",
        member: `m${life}`,
        concurrency: 8,
        handle: (fact) => Effect.sleep(jitter(fact.eventId, 5))
      })
      yield* lab.handled("g", life * 50)
      yield* bus.close
    }
    const last = yield* lab.bus()
    yield* last.consume(topic, { group: "g", member: "m4" })
    yield* lab.handled("g", 180)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

export const ordering: ReadonlyArray<Law.Law> = [
  concurrentPublishers,
  concurrency(1),
  concurrency(8),
  concurrency(64),
  retry,
  poison,
  restart
]
