/**
 * Groups and their members.
 */
import { Effect, Latch, Schedule, SubscriptionRef } from "effect"
import { expect, expectEqual, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { collect, consumer, eventIds, facts, sequence, sorted } from "./shared.ts"

const theme = "Groups"

const independent = Law.make({
  theme,
  name: "independent groups each see everything",
  statement: "Every group handles every event, whatever the others do.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    yield* bus.consume(topic, { group: "one" })
    yield* bus.consume(topic, { group: "two", concurrency: 1, handle: () => Effect.sleep(1) })
    yield* bus.consume(topic, {
      group: "three",
      handle: (fact) => fact.payload.n === 2 ? Effect.fail("refused by this group") : Effect.void,
      onExhausted: "drop",
      retry: Schedule.recurs(0)
    })
    yield* bus.acked(topic, facts(lab, 6, 60))
    yield* lab.handled("one", 60)
    yield* lab.handled("two", 60)
    yield* lab.handled("three", 54)
    yield* lab.verify(topic, { caughtUp: ["one", "two"] })
  })
})

const competing = Law.make({
  theme,
  name: "members of a group share its events and never both handle one",
  statement: "Two members each get a part of the partitions; each event is handled once, by one of them.",
  needs: ["sharedGroups"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 4 })
    const buses = [yield* lab.bus(), yield* lab.bus()]
    for (const [i, bus] of buses.entries()) yield* bus.consume(topic, { group: "g", member: `m${i}` })
    const publisher = yield* lab.bus()
    let round = 0
    const members = () => new Set(lab.done("g").map(({ member }) => member))
    // Both have joined when both have handled something.
    while (members().size < 2) {
      yield* expect(round < 200, () => "one member got everything, in 200 rounds")
      yield* publisher.acked(topic, facts(lab, 16, 16, round++))
      yield* lab.handled("g", round * 16)
      yield* lab.pass(50)
    }
    const before = lab.started("g").length
    yield* publisher.acked(topic, facts(lab, 16, 160, round))
    yield* lab.handled("g", round * 16 + 160)
    yield* lab.quiet
    const after = lab.started("g").slice(before)
    yield* expectEqual("handlers started for 160 events", after.length, 160)
    yield* expect(new Set(after.map(({ member }) => member)).size === 2, () => "one member got nothing of 160 events")
    const owner = new Map<number, string>()
    for (const { member, partition } of after) {
      const known = owner.get(partition) ?? member
      owner.set(partition, known)
      yield* expect(known === member, () => `both members were given partition ${partition}`)
    }
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const briefly = () => Effect.sleep(5)

const takeOver = Law.make({
  theme,
  name: "a member that ends hands over, and nothing is lost or skipped",
  statement:
    "When a member leaves or crashes under load, the other one handles everything, in order, also what the first had in its hands.",
  needs: ["sharedGroups", "ordered"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 4 })
    const publisher = yield* lab.bus()
    const first = yield* lab.bus()
    const second = yield* lab.bus()
    yield* first.consume(topic, { group: "g", member: "m1", handle: briefly, drainTimeout: 0, ackWait: "1 second" })
    yield* second.consume(topic, { group: "g", member: "m2", handle: briefly, ackWait: "1 second" })
    yield* publisher.acked(topic, facts(lab, 20, 200))
    yield* lab.handled("g", 60)
    yield* first.crash
    yield* lab.handled("g", 200)
    const third = yield* lab.bus()
    yield* third.consume(topic, { group: "g", member: "m3", handle: briefly })
    yield* publisher.acked(topic, facts(lab, 20, 100, 10))
    yield* lab.handled("g", 230)
    yield* second.close
    yield* lab.handled("g", 300)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const handOver = Law.make({
  theme,
  name: "a partition that goes to another member is never in two hands",
  statement:
    "When a member joins while handlers hang, an aggregate's handler is never started by one member while it runs in the other.",
  needs: ["sharedGroups", "ordered"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 4 })
    const publisher = yield* lab.bus()
    const published = facts(lab, 12, 36)
    yield* publisher.acked(topic, published)
    const healed = yield* Latch.make()
    const first = yield* lab.bus()
    const second = yield* lab.bus()
    yield* first.consume(topic, { group: "g", member: "m1", handle: () => healed.await })
    yield* lab.until("12 handlers hang", () => lab.started("g").length >= 12)
    yield* second.consume(topic, { group: "g", member: "m2" })
    // A broker may hand over within a bound, or not before its holder is done: both is fine.
    yield* lab.pass("12 seconds")
    yield* healed.open
    yield* lab.handled("g", published.length)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const bounded = Law.make({
  theme,
  name: "a consumer is given no more than it asked for",
  statement: "At most `maxInFlight` records are in a consumer's hands unsettled; settling makes room for as many.",
  check: Effect.scoped(Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    yield* bus.acked(topic, facts(lab, 10, 40))
    const reader = yield* lab.await("a consumer opens", consumer(bus.broker, { topic, group: "g", maxInFlight: 5 }))
    const held = yield* lab.await("5 records come", collect(reader, 5))
    const more = yield* Effect.forkChild(reader.poll(100), { startImmediately: true })
    yield* lab.quiet
    yield* expect(more.pollUnsafe() === undefined, () => "a sixth record was handed out with 5 unsettled")
    yield* reader.settle(held.slice(0, 2))
    yield* lab.until("there is room for 2", () => more.pollUnsafe() !== undefined)
    const exit = more.pollUnsafe()
    const count = exit?._tag === "Success" ? exit.value.length : 0
    yield* expect(count === 1 || count === 2, () => `${count} records were handed out where there was room for 2`)
    yield* lab.await("the group leaves", reader.flush)
  }))
})

const subscriptionWindow = Law.make({
  theme,
  name: "deliveries in flight are bounded",
  statement:
    "A subscription holds at most `maxInFlight` deliveries, however slow its handlers are, and loses none of the rest.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    let open = false
    const published = facts(lab, 30, 90)
    yield* bus.acked(topic, published)
    yield* bus.consume(topic, {
      group: "g",
      maxInFlight: 10,
      concurrency: 64,
      handle: () => Effect.suspend(() => open ? Effect.void : Effect.sleep("3 seconds"))
    })
    yield* lab.until("10 handlers run", () => lab.started("g").length >= 10)
    yield* lab.pass(500)
    yield* expectEqual("handlers started", lab.started("g").length, 10)
    open = true
    yield* lab.handled("g", published.length)
    yield* lab.verify(topic, { caughtUp: ["g"] })
  })
})

