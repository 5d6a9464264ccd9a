/**
 * What holds when the connection is lost, and answers with it.
 */
import { Effect, Exit, Fiber, Latch, Option, Stream } from "effect"
import { type Consuming, expect, expectEqual, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { facts, sequence } from "./shared.ts"

const theme = "Faults"

const cutting = (name: "cut" | "mend") =>
  Effect.gen(function*() {
    const lab = yield* Lab
    lab.history.add({ _tag: "Happened", what: name })
    yield* lab.await(name, lab.subject[name] ?? Effect.void)
  })

const lostConnection = Law.make({
  theme,
  name: "a lost connection loses, doubles and reorders nothing that is acknowledged",
  statement:
    "Events published before, during and after an outage settle once each; those acknowledged are stored, in order.",
  needs: ["cut", "ordered"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus({ maxPending: 32 })
    yield* bus.consume(topic, { group: "g", ackWait: "2 seconds" })
    const told: Array<Effect.Effect<Exit.Exit<unknown, unknown>>> = []
    const publishing = yield* Effect.forkChild(
      Effect.forEach(facts(lab, 7, 210), (fact, i) =>
        Effect.gen(function*() {
          told.push(yield* lab.history.publish(bus.publisher, topic, fact))
          if (i % 10 === 9) yield* Effect.sleep(5)
        })),
      { startImmediately: true }
    )
    for (let round = 0; round < 3; round++) {
      yield* lab.pass(20)
      yield* cutting("cut")
      yield* lab.pass(60)
      yield* cutting("mend")
    }
    yield* lab.await("all are accepted", Fiber.join(publishing))
    const outcomes = yield* lab.await("all settle", Effect.all(told))
    const acked = outcomes.filter(Exit.isSuccess).length
    yield* expect(acked > outcomes.length / 2, () => `only ${acked} of ${outcomes.length} publishes were acknowledged`)
    yield* lab.handled("g", acked)
    yield* bus.close
    yield* lab.verify(topic, { caughtUp: ["g"], reported: true, faults: ["cut", "mend"] })
  })
})

const outage = Law.make({
  theme,
  name: "what is published during an outage is not silently discarded",
  statement:
    "Accepted while there is no connection, an event is stored after it is back, within its deadline, or its caller is told.",
  needs: ["cut"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus({ deliveryTimeout: "5 seconds" })
    yield* bus.acked(topic, [lab.fact("first", 0)])
    yield* cutting("cut")
    const told = yield* Effect.forEach(
      sequence(lab, "a", 20),
      (fact) => lab.history.publish(bus.publisher, topic, fact)
    )
    yield* lab.pass("1 second")
    yield* cutting("mend")
    const first = yield* lab.await("all settle", Effect.all(told))
    yield* expect(
      first.every(Exit.isSuccess),
      () => "an event that was accepted in a short outage was not stored after it"
    )
    yield* cutting("cut")
    const late = yield* Effect.forEach(sequence(lab, "b", 5), (fact) => lab.history.publish(bus.publisher, topic, fact))
    const second = yield* lab.await("they settle by their deadline", Effect.all(late))
    yield* expectEqual("acknowledged without a connection", second.filter(Exit.isSuccess).length, 0)
    yield* cutting("mend")
    yield* lab.pass("1 second")
    yield* lab.verify(topic, { faults: ["cut"] })
  })
})

const lostAcks = Law.make({
  theme,
  name: "a lost acknowledgement is resent, recognised and in order",
  statement:
    "Events whose answers were lost are sent again under the same id, before anything behind them, and are stored once.",
  needs: ["dropAcks", "ordered", "deduplicates"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus({ maxPending: 16 })
    yield* bus.acked(topic, [lab.fact("first", 0)])
    lab.history.add({ _tag: "Happened", what: "dropAcks" })
    yield* lab.subject.dropAcks?.(7) ?? Effect.void
    const told = yield* bus.publishAll(topic, facts(lab, 5, 80))
    yield* expect(told.every(Exit.isSuccess), () => "an event whose answer was lost was never acknowledged")
    const { resent } = yield* bus.publisher.totals
    yield* expect(resent > 0, () => "nothing was sent again, so nothing was tested")
    yield* bus.close
    yield* lab.verify(topic, { noDuplicates: true, reported: true, faults: ["dropAcks"] })
  })
})

