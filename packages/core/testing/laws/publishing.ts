/**
 * What a publisher may rely on.
 */
import { Effect, Exit, Fiber, Stream } from "effect"
import { expect, expectEqual, type Fact, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { eventIds, facts, sequence } from "./shared.ts"

const theme = "Publishing"

const delivered = Law.make({
  theme,
  name: "a published event is delivered",
  statement: "An acknowledged event reaches a subscriber as it was published.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const seen: Array<unknown> = []
    yield* bus.consume(topic, { group: "g", handle: (fact) => Effect.sync(() => seen.push(fact)) })
    const fact = lab.fact("a", 1, { text: "hello" })
    yield* bus.acked(topic, [fact])
    yield* lab.handled("g", 1)
    yield* expectEqual("the event", seen, [fact])
  })
})

const exactlyOnce = Law.make({
  theme,
  name: "without faults an event is stored and delivered exactly once",
  statement:
    "As long as nothing goes wrong, each acknowledged event is stored once, handled once, and never comes again.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 3 })
    const bus = yield* lab.bus()
    yield* bus.consume(topic, { group: "g" })
    yield* bus.acked(topic, facts(lab, 20, 200))
    yield* lab.handled("g", 200)
    yield* bus.close
    const next = yield* lab.bus()
    yield* next.consume(topic, { group: "g", member: "m2" })
    yield* lab.quiet
    const figures = yield* lab.verify(topic, { caughtUp: ["g"], noDuplicates: true, reported: true })
    yield* expectEqual("records in the store", figures.stored, 200)
    yield* expectEqual("handlers started", lab.started("g").length, 200)
  })
})

const places = Law.make({
  theme,
  name: "a receipt says where its event is stored",
  statement: "Each event is found at the partition and the offset of its own receipt.",
  needs: ["offsets"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 3 })
    const bus = yield* lab.bus()
    const published = facts(lab, 10, 60)
    const receipts = yield* bus.acked(topic, published)
    const stored = new Map((yield* lab.stored(topic)).map((record) => [record.eventId, record]))
    for (const [i, { duplicate, eventId, offset, partition }] of receipts.entries()) {
      yield* expectEqual("the receipt's event id", eventId, published[i]?.eventId ?? "")
      yield* expect(duplicate !== true, () => `${eventId} is called a duplicate, and is none`)
      const record = stored.get(eventId)
      yield* expectEqual(`the place of ${eventId}`, [partition, offset], [record?.partition ?? -1, record?.offset])
    }
  })
})

const samePartition = Law.make({
  theme,
  name: "an aggregate lives in one partition, the same on every broker",
  statement: "A record's partition is murmur2 of its aggregate id, as the Java client of Kafka computes it.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 5 })
    const bus = yield* lab.bus()
    // The test vectors of Kafka's `UtilsTest.testMurmur2`, made positive, modulo 5.
    const expected = [["21", 0], ["foobar", 1], ["a-little-bit-long-string", 2], [
      "a-little-bit-longer-string",
      4
    ]] as const
    for (const [key, partition] of expected) {
      const told = yield* bus.acked(topic, sequence(lab, key, 3))
      yield* expectEqual(`receipts of ${key}`, told.map((receipt) => receipt.partition), [
        partition,
        partition,
        partition
      ])
    }
    const stored = yield* lab.stored(topic)
    for (const [key, partition] of expected) {
      const partitions = stored.filter(({ aggregateId }) => aggregateId === key).map((record) => record.partition)
      yield* expectEqual(`partitions of ${key}`, partitions, [partition, partition, partition])
    }
  })
})

const duplicateId = Law.make({
  theme,
  name: "a duplicate event id is stored once",
  statement:
    "Inside the deduplication window, publishing an envelope again is acknowledged as a duplicate and stores nothing.",
  needs: ["deduplicates"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const published = sequence(lab, "a", 5)
    yield* bus.acked(topic, published)
    const again = yield* bus.acked(topic, published)
    yield* expect(
      again.every(({ duplicate }) => duplicate === true),
      () => "a repeated publish is not called a duplicate"
    )
    const other = yield* lab.bus()
    const third = yield* other.acked(topic, published.slice(0, 2))
    yield* expect(
      third.every(({ duplicate }) => duplicate === true),
      () => "another client's repetition is not recognised"
    )
    const stored = yield* lab.stored(topic)
    yield* expectEqual("what is stored", stored.map(({ eventId }) => eventId), eventIds(published))
  })
})

