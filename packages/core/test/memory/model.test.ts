/**
 * Random lives of a consumer group against a small model of what a group promises.
 */
import * as Broker from "@effect-eventbus/core/Broker"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Clock, Effect, Exit, Fiber, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { batch, bodyOf, consumerOptions, record, topicSpec } from "../fixtures/batch.ts"

const partitions = 3
const ackWaitMillis = 100
const handoverTimeout = 50
const maxInFlight = 7
const maxInFlightBytes = 60

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Step = Schema.Union([
  Schema.TaggedStruct("Append", { partition: int(0, partitions - 1), count: int(1, 10), size: int(1, 70) }),
  Schema.TaggedStruct("Join", {}),
  Schema.TaggedStruct("Leave", { who: int(0, 9) }),
  // Several times, so that they are frequent.
  ...Array.from({ length: 4 }, () => Schema.TaggedStruct("Poll", { who: int(0, 9), max: int(1, 12) })),
  Schema.TaggedStruct("Settle", { who: int(0, 9), skip: int(0, 3), every: int(1, 3) }),
  Schema.TaggedStruct("Heartbeat", { who: int(0, 9), every: int(1, 3) }),
  Schema.TaggedStruct("Release", { who: int(0, 9) }),
  Schema.TaggedStruct("Wait", { millis: int(1, 60) }),
  Schema.TaggedStruct("Wait", { millis: int(1, 3) }),
  Schema.TaggedStruct("Seek", { who: int(0, 9) })
])

interface Member {
  readonly name: number
  readonly consumer: Broker.Consumer
  readonly revocations: Array<Broker.Revocation>
  readonly leave: Effect.Effect<void>
  /** Everything it was ever given and has not settled, stale or not. */
  received: ReadonlyArray<Broker.InboundRecord>
}

/** What a group owes for one record. */
interface Expected {
  readonly id: string
  readonly size: number
  attempts: number
  settled: boolean
  /** Who has it in hand, under which epoch, and since when. */
  holder: { readonly member: number; readonly epoch: number; touched: number } | undefined
}

