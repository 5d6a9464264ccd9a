import type { Assignment, InboundRecord } from "@effect-eventbus/core/Broker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FiberSet, Stream, SubscriptionRef } from "effect"
import { makeCounters } from "../src/internal/counters.ts"
import type { Admin, FetchedPartition, FetchRequest, Membership, Offsets } from "../src/internal/engine.ts"
import { Member } from "../src/internal/member.ts"
import { consumerOptions, topicSpec } from "./fixtures/spi.ts"

const never = (): never => {
  throw new Error("nobody should ask for this")
}

interface Asked {
  readonly request: FetchRequest
  readonly answer: (fetched: ReadonlyArray<FetchedPartition>) => void
}

/** A member whose group, leaders and records are the test's. */
const makeMember = Effect.fnUntraced(function*(leaders: Map<number, number>, maxInFlight = 1024) {
  const committed = new Map<number, bigint>([...leaders.keys()].map((partition) => [partition, 0n]))
  const asked: Array<Asked> = []
  const commits: Array<Offsets> = []
  const admin: Admin = {
    ping: never,
    maxMessageBytes: never,
    describe: never,
    create: never,
    alter: never,
    grow: never,
    offsets: never,
    committed: () => Promise.resolve(new Map(committed)),
    commit: never,
    timestampAt: never,
    close: never
  }
  const membership: Membership = {
    join: never,
    expired: () => false,
    active: () => true,
    leaders: () => Promise.resolve(new Map(leaders)),
    fetch: (request) => new Promise((answer) => asked.push({ request, answer })),
    commit: (offsets) => {
      commits.push(offsets)
      for (const [partition, offset] of offsets) committed.set(partition, offset)
      return Promise.resolve()
    },
    close: () => Promise.resolve()
  }
  const assignment = yield* SubscriptionRef.make<ReadonlyArray<Assignment>>([])
  const background = yield* FiberSet.make<void>()
  const fork = yield* FiberSet.runtime(background)<never>()
  const member = new Member({
    options: consumerOptions(topicSpec({ partitions: leaders.size }), { maxInFlight }),
    settings: {
      groupProtocol: "classic",
      instanceId: undefined,
      sessionTimeoutMillis: 6000,
      rebalanceTimeoutMillis: 6000,
      heartbeatIntervalMillis: 200,
      handoverTimeoutMillis: 1000,
      commitIntervalMillis: 10,
      readCommitted: true,
      maxBytes: 1_000_000,
      maxBytesPerPartition: 1_000_000,
      maxWaitMillis: 500
    },
    admin,
    counters: makeCounters(),
    assignment,
    fork: (effect) => {
      if (!member.closed) fork(effect)
    },
    run: Effect.runPromise,
    now: () => Date.now()
  })
  member.membership = membership
  yield* Effect.addFinalizer(() => Effect.sync(() => member.close()))
  const until = (ready: () => boolean) =>
    Effect.gen(function*() {
      for (let i = 0; i < 500 && !ready(); i++) yield* Effect.sleep(2)
      assert.isTrue(ready(), "it did not come to that")
    })
  return { member, asked, commits, assignment, until }
})

const fetched = (partition: number, from: number, to: number): FetchedPartition => ({
  partition,
  failure: undefined,
  next: BigInt(to + 1),
  records: Array.from({ length: to - from + 1 }, (_, i) => ({
    offset: BigInt(from + i),
    timestamp: 0,
    key: "k",
    headers: [],
    body: new Uint8Array(0),
    size: 1
  }))
})

const offsetsOf = (records: ReadonlyArray<InboundRecord>) => records.map(({ offset }) => Number(offset))

describe("a member", () => {
  it.live("a late answer of the former leader is no news: nothing is delivered twice, the commit goes on", () =>
    Effect.gen(function*() {
      const leaders = new Map([[0, 1]])
      const { asked, member, until } = yield* makeMember(leaders)
      member.assign([0])
      yield* until(() => asked.length === 1)
      leaders.set(0, 2)
      yield* member.fetcher.refreshLeaders
      yield* until(() => asked.length === 2)
      assert.deepStrictEqual(asked.map(({ request }) => request.node), [1, 2])
      asked[1]!.answer([fetched(0, 0, 19)])
      yield* until(() => asked.length === 3)
      asked[0]!.answer([fetched(0, 0, 9)])
      yield* Effect.sleep(20)
      const taken = member.take(100)
      assert.deepStrictEqual(offsetsOf(taken), Array.from({ length: 20 }, (_, i) => i))
      member.settle(taken)
      assert.strictEqual(member.holdings.get(0)?.frontier.committable, 20n)
      assert.strictEqual(member.holdings.get(0)?.held, 0)
    }))

  it.live("core hears of a revocation that was over before it listened", () =>
    Effect.gen(function*() {
      const { asked, member, until } = yield* makeMember(new Map([[0, 1], [1, 1]]))
      member.assign([0, 1])
      yield* until(() => asked.length === 1)
      yield* Effect.promise(() => member.revoke(true))
      assert.deepStrictEqual(member.holdings.all(), [])
      const heard = yield* Effect.forkChild(Stream.runCollect(Stream.take(member.revocations.stream, 2)))
      assert.deepStrictEqual((yield* Fiber.join(heard)).map(({ partition }) => partition), [0, 1])
    }))

  it.live("what is settled during the hand-over is committed with it; what is settled after it is not", () =>
    Effect.gen(function*() {
      const { asked, commits, member, until } = yield* makeMember(new Map([[0, 1]]))
      member.assign([0])
      yield* until(() => asked.length === 1)
      asked[0]!.answer([fetched(0, 0, 9)])
      yield* until(() => member.ready())
      const taken = member.take(10)
      const leaving = member.revoke(false)
      assert.strictEqual(member.take(10).length, 0)
      member.settle(taken.slice(0, 4))
      yield* Effect.promise(() => leaving)
      assert.deepStrictEqual(commits.map((one) => one.get(0)), [4n])
      member.settle(taken.slice(4))
      yield* member.commits.once
      assert.deepStrictEqual(commits.map((one) => one.get(0)), [4n])
      member.assign([0])
      yield* until(() => member.holdings.get(0)?.released === false)
      // What was asked for under the old assignment comes now, and is not for this one.
      asked[1]!.answer([fetched(0, 10, 12)])
      yield* until(() => asked.length === 3)
      assert.deepStrictEqual(asked[2]!.request.partitions, [{ partition: 0, offset: 4n }])
    }))

  it.live("behind a record that takes for ever its partition stalls at maxInFlight, the others go on", () =>
    Effect.gen(function*() {
      const { asked, member, until } = yield* makeMember(new Map([[0, 1], [1, 2]]), 10)
      member.assign([0, 1])
      yield* until(() => asked.length === 2)
      for (const { answer, request } of asked.slice(0, 2)) answer([fetched(request.partitions[0]!.partition, 0, 99)])
      yield* until(() => member.holdings.all().every(({ buffered }) => buffered > 0))
      const taken: Array<InboundRecord> = []
      for (let i = 0; i < 100; i++) {
        const records = member.take(10)
        taken.push(...records)
        member.settle(records.filter(({ offset, partition }) => partition === 1 || offset > 0n))
      }
      const of = (wanted: number) => taken.filter(({ partition }) => partition === wanted)
      assert.strictEqual(of(0).length, 10)
      assert.strictEqual(of(1).length, 100)
      member.settle(of(0).slice(0, 1))
      assert.strictEqual(offsetsOf(member.take(10))[0], 10)
    }))
})
