/**
 * Dead letters.
 */
import { Effect, Schedule } from "effect"
import * as Raw from "../internal/rawSend.ts"
import { expect, expectEqual, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { facts, sequence, sorted } from "./shared.ts"

const theme = "Dead letters"

const thrice = Schedule.spaced(10).pipe(Schedule.upTo({ times: 2 }))

const exhausted = Law.make({
  theme,
  name: "what keeps failing is dead-lettered, and its aggregate goes on",
  statement:
    "After the last retry the event is stored as a dead letter with its attempts and cause, then the next one is handled.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    yield* bus.consume(topic, {
      group: "g",
      retry: thrice,
      handle: (fact) => fact.payload.n === 1 ? Effect.fail(new Error("no stock for this order")) : Effect.void
    })
    yield* bus.acked(topic, facts(lab, 4, 12))
    yield* lab.handled("g", 8)
    yield* expectEqual("handlers started", lab.started("g").length, 8 + 4 * 3)
    const letters = yield* lab.await("the dead letters are listed", bus.deadLetters.list(topic, { group: "g" }))
    yield* expectEqual(
      "dead letters",
      sorted(letters.map(({ eventId }) => eventId ?? "?")),
      [0, 1, 2, 3].map((k) => `${lab.token}-a${k}-1`)
    )
    for (const { attempts, cause, group, topic: from } of letters) {
      yield* expectEqual("a dead letter", [attempts, group, from], [3, "g", topic.name])
      yield* expect(cause.includes("no stock for this order"), () => `a dead letter's cause is ${cause}`)
    }
  })
})

const defect = Law.make({
  theme,
  name: "a handler's defect is retried, then dead-lettered",
  statement:
    "A handler that throws costs neither the subscription nor the event: it is retried like a failure, then dead-lettered.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    yield* bus.consume(topic, {
      group: "g",
      retry: thrice,
      handle: (fact) => {
        if (fact.payload.n === 0) throw new TypeError("x is not a function")
        return fact.payload.n === 1 ? Effect.die("a defect") : Effect.void
      }
    })
    yield* bus.acked(topic, sequence(lab, "a", 3))
    yield* lab.handled("g", 1)
    const tries = lab.started("g").map(({ eventId }) => Number(eventId.at(-1)))
    yield* expectEqual("tries", tries, [0, 0, 0, 1, 1, 1, 2])
    const letters = yield* lab.await("the dead letters are listed", bus.deadLetters.list(topic, { group: "g" }))
    yield* expectEqual("dead letters", letters.map(({ attempts }) => attempts), [3, 3])
  })
})

const undecodable = Law.make({
  theme,
  name: "what cannot be decoded goes to the dead letters as it was",
  statement:
    "Bytes that are no envelope reach no handler: they are dead-lettered with identical bytes and headers, and the rest goes on.",
  check: Effect.scoped(Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const bodies = [
      Uint8Array.of(0, 1, 2, 254, 255),
      new TextEncoder().encode("{\"event_id\":\"x\",\"payload\":"),
      new Uint8Array(0),
      new TextEncoder().encode("[".repeat(20_000))
    ]
    const headers = [["X-Custom", "a"], ["X-Custom", "b"], ["X-Event-ID", "foreign"]] as const
    yield* bus.acked(topic, [lab.fact("a", 0)])
    const producer = yield* lab.await("a producer opens", bus.broker.producer)
    for (const [i, body] of bodies.entries()) {
      const record = Raw.record({ eventId: `${lab.token}-raw-${i}`, key: "a", body, headers })
      const { answers } = yield* lab.await("a record is sent", Raw.send(bus.broker, producer, topic, [record]))
      yield* lab.until("it is answered for", () => answers[0]?.[0] !== undefined)
      yield* expectEqual("the answer", answers[0]?.[0]?._tag, "Stored")
    }
    yield* bus.acked(topic, [lab.fact("a", 1)])
    const subscription = yield* bus.consume(topic, { group: "g" })
    yield* lab.handled("g", 2)
    yield* subscription.close
    const letters = yield* lab.await("the dead letters are listed", bus.deadLetters.list(topic, { group: "g" }))
    yield* expectEqual("bytes", letters.map(({ bytes }) => [...bytes]), bodies.map((body) => [...body]))
    for (const letter of letters) {
      const custom = letter.headers.filter(([name]) => name.startsWith("X-Custom") || name === "X-Event-ID")
      yield* expectEqual("headers", custom.map((header) => [...header]), headers.map((header) => [...header]))
      yield* expectEqual("the envelope", letter.envelope, undefined)
    }
    yield* expectEqual("handlers started", lab.started("g").length, 2)
  }))
})