const world = Effect.gen(function*() {
  const broker = yield* Broker.Broker
  const memory = yield* MemoryBroker.MemoryBroker
  const clock = yield* Clock.Clock
  const topic = topicSpec("orders", { partitions })
  yield* broker.ensureTopic(topic, "createOnly")
  const { send } = yield* broker.producer
  const log: ReadonlyArray<Array<Expected>> = Array.from({ length: partitions }, () => [])
  const epochs: ReadonlyArray<Array<{ readonly epoch: number; readonly member: number }>> = log.map(() => [])
  let members: ReadonlyArray<Member> = []
  let names = 0
  let ids = 0

  const now = () => clock.currentTimeMillisUnsafe()

  const shares = Effect.map(memory.groups, ([group]) => group?.partitions ?? [])

  const join = Effect.gen(function*() {
    const scope = yield* Scope.make()
    const consumer = yield* broker.consumer(
      consumerOptions(topic, { maxInFlight, maxInFlightBytes, ackWaitMillis })
    ).pipe(Scope.provide(scope))
    const revocations: Array<Broker.Revocation> = []
    yield* Stream.runForEach(consumer.revocations, (one) => Effect.sync(() => revocations.push(one))).pipe(
      Effect.forkIn(scope, { startImmediately: true })
    )
    members = [...members, {
      name: names++,
      consumer,
      revocations,
      leave: Scope.close(scope, Exit.void),
      received: []
    }]
  })

  /** What is no longer in anybody's hands: the ack wait has passed, or the assignment has ended. */
  const forgetEnded = Effect.gen(function*() {
    const current = yield* shares
    log.forEach((expected, partition) => {
      for (const one of expected) {
        const { holder } = one
        if (holder === undefined) continue
        if (now() - holder.touched >= ackWaitMillis || current[partition]!.epoch !== holder.epoch) {
          one.holder = undefined
        }
      }
    })
  })

  const inHand = ({ name }: Member) => log.flat().filter(({ holder }) => holder?.member === name)

  const bytesOf = (all: ReadonlyArray<Expected>) => all.reduce((sum, { size }) => sum + size, 0)

  /** The next record of each of its partitions has room in its hands. */
  const mustDeliver = (member: Member, current: Effect.Success<typeof shares>): boolean => {
    const held = inHand(member)
    const candidates = current.flatMap(({ handover, owner, partition }) => {
      if (handover || owner !== members.indexOf(member)) return []
      return log[partition]!.find(({ holder, settled }) => !settled && holder === undefined) ?? []
    })
    return candidates.length > 0 && held.length < maxInFlight
      && candidates.every(({ size }) => held.length === 0 || bytesOf(held) + size <= maxInFlightBytes)
  }

  const poll = Effect.fnUntraced(function*(member: Member, max: number) {
    yield* forgetEnded
    const polling = yield* Effect.forkChild(member.consumer.poll(max), { startImmediately: true })
    const exit = polling.pollUnsafe()
    if (exit === undefined) {
      yield* Fiber.interrupt(polling)
      assert.isFalse(mustDeliver(member, yield* shares), "there was something to deliver")
      return 0
    }
    const got = yield* exit
    assert.isAtMost(got.length, max)
    const current = yield* shares
    const last = new Map<number, bigint>()
    for (const inbound of got) {
      const { attempt, epoch, offset, partition } = inbound
      const expected = log[partition]!
      const one = expected[Number(offset)]!
      assert.strictEqual(bodyOf(inbound), one.id)
      assert.isFalse(one.settled, "a settled record was delivered")
      assert.isUndefined(one.holder, "a record was delivered that is in somebody's hands")
      assert.strictEqual(attempt, ++one.attempts)
      assert.deepInclude(current[partition], { epoch, owner: members.indexOf(member), handover: false })
      // In offset order, and none is passed over.
      assert.isTrue(offset > (last.get(partition) ?? BigInt(-1)))
      last.set(partition, offset)
      assert.isTrue(expected.slice(0, Number(offset)).every(({ holder, settled }) => settled || holder !== undefined))
      // One owner per epoch, and epochs only rise.
      const latest = epochs[partition]!.at(-1)
      if (latest?.epoch === epoch) assert.strictEqual(latest.member, member.name)
      else {
        assert.isTrue(latest === undefined || latest.epoch < epoch)
        epochs[partition]!.push({ epoch, member: member.name })
      }
      one.holder = { member: member.name, epoch, touched: now() }
    }
    const held = inHand(member)
    assert.isAtMost(held.length, maxInFlight)
    if (held.length > 1) assert.isAtMost(bytesOf(held), maxInFlightBytes)
    member.received = [...member.received, ...got]
    return got.length
  })

  const settle = Effect.fnUntraced(function*(member: Member, chosen: ReadonlyArray<Broker.InboundRecord>) {
    const before = yield* memory.counters
    const current = yield* shares
    const owner = members.indexOf(member)
    let stale = 0
    for (const { epoch, offset, partition } of chosen) {
      const share = current[partition]!
      if (share.epoch !== epoch || share.owner !== owner) {
        stale++
        continue
      }
      const one = log[partition]![Number(offset)]!
      one.settled = true
      one.holder = undefined
    }
    yield* member.consumer.settle(chosen)
    const after = yield* memory.counters
    assert.strictEqual(after.staleSettles - before.staleSettles, stale)
    member.received = member.received.filter((one) => !chosen.includes(one))
  })

  const check = Effect.gen(function*() {
    const current = yield* shares
    const backlog = yield* broker.backlog(topic, "g")
    current.forEach(({ committed }, partition) => {
      const expected = log[partition]!
      const gap = expected.findIndex(({ settled }) => !settled)
      assert.strictEqual(Number(committed), gap === -1 ? expected.length : gap)
      assert.strictEqual(
        backlog.partitions[partition]!.lag,
        expected.reduce((sum, { settled }) => settled ? sum : sum + 1, 0)
      )
    })
    if (members.length > 0) assert.isTrue(current.every(({ owner }) => owner !== undefined))
  })

  const run = Effect.fnUntraced(function*(step: typeof Step.Type) {
    const member = "who" in step && members.length > 0 ? members[step.who % members.length] : undefined
    switch (step._tag) {
      case "Append": {
        const content = Array.from(
          { length: step.count },
          () => record(`e${ids++}`, { partition: step.partition, size: step.size })
        )
        for (const { eventId, size } of content) {
          log[step.partition]!.push({ id: eventId, size, attempts: 0, settled: false, holder: undefined })
        }
        const one = batch(topic, content)
        yield* send([one])
        const outcomes = yield* one.outcomes
        assert.isTrue(outcomes.every(({ _tag }) => _tag === "Stored"))
        return
      }
      case "Join":
        return members.length < 5 ? yield* join : undefined
      case "Wait":
        return yield* TestClock.adjust(step.millis)
    }
    if (member === undefined) return
    switch (step._tag) {
      case "Leave":
        members = members.filter((other) => other !== member)
        return yield* member.leave
      case "Poll":
        return yield* poll(member, step.max)
      case "Settle":
        return yield* settle(member, member.received.slice(step.skip).filter((_, i) => i % step.every === 0))
      case "Heartbeat": {
        const chosen = member.received.filter((_, i) => i % step.every === 0)
        yield* forgetEnded
        for (const { epoch, offset, partition } of chosen) {
          const { holder } = log[partition]![Number(offset)]!
          if (holder?.epoch === epoch && holder.member === member.name) holder.touched = now()
        }
        return yield* member.consumer.heartbeat(chosen)
      }
      case "Release":
        return yield* member.revocations.shift()?.released ?? Effect.void
      case "Seek": {
        const owner = members.indexOf(member)
        const before = yield* shares
        yield* member.consumer.seek("earliest")
        before.forEach((share, partition) => {
          if (share.owner !== owner) return
          for (const one of log[partition]!) {
            one.settled = false
            one.holder = undefined
            one.attempts = 0
          }
        })
      }
    }
  })

  /** Lets everything come to its end: nothing is lost. */
  const drain = Effect.gen(function*() {
    if (members.length === 0) yield* join
    for (let rounds = 0; (yield* broker.backlog(topic, "g")).lag > 0; rounds++) {
      assert.isBelow(rounds, 1000)
      yield* TestClock.adjust(ackWaitMillis)
      for (const member of members) {
        yield* poll(member, 100)
        yield* settle(member, member.received)
      }
    }
    assert.isTrue(log.flat().every(({ settled }) => settled))
  })

  return { run, check, drain, delivered: () => log.flat().reduce((sum, { attempts }) => sum + attempts, 0) }
})

describe("a consumer group", () => {
  it.effect.prop(
    "loses nothing, skips nothing, has one owner per partition, keeps its bounds, and commits no gap",
    { script: Arbitrary.array(Arbitrary.schema(Step), { minLength: 40, maxLength: 150 }) },
    ({ script }) =>
      Effect.gen(function*() {
        const { check, drain, run } = yield* world
        yield* run({ _tag: "Join" })
        for (const step of script) {
          yield* run(step)
          yield* check
        }
        yield* drain
        yield* check
      }).pipe(Effect.provide(MemoryBroker.layer({ handoverTimeout })), Effect.scoped),
    { arbitrary: { runs: 200, size: 150 }, timeout: 60_000 }
  )
})