const backlog = Law.make({
  theme,
  name: "the backlog counts what is not settled",
  statement: "The lag of a group is the number of stored events that it has not settled, by partition and in sum.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 2 })
    const bus = yield* lab.bus()
    let open = false
    const subscription = yield* bus.consume(topic, {
      group: "g",
      handle: (fact) => Effect.suspend(() => open || fact.payload.n === 0 ? Effect.void : Effect.sleep("2 seconds"))
    })
    const lag = () => lab.await("the backlog is known", Effect.map(bus.admin.backlog(topic, "g"), (known) => known.lag))
    yield* expectEqual("lag of an empty topic", yield* lag(), 0)
    // One event of each of 10 aggregates is handled at once, the rest is held.
    yield* bus.acked(topic, facts(lab, 10, 40))
    yield* lab.handled("g", 10)
    yield* lab.pass(200)
    const known = yield* lab.await("the backlog is known", bus.admin.backlog(topic, "g"))
    yield* expectEqual("lag", known.lag, 30)
    yield* expectEqual("lag by partition", known.partitions.reduce((sum, partition) => sum + partition.lag, 0), 30)
    open = true
    yield* lab.handled("g", 40)
    yield* subscription.close
    yield* expectEqual("lag of a group that has caught up", yield* lag(), 0)
  })
})

const assignment = Law.make({
  theme,
  name: "a consumer knows what is assigned to it",
  statement:
    "Every partition is assigned to the only member of a group, and what it gets comes from there, under that epoch.",
  check: Effect.scoped(Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic({ partitions: 3 })
    const bus = yield* lab.bus()
    const published = sequence(lab, "a", 3).concat(sequence(lab, "b", 3), sequence(lab, "c", 3))
    yield* bus.acked(topic, published)
    const reader = yield* lab.await("a consumer opens", consumer(bus.broker, { topic, group: "g" }))
    const records = yield* lab.await("the records come", collect(reader, published.length))
    const assigned = yield* SubscriptionRef.get(reader.assignment)
    yield* expectEqual("assigned", assigned.map(({ partition }) => partition).toSorted(), [0, 1, 2])
    for (const { epoch, partition } of records) {
      yield* expectEqual(`epoch of ${partition}`, epoch, assigned.find((known) => known.partition === partition)?.epoch)
    }
    yield* reader.settle(records)
    yield* lab.await("the settlements are durable", reader.flush)
    const headers = records.flatMap((record) => record.headers.filter(([name]) => name === "X-Event-ID"))
    yield* expectEqual("records", sorted(headers.map(([, id]) => String(id))), sorted(eventIds(published)))
  }))
})

export const groups: ReadonlyArray<Law.Law> = [
  independent,
  competing,
  takeOver,
  handOver,
  bounded,
  subscriptionWindow,
  backlog,
  assignment
]
