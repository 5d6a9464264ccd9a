/**
 * When a delivery is done, and when it comes again.
 */
import { Effect, Schedule } from "effect"
import * as Settlement from "../../src/Settlement.ts"
import { expect, expectEqual, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { collect, consumer, eventIds, facts, sequence, sorted } from "./shared.ts"

const theme = "Acknowledgement"

const crash = Law.make({
  theme,
  name: "what was not acknowledged comes again after a crash",
  statement:
    "A delivery whose handler had not ended when its consumer crashed is delivered to the next consumer of the group.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const publisher = yield* lab.bus()
    yield* publisher.acked(topic, facts(lab, 6, 12))
    const bus = yield* lab.bus()
    yield* bus.consume(topic, { group: "g", ackWait: "1 second", drainTimeout: 0, handle: () => Effect.never })
    yield* lab.until("6 handlers run", () => lab.started("g").length >= 6)
    yield* bus.crash
    const next = yield* lab.bus()
    yield* next.consume(topic, { group: "g", member: "m2", ackWait: "1 second" })
    yield* lab.handled("g", 12)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const lostAck = Law.make({
  theme,
  name: "an acknowledgement that never arrived means a repetition, not a loss",
  statement:
    "Crashed between the end of the handler and its acknowledgement, the event is handled again, with the same event id.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const publisher = yield* lab.bus()
    const published = sequence(lab, "a", 3)
    yield* publisher.acked(topic, published)
    const bus = yield* lab.bus()
    const crashed = { yes: false }
    yield* bus.consume(topic, {
      group: "g",
      ackWait: "1 second",
      drainTimeout: 0,
      // The second one ends, and its settlement is lost with the process.
      handle: (fact) =>
        Effect.suspend(() => {
          if (fact.payload.n !== 1) return fact.payload.n === 0 ? Effect.void : Effect.never
          crashed.yes = true
          return Effect.never
        })
    })
    yield* lab.until("the second one runs", () => crashed.yes)
    // What the first one acknowledged may or may not have arrived.
    yield* bus.crash
    const next = yield* lab.bus()
    yield* next.consume(topic, { group: "g", member: "m2", ackWait: "1 second" })
    yield* lab.handled("g", 3)
    yield* lab.quiet
    const second = lab.done("g").filter(({ member }) => member === "m2").map(({ eventId }) => eventId)
    const ids = eventIds(published)
    yield* expect(
      second.join() === ids.join() || second.join() === ids.slice(1).join(),
      () => `after the crash came ${second.join(", ")}`
    )
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const durable = Law.make({
  theme,
  name: "an acknowledgement is durable over a restart",
  statement:
    "What a consumer acknowledged before it ended is never delivered to its group again, also after a restart of the broker.",
  needs: ["durable"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    yield* bus.consume(topic, { group: "g" })
    yield* bus.acked(topic, facts(lab, 6, 30))
    yield* lab.handled("g", 30)
    yield* bus.close
    if (lab.subject.restart !== undefined) yield* lab.await("the broker restarts", lab.subject.restart)
    const next = yield* lab.bus()
    yield* next.consume(topic, { group: "g", member: "m2" })
    yield* lab.quiet
    yield* expectEqual("handled again", lab.started("g").filter(({ member }) => member === "m2").length, 0)
    yield* next.acked(topic, facts(lab, 6, 6, 5))
    yield* lab.handled("g", 36)
    yield* expectEqual("handled in all", lab.started("g").length, 36)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const gap = Law.make({
  theme,
  name: "no acknowledgement covers another delivery",
  statement:
    "An event whose handler has not ended comes again, although later ones of its partition were acknowledged.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const publisher = yield* lab.bus()
    yield* publisher.acked(topic, facts(lab, 10, 10))
    const bus = yield* lab.bus()
    const subscription = yield* bus.consume(topic, {
      group: "g",
      drainTimeout: 0,
      handle: (fact) => ["a0", "a4"].includes(fact.aggregateId) ? Effect.never : Effect.void
    })
    yield* lab.handled("g", 8)
    // Gracefully: what was acknowledged is made durable.
    yield* subscription.close
    const next = yield* lab.bus()
    yield* next.consume(topic, { group: "g", member: "m2" })
    yield* lab.handled("g", 10)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const ackWait = Law.make({
  theme,
  name: "what nobody gives a sign of life of is delivered again",
  statement:
    "A record that is neither settled nor kept by heartbeats comes again after the ack wait, as a further attempt.",
  needs: ["ackWait"],
  check: Effect.scoped(Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const published = sequence(lab, "a", 4)
    yield* bus.acked(topic, published)
    const options = { topic, group: "g", ackWaitMillis: 1000 }
    const reader = yield* lab.await("a consumer opens", consumer(bus.broker, options))
    const first = yield* lab.await("the records come", collect(reader, 4))
    yield* reader.settle(first.slice(0, 2))
    const second = yield* lab.await("two come again", collect(reader, 2))
    yield* expectEqual(
      "what came again",
      second.map(({ attempt, offset }) => [offset, attempt]).toSorted(),
      first.slice(2).map(({ offset }) => [offset, 2]).toSorted()
    )
    yield* reader.settle(second)
    yield* lab.await("the settlements are durable", reader.flush)
  }))
})

const heartbeat = Law.make({
  theme,
  name: "a slow handler keeps its delivery by heartbeats",
  statement:
    "A handler may take longer than the ack wait: its event, and those that wait behind it, are not delivered again.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const options = { group: "g", ackWait: "1 second", handle: () => Effect.sleep("2500 millis") } as const
    yield* bus.consume(topic, { ...options, concurrency: 2 })
    yield* bus.acked(topic, facts(lab, 2, 4))
    yield* lab.handled("g", 4)
    yield* lab.quiet
    yield* expectEqual("handlers started", lab.started("g").map(({ attempt }) => attempt), [1, 1, 1, 1])
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const settlements = Law.make({
  theme,
  name: "a handler's settlement is what becomes of its delivery",
  statement:
    "`Ack` and `Drop` end a delivery, `Retry` brings it back in its place, `DeadLetter` stores it and ends it.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const tries = new Map<string, number>()
    const subscription = yield* bus.consume(topic, {
      group: "g",
      handle: (fact) =>
        Effect.sync(() => {
          const count = (tries.get(fact.eventId) ?? 0) + 1
          tries.set(fact.eventId, count)
          switch (fact.payload.n) {
            case 0:
              return Settlement.Ack
            case 1:
              return count < 3 ? Settlement.Retry({ after: 10 }) : Settlement.Ack
            case 2:
              return Settlement.DeadLetter({ reason: "not for us" })
            case 3:
              return Settlement.Drop
            default:
              return "anything"
          }
        })
    })
    const published = facts(lab, 3, 15)
    yield* bus.acked(topic, published)
    yield* lab.until("every last event was handled", () => [...tries].filter(([id]) => id.endsWith("-4")).length === 3)
    yield* subscription.close
    for (const { eventId, payload: { n } } of published) {
      yield* expectEqual(`handlings of ${eventId}`, tries.get(eventId), n === 1 ? 3 : 1)
    }
    const letters = yield* lab.await("the dead letters are listed", bus.deadLetters.list(topic, { group: "g" }))
    yield* expectEqual(
      "dead letters",
      sorted(letters.map(({ eventId }) => eventId ?? "?")),
      sorted(eventIds(published.filter(({ payload: { n } }) => n === 2)))
    )
    yield* expect(letters.every(({ cause }) => cause.includes("not for us")), () => "a dead letter has lost its reason")
    const { lag } = yield* lab.await("the backlog is known", bus.admin.backlog(topic, "g"))
    yield* expectEqual("lag", lag, 0)
  })
})

const interruption = Law.make({
  theme,
  name: "an interruption is no failure",
  statement:
    "A handler that is interrupted from inside leaves its delivery unacknowledged: it is tried again, and never dead-lettered.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    let interruptions = 0
    yield* bus.consume(topic, {
      group: "g",
      retry: Schedule.spaced(10).pipe(Schedule.upTo({ times: 2 })),
      handle: (fact) =>
        Effect.suspend(() => fact.payload.n === 1 && ++interruptions <= 5 ? Effect.interrupt : Effect.void)
    })
    yield* bus.acked(topic, sequence(lab, "a", 3))
    yield* lab.handled("g", 3)
    const letters = yield* lab.await("the dead letters are listed", bus.deadLetters.list(topic, { group: "g" }))
    yield* expectEqual("dead letters", letters.length, 0)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const unruly = Law.make({
  theme,
  name: "handlers that die, hang and dawdle lose nothing and keep order",
  statement:
    "Defects are retried, a handler that hangs is interrupted by `handlerTimeout` and retried, one that outlasts the ack wait is kept.",
  needs: ["ordered"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    const tried = new Set<string>()
    yield* bus.consume(topic, {
      group: "g",
      concurrency: 8,
      ackWait: "1 second",
      handlerTimeout: "2500 millis",
      retry: Schedule.spaced(10),
      handle: (fact) =>
        Effect.suspend((): Effect.Effect<void> => {
          const first = !tried.has(fact.eventId)
          tried.add(fact.eventId)
          if (fact.payload.n % 3 === 2 && first) return Effect.die("every third event")
          if (fact.payload.n === 4 && first) return Effect.never
          return fact.payload.n === 6 ? Effect.sleep("2 seconds") : Effect.void
        })
    })
    yield* bus.acked(topic, facts(lab, 8, 72))
    yield* lab.handled("g", 72)
    yield* lab.quiet
    const figures = yield* lab.verify(topic, { caughtUp: ["g"], noDuplicates: true })
    // One more for each of 3 defects and 1 hang of each aggregate.
    yield* expectEqual("handlers started", figures.groups.g?.runs, 72 + 8 * 4)
  })
})

export const acknowledging: ReadonlyArray<Law.Law> = [
  crash,
  lostAck,
  durable,
  gap,
  ackWait,
  heartbeat,
  unruly,
  settlements,
  interruption
]