const unknownType = Law.make({
  theme,
  name: "an unknown type or version goes to the dead letters",
  statement:
    "An envelope of a foreign type, or of a newer version, reaches no handler: it is dead-lettered by default, and the rest goes on.",
  check: Effect.scoped(Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const body = (n: number, type: string, version: number) =>
      JSON.stringify({
        event_id: `${lab.token}-foreign-${n}`,
        aggregate_id: "a",
        event_type: type,
        event_version: version,
        timestamp: "2026-01-01T00:00:00Z",
        payload: { key: "a", n }
      })
    yield* lab.await("the topic is there", bus.admin.ensure(topic))
    const producer = yield* lab.await("a producer opens", bus.broker.producer)
    const records = [body(0, "Vanished", 1), body(1, "Noted", 2), body(2, "Noted", 1)].map((text, i) =>
      Raw.record({
        eventId: `${lab.token}-foreign-${i}`,
        key: "a",
        body: text,
        headers: [["X-Event-ID", `${lab.token}-foreign-${i}`]]
      })
    )
    const { answers } = yield* lab.await("they are sent", Raw.send(bus.broker, producer, topic, records))
    yield* lab.until("they are answered for", () => answers.every(([answer]) => answer !== undefined))
    const subscription = yield* bus.consume(topic, { group: "g" })
    yield* lab.handled("g", 1)
    yield* subscription.close
    const letters = yield* lab.await("the dead letters are listed", bus.deadLetters.list(topic, { group: "g" }))
    yield* expectEqual(
      "dead letters",
      letters.map(({ eventId }) => eventId),
      [0, 1].map((n) => `${lab.token}-foreign-${n}`)
    )
    yield* expect(/Vanished/.test(letters[0]?.cause ?? ""), () => `the cause is ${letters[0]?.cause}`)
    yield* expect(/version 2/.test(letters[1]?.cause ?? ""), () => `the cause is ${letters[1]?.cause}`)
  }))
})

const replay = Law.make({
  theme,
  name: "a dead letter replayed to its group reaches that group alone",
  statement: "The replay keeps the event id, is handled by the group that had failed, once, and by no other group.",
  needs: ["replay"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    let healed = false
    yield* bus.consume(topic, {
      group: "g",
      retry: thrice,
      retryTopic: true,
      handle: (fact) => Effect.suspend(() => fact.payload.n === 1 && !healed ? Effect.fail("sick") : Effect.void)
    })
    yield* bus.consume(topic, { group: "other" })
    yield* bus.acked(topic, facts(lab, 3, 9))
    yield* lab.handled("g", 6)
    yield* lab.handled("other", 9)
    healed = true
    const result = yield* lab.await("the replay", bus.deadLetters.replay(topic, { group: "g", to: "group" }))
    yield* expectEqual("replayed", [result.replayed.length, result.failed.length], [3, 0])
    yield* lab.handled("g", 9)
    yield* lab.quiet
    yield* expectEqual("handled by the other group", lab.started("other").length, 9)
    const replayed = lab.done("g").slice(6)
    yield* expectEqual(
      "the replayed events",
      sorted(replayed.map(({ eventId }) => eventId)),
      [0, 1, 2].map((k) => `${lab.token}-a${k}-1`)
    )
    const again = yield* lab.await("a second replay", bus.deadLetters.replay(topic, { group: "g", to: "group" }))
    yield* expectEqual("replayed twice", [again.replayed.length, again.skipped.length], [0, 3])
  })
})

const replayTopic = Law.make({
  theme,
  name: "a dead letter replayed to its topic reaches every group",
  statement:
    "The replay passes the broker's deduplication, and every group handles the event again, under the same event id.",
  needs: ["replay"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    let healed = false
    yield* bus.consume(topic, {
      group: "g",
      retry: thrice,
      handle: () => Effect.suspend(() => healed ? Effect.void : Effect.fail("sick"))
    })
    yield* bus.consume(topic, { group: "other" })
    const [fact] = sequence(lab, "a", 1)
    yield* bus.acked(topic, sequence(lab, "a", 1))
    yield* lab.handled("other", 1)
    yield* lab.until("it failed 3 times", () => lab.started("g").length === 3)
    const list = bus.deadLetters.list(topic, { group: "g" })
    yield* lab.eventually("its dead letter is stored", Effect.map(list, (letters) => letters.length === 1))
    healed = true
    yield* lab.await("the replay", bus.deadLetters.replay(topic, { group: "g", to: "topic" }))
    yield* lab.handled("g", 1)
    yield* lab.until("the other group handles it again", () => lab.done("other").length === 2)
    yield* expectEqual("event ids", lab.done("other").map(({ eventId }) => eventId), [fact?.eventId, fact?.eventId])
  })
})

const halted = Law.make({
  theme,
  name: "a subscription that halts stops the aggregate and skips nothing",
  statement:
    "With `onExhausted: \"halt\"` nothing behind the event is handled, `await` fails with `LaneHalted`, the others go on.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const halting = { group: "g", retry: thrice, onExhausted: "halt", drainTimeout: 0 } as const
    const subscription = yield* bus.consume(topic, {
      ...halting,
      handle: (fact) => fact.aggregateId === "a0" && fact.payload.n === 1 ? Effect.fail("sick") : Effect.void
    })
    yield* bus.acked(topic, facts(lab, 4, 20))
    const stopped = yield* lab.await("it is told", Effect.flip(subscription.await))
    yield* expectEqual(
      "the reason",
      stopped._tag === "SubscribeError" ? stopped.reason._tag : stopped._tag,
      "LaneHalted"
    )
    yield* lab.handled("g", 16)
    yield* lab.quiet
    const ids = lab.started("g").filter(({ aggregateId }) => aggregateId === "a0").map(({ eventId }) =>
      Number(eventId.at(-1))
    )
    yield* expectEqual("handled of the halted aggregate", ids, [0, 1, 1, 1])
    yield* subscription.close
    const next = yield* lab.bus()
    yield* next.consume(topic, { ...halting, member: "m2" })
    yield* lab.handled("g", 20)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

export const deadLettering: ReadonlyArray<Law.Law> = [
  exhausted,
  halted,
  defect,
  undecodable,
  unknownType,
  replay,
  replayTopic
]
