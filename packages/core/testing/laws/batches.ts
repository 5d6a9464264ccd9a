/**
 * Batches, sizes and refusals.
 */
import { Cause, Effect, Exit } from "effect"
import type { Told } from "../History.ts"
import { expect, expectEqual, type Fact, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { eventIds, facts, sequence, sorted } from "./shared.ts"

const theme = "Batches and refusals"

/** `"acked"`, or the outcome and the reason. */
const summary = (told: Told): string => {
  if (Exit.isSuccess(told)) return "acked"
  const error = told.cause.reasons.find(Cause.isFailReason)?.error
  return error === undefined ? "died" : `${error.outcome} ${error.reason._tag}`
}

const inputOrder = Law.make({
  theme,
  name: "batch results come in input order",
  statement: "The n-th result of a batch belongs to its n-th envelope, over all partitions.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 3 })
    const bus = yield* lab.bus()
    const published = facts(lab, 9, 90)
    const told = yield* lab.await("the batch settles", lab.history.publishBatch(bus.publisher, topic, published))
    yield* expectEqual(
      "results",
      told.map((exit) => Exit.isSuccess(exit) ? exit.value.eventId : "failed"),
      eventIds(published)
    )
    const stored = new Map((yield* lab.stored(topic)).map((record) => [record.eventId, record]))
    for (const [i, exit] of told.entries()) {
      if (Exit.isFailure(exit)) continue
      const record = stored.get(published[i]?.eventId)
      yield* expectEqual(`the partition of result ${i}`, exit.value.partition, record?.partition ?? -1)
      if (exit.value.offset !== undefined) {
        yield* expectEqual(`the offset of result ${i}`, exit.value.offset, record?.offset ?? -1n)
      }
    }
    yield* lab.verify(topic, { noDuplicates: true })
  })
})

const invalidMember = Law.make({
  theme,
  name: "an invalid member fails in its place",
  statement:
    "An envelope that breaks its event's schema is rejected with the path, before any I/O; its neighbours are stored.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const published = sequence(lab, "a", 9).map((fact, i): Fact =>
      // Not what the type says: a program that was not type-checked.
      i === 2 ? { ...fact, payload: { ...fact.payload, n: 1.5 } } : i === 5 ? { ...fact, aggregateId: "a b" } : fact
    )
    const told = yield* lab.await("the batch settles", lab.history.publishBatch(bus.publisher, topic, published))
    const bad = new Set([2, 5])
    yield* expectEqual(
      "outcomes",
      told.map(summary),
      published.map((_, i) => bad.has(i) ? "rejected InvalidEnvelope" : "acked")
    )
    const stored = yield* lab.stored(topic)
    yield* expectEqual(
      "what is stored",
      stored.map(({ eventId }) => eventId),
      eventIds(published.filter((_, i) => !bad.has(i)))
    )
    yield* lab.verify(topic, { noDuplicates: true })
  })
})

const oversized = Law.make({
  theme,
  name: "an oversized event is rejected and its neighbours are unaffected",
  statement:
    "What is larger than the broker takes is `TooLarge`, is not stored, and costs no neighbour anything, not even its order.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const limit = lab.capabilities.maxRecordBytes
    const published = sequence(lab, "a", 9).map((fact, i) =>
      i === 4 ? lab.fact("a", i, { text: "x".repeat(limit) }) : fact
    )
    const told = yield* lab.await("the batch settles", lab.history.publishBatch(bus.publisher, topic, published))
    yield* expectEqual("outcomes", told.map(summary), published.map((_, i) => i === 4 ? "rejected TooLarge" : "acked"))
    const stored = yield* lab.stored(topic)
    yield* expectEqual(
      "what is stored",
      stored.map(({ eventId }) => eventId),
      eventIds(published.filter((_, i) => i !== 4))
    )
    yield* lab.verify(topic, { noDuplicates: true })
  })
})

const atomic = Law.make({
  theme,
  name: "an atomic batch is all or nothing",
  statement: "An atomic batch is stored as a whole, in order; with a member that cannot be stored, none of it is.",
  needs: ["atomicBatch"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const good = sequence(lab, "a", 20)
    const bad = sequence(lab, "b", 5).map((fact, i) =>
      i === 3 ? lab.fact("b", i, { text: "x".repeat(lab.capabilities.maxRecordBytes) }) : fact
    )
    const first = yield* lab.await(
      "the atomic batch settles",
      lab.history.publishBatch(bus.publisher, topic, good, { atomic: true })
    )
    yield* expect(first.every(Exit.isSuccess), () => `an atomic batch was not stored: ${first.map(summary).join(", ")}`)
    const second = yield* lab.await(
      "the refused batch settles",
      lab.history.publishBatch(bus.publisher, topic, bad, { atomic: true })
    )
    yield* expect(
      second.every((told) => summary(told).startsWith("rejected")),
      () => `a batch with an oversized member: ${second.map(summary).join(", ")}`
    )
    const stored = yield* lab.stored(topic)
    yield* expectEqual("what is stored", stored.map(({ eventId }) => eventId), eventIds(good))
    yield* lab.verify(topic, { noDuplicates: true })
  })
})

const absent = Law.make({
  theme,
  name: "rejected means absent",
  statement: "What a publisher is told was rejected is never found in the topic, and what was acknowledged always is.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    const published = facts(lab, 6, 60).map((fact, i): Fact => {
      if (i % 10 === 3) return { ...fact, payload: { ...fact.payload, n: 0.5 } }
      return i % 10 === 7 ? { ...fact, eventId: "" } : fact
    })
    const told = yield* bus.publishAll(topic, published)
    yield* bus.close
    const late = yield* bus.publishAll(topic, sequence(lab, "late", 3))
    yield* expectEqual("after the close", late.map(summary), late.map(() => "rejected Closed"))
    const expected = published.filter((_, i) => i % 10 !== 3 && i % 10 !== 7)
    yield* expectEqual("acknowledged", told.filter(Exit.isSuccess).length, expected.length)
    const stored = yield* lab.stored(topic)
    yield* expectEqual(
      "what is stored",
      sorted(stored.map(({ eventId }) => eventId ?? "?")),
      sorted(eventIds(expected))
    )
    yield* lab.verify(topic, { noDuplicates: true })
  })
})

export const batches: ReadonlyArray<Law.Law> = [inputOrder, invalidMember, oversized, atomic, absent]