const consumerOutage = Law.make({
  theme,
  name: "a consumer survives an outage without losing or skipping anything",
  statement: "What was in its hands when the connection broke is settled afterwards or comes again, in order.",
  needs: ["cut", "ordered"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    yield* bus.acked(topic, facts(lab, 9, 180))
    yield* bus.consume(topic, { group: "g", concurrency: 4, ackWait: "1 second", handle: () => Effect.sleep(3) })
    yield* lab.handled("g", 30)
    yield* cutting("cut")
    yield* lab.pass("1500 millis")
    yield* cutting("mend")
    yield* lab.handled("g", 180)
    yield* lab.verify(topic, { caughtUp: ["g"], faults: ["cut"] })
  })
})

/** Looks in a row at which the members have to have what they have. */
const looks = 10

/** Waits until every partition is assigned to one member, each has some, and it stays so. */
const settled = Effect.fnUntraced(function*(members: ReadonlyArray<Consuming>, partitions: number) {
  const lab = yield* Lab
  let before = ""
  let same = 0
  const look = Effect.map(
    Effect.forEach(members, ({ status }) => Stream.runHead(status)),
    (pictures) => {
      const shares = pictures.map((picture) =>
        Option.isNone(picture)
          ? []
          : picture.value.partitions.flatMap(({ assigned, partition }) => assigned ? [partition] : [])
      )
      const all = shares.flat()
      const agreed = shares.every((share) => share.length > 0) && all.length === partitions
        && new Set(all).size === partitions
      const now = JSON.stringify(shares)
      same = agreed && now === before ? same + 1 : 0
      before = now
      return same >= looks
    }
  )
  yield* lab.eventually("the members agree on who has which partition", look)
})

const fenced = Law.make({
  theme,
  name: "after an outage only the present owner of a partition starts its deliveries",
  statement:
    "What a member held of a partition that went to another one while it was away is given up, not handled late.",
  needs: ["cut", "sharedGroups"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 4 })
    const publisher = yield* lab.bus()
    const published = facts(lab, 12, 60)
    yield* publisher.acked(topic, published)
    const healed = yield* Latch.make()
    const [first, second] = [yield* lab.bus(), yield* lab.bus()]
    const options = { group: "g", concurrency: 1, ackWait: "2 seconds" } as const
    const one = yield* first.consume(topic, {
      ...options,
      member: "m1",
      handle: () => Effect.suspend(() => lab.started("g").length === 1 ? healed.await : Effect.sleep(20))
    })
    yield* lab.until("a handler hangs", () => lab.started("g").length === 1)
    const other = yield* second.consume(topic, { ...options, member: "m2", handle: () => Effect.sleep(20) })
    yield* cutting("cut")
    yield* lab.pass("12 seconds")
    yield* cutting("mend")
    // Until then a partition may still move, and both start deliveries of it, one after the other.
    yield* settled([one, other], 4)
    const before = lab.started("g").length
    yield* healed.open
    yield* lab.handled("g", published.length)
    yield* lab.quiet
    const owners = new Map<number, Set<string>>()
    for (const { member, partition } of lab.started("g").slice(before)) {
      owners.set(partition, (owners.get(partition) ?? new Set()).add(member))
    }
    const shared = [...owners].filter(([, members]) => members.size > 1).map(([partition]) => partition)
    yield* expectEqual("partitions that both members started deliveries of, after the outage", shared, [])
    yield* lab.verify(topic, { caughtUp: ["g"], faults: ["cut", "mend"] })
  })
})

const lateBroker = Law.make({
  theme,
  name: "a bus that opens while its broker is away waits for it",
  statement: "A service may start before its broker does: it publishes and consumes when the connection is there.",
  needs: ["cut"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    yield* cutting("cut")
    const opening = yield* Effect.forkChild(lab.bus(), { startImmediately: true })
    yield* lab.pass("500 millis")
    yield* cutting("mend")
    const bus = yield* Fiber.join(opening)
    yield* bus.acked(topic, sequence(lab, "a", 5))
    yield* bus.consume(topic, { group: "g" })
    yield* lab.handled("g", 5)
    yield* bus.close
    yield* lab.verify(topic, { caughtUp: ["g"], reported: true, faults: ["cut", "mend"] })
  })
})

export const faults: ReadonlyArray<Law.Law> = [lostConnection, outage, lostAcks, consumerOutage, fenced, lateBroker]