const roundTrip = Law.make({
  theme,
  name: "metadata and headers come back as they were",
  statement:
    "Ids, version, timestamp, trace, correlation, causation, tenant, headers and any text in a payload round-trip.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const seen: Array<unknown> = []
    const headers: Array<string> = []
    yield* bus.consume(topic, {
      group: "g",
      handle: (fact, delivery) =>
        Effect.sync(() => {
          seen.push(fact)
          for (const [name, value] of delivery.headers) {
            if (name.toLowerCase().startsWith("app-")) headers.push(`${name}=${String(value)}`)
          }
        })
    })
    const fact = lab.fact("order:1/a_b.c-d", 9_007_199_254_740_991, {
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      correlationId: "c-1",
      causationId: `${lab.token}-cause`,
      tenantId: 42,
      headers: { "App-Region": "eu-west", "App-Empty-Not": "a b;c=d", "App-Number": "007" },
      text: "Grüße, 你好 🌍 \u0000 \" \\ \u2028 __proto__"
    })
    yield* bus.acked(topic, [fact])
    yield* lab.handled("g", 1)
    yield* expectEqual("the envelope", seen, [fact])
    yield* expectEqual("the headers", headers.toSorted(), [
      "App-Empty-Not=a b;c=d",
      "App-Number=007",
      "App-Region=eu-west"
    ])
  })
})

const settlesOnce = Law.make({
  theme,
  name: "every accepted publish settles exactly once",
  statement: "Each caller is told one outcome, and the results tell the same outcome once.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus({ maxPending: 16 })
    const told = yield* bus.publishAll(topic, facts(lab, 7, 150))
    yield* lab.await("flush", bus.publisher.flush)
    yield* expect(told.every(Exit.isSuccess), () => "a publish was not acknowledged, without any fault")
    const { unsettled } = yield* bus.publisher.pending
    yield* expectEqual("unsettled after flush", unsettled, 0)
    yield* bus.close
    yield* lab.verify(topic, { reported: true, noDuplicates: true })
  })
})

const resultsLossless = Law.make({
  theme,
  name: "results lose nothing to a slow reader",
  statement:
    "A reader of `results` that is slower than the broker gets every outcome once, and settlements do not wait for it.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus({ maxPending: 8, reports: false })
    const results = Stream.tap(bus.publisher.results, () => Effect.sleep(2))
    const reading = yield* Effect.forkChild(lab.history.reports({ ...bus.publisher, results }), {
      startImmediately: true
    })
    yield* bus.acked(topic, facts(lab, 5, 60))
    yield* bus.close
    yield* lab.await("the results end", Fiber.await(reading))
    yield* lab.verify(topic, { reported: true })
  })
})

const interrupted = Law.make({
  theme,
  name: "interrupting a publisher after acceptance neither loses nor doubles",
  statement: "A publish goes on without its caller's fiber: the event is stored once, and settles once.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    yield* bus.gate.close
    const published = sequence(lab, "a", 20)
    for (const [i, fact] of published.entries()) {
      lab.history.issue(topic.name, fact)
      const caller = yield* Effect.forkChild(bus.publisher.publish(topic, fact), { startImmediately: true })
      yield* lab.until("it is accepted", () => Effect.runSync(bus.publisher.pending).unsettled > i)
      yield* Fiber.interrupt(caller)
    }
    yield* bus.gate.open
    yield* lab.await("flush", bus.publisher.flush)
    yield* bus.close
    const reported = lab.history.entries.flatMap((entry) => entry._tag === "Reported" ? [entry] : [])
    yield* expectEqual("reported", reported.map(({ eventId, outcome }) => [eventId, outcome]), acked(published))
    const stored = yield* lab.stored(topic)
    yield* expectEqual("what is stored", stored.map(({ eventId }) => eventId), eventIds(published))
  })
})

const acked = (published: ReadonlyArray<Fact>) => published.map(({ eventId }) => [eventId, "acked"])

export const publishing: ReadonlyArray<Law.Law> = [
  delivered,
  exactlyOnce,
  places,
  samePartition,
  duplicateId,
  roundTrip,
  settlesOnce,
  resultsLossless,
  interrupted
]
