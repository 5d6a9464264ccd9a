/**
 * Where a group starts, and where it is sent.
 */
import { Clock, Effect } from "effect"
import * as Raw from "../internal/rawSend.ts"
import { expect, expectEqual, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { eventIds, facts, sequence } from "./shared.ts"

const theme = "Positions"

const earliest = Law.make({
  theme,
  name: "a late group replays from the start",
  statement: "A group that comes late and starts at the earliest gets everything that was stored before, in order.",
  needs: ["replay"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    yield* bus.acked(topic, facts(lab, 6, 60))
    yield* lab.pass(100)
    yield* bus.consume(topic, { group: "late", from: "earliest" })
    yield* lab.handled("late", 60)
    yield* lab.verify(topic, { caughtUp: ["late"] })
  })
})

const latest = Law.make({
  theme,
  name: "a group that starts at the latest sees only what is new",
  statement:
    "Its position is committed before `subscribe` completes: what is published from then on is seen, nothing from before.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    yield* bus.acked(topic, facts(lab, 6, 30))
    const subscription = yield* bus.consume(topic, { group: "late", from: "latest" })
    yield* subscription.close
    // Published while nobody is there: the committed position covers it.
    yield* bus.acked(topic, facts(lab, 6, 30, 5))
    yield* bus.consume(topic, { group: "late", from: "latest", member: "m2" })
    yield* lab.handled("late", 30)
    yield* lab.quiet
    const early = lab.started("late").filter(({ eventId }) => Number(eventId.split("-").at(-1)) < 5)
    yield* expectEqual("events from before", early.length, 0)
    yield* expectEqual("handled", lab.started("late").length, 30)
  })
})

const offset = Law.make({
  theme,
  name: "a group can start at an offset or a time",
  statement: "It gets what is stored from there on, the event at that offset included.",
  needs: ["replay", "offsets"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const receipts = yield* bus.acked(topic, sequence(lab, "a", 6))
    yield* lab.pass(1000)
    const middle = new Date(yield* Clock.currentTimeMillis)
    yield* lab.pass(1000)
    yield* bus.acked(topic, sequence(lab, "a", 4, 6))
    const from = receipts[3]?.offset ?? 0n
    yield* bus.consume(topic, { group: "offset", from: { offset: from } })
    yield* bus.consume(topic, { group: "time", from: { time: middle } })
    yield* lab.handled("offset", 7)
    yield* lab.handled("time", 4)
    yield* lab.quiet
    const numbers = (group: string) => lab.started(group).map(({ eventId }) => Number(eventId.split("-").at(-1)))
    yield* expectEqual("from the offset", numbers("offset"), [3, 4, 5, 6, 7, 8, 9])
    yield* expectEqual("from the time", numbers("time"), [6, 7, 8, 9])
  })
})

const seek = Law.make({
  theme,
  name: "seek sends a group back, and forward",
  statement:
    "After a seek to the earliest everything is handled again, in order; after a seek to the latest only what is new.",
  needs: ["replay"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    const subscription = yield* bus.consume(topic, { group: "g" })
    yield* bus.acked(topic, facts(lab, 5, 20))
    yield* lab.handled("g", 20)
    yield* lab.pass(200)
    yield* lab.await("seek to the earliest", subscription.seek("earliest"))
    yield* lab.until("all is handled again", () => lab.done("g").length === 40)
    yield* subscription.pause
    yield* bus.acked(topic, facts(lab, 5, 10, 4))
    yield* lab.await("seek to the latest", subscription.seek("latest"))
    yield* subscription.resume
    yield* bus.acked(topic, facts(lab, 5, 5, 6))
    yield* lab.until(
      "what is new is handled",
      () => lab.done("g").filter(({ eventId }) => eventId.endsWith("-6")).length === 5
    )
    yield* lab.quiet
    const skipped = lab.started("g").filter(({ eventId }) => /-[45]$/.test(eventId))
    yield* expectEqual("handled of what was passed over", skipped.length, 0)
    yield* expectEqual("handled in all", lab.done("g").length, 45)
  })
})

const pause = Law.make({
  theme,
  name: "a paused subscription starts nothing, and loses nothing",
  statement: "Between `pause` and `resume` no handler starts; afterwards everything is handled, in order.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const subscription = yield* bus.consume(topic, { group: "g", ackWait: "1 second" })
    yield* bus.acked(topic, facts(lab, 4, 8))
    yield* lab.handled("g", 8)
    yield* subscription.pause
    yield* bus.acked(topic, facts(lab, 4, 40, 2))
    yield* lab.pass("2 seconds")
    yield* expectEqual("handlers started in the pause", lab.started("g").length - 8, 0)
    yield* subscription.resume
    yield* lab.handled("g", 48)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const deduplication = Law.make({
  theme,
  name: "a subscription that asks for it handles an event id once",
  statement:
    "With `dedup`, a second copy of an event inside the window is acknowledged unhandled; without it, it is handled.",
  check: Effect.scoped(Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const [fact, last] = sequence(lab, "a", 2)
    yield* bus.acked(topic, fact === undefined ? [] : [fact])
    const codec = topic.wire.compile(topic.events).encode(fact, undefined)
    if (codec._tag !== "Encoded") return yield* Effect.die("a fact cannot be encoded")
    const producer = yield* lab.await("a producer opens", bus.broker.producer)
    // The same envelope under another id of the driver's: what a resend outside the broker's window looks like.
    const copy = Raw.record({ eventId: `${lab.token}-copy`, key: "a", body: codec.body, headers: codec.headers })
    const { answers } = yield* lab.await("the copy is sent", Raw.send(bus.broker, producer, topic, [copy]))
    yield* lab.until("the copy is answered for", () => answers[0]?.[0] !== undefined)
    yield* bus.acked(topic, last === undefined ? [] : [last])
    yield* bus.consume(topic, { group: "careful", dedup: { window: "1 minute" } })
    yield* bus.consume(topic, { group: "careless" })
    yield* lab.handled("careful", 2)
    yield* lab.handled("careless", 2)
    const ids = (group: string) => lab.done(group).map(({ eventId }) => eventId)
    const expected = eventIds(sequence(lab, "a", 2))
    yield* expectEqual("with dedup", ids("careful"), expected)
    yield* expectEqual("without", ids("careless"), [expected[0], ...expected])
    yield* expect(lab.started("careful").length === 2, () => "the copy was handled in spite of `dedup`")
  }))
})

export const reading: ReadonlyArray<Law.Law> = [earliest, latest, offset, seek, pause, deduplication]
