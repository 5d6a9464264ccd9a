/**
 * Streams: deliveries as elements, publishing in the middle.
 */
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Delivery from "../../src/Delivery.ts"
import * as Event from "../../src/Event.ts"
import * as Settlement from "../../src/Settlement.ts"
import { type Bus, expect, expectEqual, type Fact, Lab, type LawTopic, Noted } from "../Lab.ts"
import * as Law from "../Law.ts"
import { eventIds, facts, jitter, sorted } from "./shared.ts"

const theme = "Streams"

const through = Law.make({
  theme,
  name: "a stream publishes through, results in input order",
  statement:
    "`through` gives one result for each envelope, in the order of the input, with at most `maxPending` in flight.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus({ maxPending: 8 })
    const published = facts(lab, 6, 80)
    const results = yield* lab.await(
      "the stream ends",
      Stream.fromIterable(published).pipe(bus.publisher.through(topic), Stream.runCollect)
    )
    yield* expectEqual(
      "results",
      results.map(({ _tag, eventId }) => `${_tag} ${eventId}`),
      eventIds(published).map((id) => `Acked ${id}`)
    )
    const stored = yield* lab.stored(topic)
    yield* expectEqual(
      "what is stored",
      sorted(stored.map(({ eventId }) => eventId ?? "?")),
      sorted(eventIds(published))
    )
  })
})

const oneEach = Law.make({
  theme,
  name: "a stream has one unsettled delivery of an aggregate out",
  statement: "The next delivery of an aggregate comes when the one before is settled, so that a `Retry` keeps order.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    const count = 40
    yield* bus.acked(topic, facts(lab, 4, count))
    const out = new Map<string, string>()
    const order: Array<string> = []
    const problems: Array<string> = []
    const handle = (delivery: Delivery.Delivery<LawTopic>) =>
      Effect.gen(function*() {
        const { aggregateId, eventId, payload } = delivery.envelope
        const other = out.get(aggregateId)
        if (other !== undefined) problems.push(`${eventId} came while ${other} was out`)
        out.set(aggregateId, eventId)
        order.push(eventId)
        yield* Effect.sleep(jitter(eventId, 4))
        out.delete(aggregateId)
        const retry = payload.n % 4 === 1 && delivery.attempt === 1
        yield* delivery.settle(retry ? Settlement.Retry({ after: 5 }) : Settlement.Ack)
        return retry ? [] : [eventId]
      })
    const done = yield* lab.await(
      "the stream has shown everything",
      bus.subscriber.stream(topic, { group: "g" }).pipe(
        Stream.mapEffect(handle, { concurrency: 8 }),
        Stream.flattenIterable,
        Stream.take(count),
        Stream.runCollect
      )
    )
    yield* expect(problems.length === 0, () => problems.join("; "))
    yield* expectEqual("settled", sorted(done), sorted(eventIds(facts(lab, 4, count))))
    for (const key of ["a0", "a1", "a2", "a3"]) {
      const numbers = order.filter((id) => id.includes(`-${key}-`)).map((id) => Number(id.split("-").at(-1)))
      const expected = Array.from({ length: 10 }, (_, n) => n % 4 === 1 ? [n, n] : [n]).flat()
      yield* expectEqual(`deliveries of ${key}`, numbers, expected)
    }
  })
})

/** The output of a fact: derived, so that a repetition is recognised. */
const outputOf = (fact: Fact): Fact =>
  Noted.make(fact.payload, { eventId: Event.derivedId(fact.eventId, "out", 0), timestamp: fact.timestamp })

const transform = (bus: Bus, from: LawTopic, to: LawTopic) =>
  bus.subscriber.stream(from, { group: "g", maxInFlight: 16 }).pipe(
    Stream.mapEffect(
      (delivery) =>
        Effect.as(
          Effect.sleep(jitter(delivery.envelope.eventId, 3)),
          { envelope: outputOf(delivery.envelope), delivery }
        ),
      { concurrency: 4 }
    ),
    bus.publisher.throughWith(to, { envelope: ({ envelope }) => envelope }),
    Delivery.settleAfter(([, { delivery }]) => delivery)
  )

const transformed = Law.make({
  theme,
  name: "consume, transform, produce loses nothing when interrupted anywhere",
  statement:
    "With `settleAfter` an input is acknowledged after its output is stored: over streams that are interrupted in the middle and started again, each input has its output, in order.",
  needs: ["ordered"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const from = lab.topic()
    const to = lab.topic()
    const published = facts(lab, 6, 90)
    const publisher = yield* lab.bus()
    yield* publisher.acked(from, published)
    yield* lab.await("the output topic is there", publisher.admin.ensure(to))
    for (let life = 0; life < 8; life++) {
      const bus = yield* lab.bus({ reports: false })
      const scope = yield* Scope.make()
      const running = yield* Effect.forkIn(Stream.runDrain(transform(bus, from, to)), scope, { startImmediately: true })
      yield* lab.pass(3 + jitter(`${lab.token}${life}`, 12))
      yield* Fiber.interrupt(running).pipe((stop) => lab.await("the stream stops", stop))
      yield* lab.await("its scope closes", Scope.close(scope, Exit.void))
      // Half of them as a process that is killed.
      yield* life % 2 === 0 ? bus.close : bus.crash
    }
    const bus = yield* lab.bus({ reports: false })
    const rest = yield* Effect.forkChild(Stream.runDrain(transform(bus, from, to)), { startImmediately: true })
    yield* lab.eventually("the inputs are settled", Effect.map(bus.admin.backlog(from, "g"), ({ lag }) => lag === 0))
    yield* expect(rest.pollUnsafe() === undefined, () => `the stream ended: ${String(rest.pollUnsafe())}`)
    yield* lab.await("the stream stops", Fiber.interrupt(rest))
    const stored = yield* lab.stored(to)
    const first = [...new Set(stored.map(({ eventId }) => eventId ?? "?"))]
    yield* expectEqual("outputs", sorted(first), sorted(published.map((fact) => outputOf(fact).eventId)))
    for (const key of ["a0", "a1", "a2", "a3", "a4", "a5"]) {
      const expected = published.filter(({ aggregateId }) => aggregateId === key).map((fact) => outputOf(fact).eventId)
      yield* expectEqual(`order of the outputs of ${key}`, first.filter((id) => expected.includes(id)), expected)
    }
  })
})

export const streams: ReadonlyArray<Law.Law> = [through, oneEach, transformed]
