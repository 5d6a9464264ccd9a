/**
 * The window, and the end of a bus.
 */
import { Cause, Effect, Exit, Fiber } from "effect"
import type * as PublishError from "../../src/PublishError.ts"
import { expect, expectEqual, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { eventIds, facts, sequence, sorted } from "./shared.ts"

const theme = "Window and end"

const fullWindow = Law.make({
  theme,
  name: "a full window suspends and loses nothing",
  statement:
    "While `maxPending` events are pending, a publisher waits and `tryPublish` is refused; nothing is dropped.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus({ maxPending: 8 })
    yield* bus.acked(topic, [lab.fact("first", 0)])
    yield* bus.gate.close
    const published = facts(lab, 4, 40)
    const publishing = yield* Effect.forkChild(
      Effect.forEach(published, (fact) => lab.history.publish(bus.publisher, topic, fact)),
      { startImmediately: true }
    )
    yield* lab.quiet
    const full = yield* bus.publisher.pending
    yield* expectEqual("pending", [full.count, full.unsettled], [8, 8])
    yield* expect(publishing.pollUnsafe() === undefined, () => "40 publishes were accepted by a window of 8")
    const refused = yield* Effect.exit(bus.publisher.tryPublish(topic, lab.fact("refused", 0)))
    const reason = Exit.isFailure(refused)
      ? refused.cause.reasons.find(Cause.isFailReason)?.error.reason._tag
      : "accepted"
    yield* expectEqual("tryPublish", reason, "Backpressure")
    yield* bus.gate.open
    const told = yield* lab.await("all are accepted", Fiber.join(publishing))
    const outcomes = yield* lab.await("all settle", Effect.all(told))
    yield* expect(outcomes.every(Exit.isSuccess), () => "a publish that had waited for the window was not acknowledged")
    yield* lab.until("every permit is back", () => Effect.runSync(bus.publisher.pending).count === 0)
    yield* lab.verify(topic, { noDuplicates: true })
  })
})

const closing = Law.make({
  theme,
  name: "closing drains what was accepted",
  statement:
    "A bus that is closed right after accepting events delivers them to the broker: acknowledged means stored, to the last one.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    const published = facts(lab, 11, 120)
    const told = yield* lab.await(
      "all are accepted",
      Effect.forEach(published, (fact) => lab.history.publish(bus.publisher, topic, fact))
    )
    yield* bus.close
    const outcomes = yield* lab.await("all settle", Effect.all(told))
    yield* expect(outcomes.every(Exit.isSuccess), () => "an accepted event was not drained, without any fault")
    const figures = yield* lab.verify(topic, { noDuplicates: true, reported: true })
    yield* expectEqual("records in the store", figures.stored, published.length)
  })
})

const closingTwice = Law.make({
  theme,
  name: "closing is idempotent, and a closed bus rejects",
  statement:
    "Closing a bus again does nothing; every way to publish is then `Rejected(Closed)`, and nothing of it is stored.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const published = sequence(lab, "a", 3)
    yield* bus.acked(topic, published)
    yield* bus.close
    yield* bus.close
    const late = sequence(lab, "late", 2)
    const reasons: Array<string | undefined> = []
    for (const fact of late) {
      const { publish, publishAsync, tryPublish } = bus.publisher
      for (const attempt of [publish(topic, fact), publishAsync(topic, fact), tryPublish(topic, fact)]) {
        const exit = yield* lab.await(
          "a publish is refused",
          Effect.exit<unknown, PublishError.PublishError, never>(attempt)
        )
        const error = Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined
        reasons.push(error === undefined ? "accepted" : `${error.outcome} ${error.reason._tag}`)
      }
    }
    yield* expectEqual("after the close", reasons, reasons.map(() => "rejected Closed"))
    const batch = yield* lab.await("a batch is refused", lab.history.publishBatch(bus.publisher, topic, late))
    yield* expect(batch.every(Exit.isFailure), () => "a closed bus accepted a batch")
    const stored = yield* lab.stored(topic)
    yield* expectEqual("what is stored", stored.map(({ eventId }) => eventId), eventIds(published))
  })
})

const drain = Law.make({
  theme,
  name: "a subscription that ends finishes what is in flight",
  statement: "Handlers that run may finish, what they have done is acknowledged, and nothing of it comes again.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const publisher = yield* lab.bus()
    yield* publisher.acked(topic, facts(lab, 10, 10))
    const bus = yield* lab.bus()
    const subscription = yield* bus.consume(topic, { group: "g", concurrency: 4, handle: () => Effect.sleep(100) })
    yield* lab.until("4 handlers run", () => lab.started("g").length >= 4)
    yield* subscription.close
    const done = lab.done("g").map(({ eventId }) => eventId)
    yield* expectEqual("handled", sorted(done), sorted(lab.started("g").map(({ eventId }) => eventId)))
    const next = yield* lab.bus()
    yield* next.consume(topic, { group: "g", member: "m2" })
    yield* lab.handled("g", 10)
    yield* lab.quiet
    yield* expectEqual("handlers started in all", lab.started("g").length, 10)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

export const windows: ReadonlyArray<Law.Law> = [fullWindow, closing, closingTwice, drain]
