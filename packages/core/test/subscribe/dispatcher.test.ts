import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Schedule, Stream, SubscriptionRef } from "effect"
import type * as Broker from "../../src/Broker.ts"
import { Dispatcher } from "../../src/internal/subscribe/dispatcher.ts"
import { Source } from "../../src/internal/subscribe/source.ts"
import { Orders, settle } from "../fixtures/subscribing.ts"

const encoder = new TextEncoder()

/** A record whose body is the name of its aggregate. */
const record = (offset: number, key: string, fields?: Partial<Broker.InboundRecord>): Broker.InboundRecord => ({
  topic: "orders",
  partition: 0,
  offset: BigInt(offset),
  epoch: 1,
  attempt: 1,
  timestamp: 0,
  key,
  headers: [],
  body: encoder.encode(key),
  ...fields
})

/** A driver that hands out whatever it has, whatever it is asked for, and takes what it is given. */
const makeConsumer = Effect.gen(function*() {
  const backlog: Array<Broker.InboundRecord> = []
  const polls: Array<number> = []
  const settled: Array<Broker.InboundRecord> = []
  const assignment = yield* SubscriptionRef.make<ReadonlyArray<Broker.Assignment>>([])
  const consumer: Broker.Consumer = {
    poll: (max) =>
      Effect.suspend(() => {
        polls.push(max)
        return backlog.length === 0 ? Effect.never : Effect.succeed(backlog.splice(0, Math.max(1, max)))
      }),
    settle: (records) => Effect.sync(() => settled.push(...records)),
    flush: Effect.void,
    heartbeat: () => Effect.void,
    assignment,
    revocations: Stream.never,
    seek: () => Effect.void
  }
  return { backlog, polls, settled, consumer }
})

interface Named {
  readonly eventId: string
  readonly aggregateId: string
}

const make = Effect.fnUntraced(function*(options?: Partial<Broker.ConsumerOptions>) {
  const driver = yield* makeConsumer
  const source = new Source<Named>(driver.consumer, {
    topic: Orders,
    group: "g",
    from: "earliest",
    maxInFlight: 10,
    maxInFlightBytes: 1000,
    ackWaitMillis: 1000,
    ...options
  })
  const dispatcher = new Dispatcher<Named>({
    topic: "orders",
    clock: yield* Clock.Clock,
    policy: {
      retry: Schedule.recurs(0),
      onExhausted: "drop",
      onUnknown: "drop",
      handlerTimeoutMillis: undefined
    },
    dedup: undefined,
    read: ({ key, offset }) => ({
      key: key ?? "",
      envelope: { eventId: String(offset), aggregateId: key ?? "" },
      refusal: undefined
    }),
    dedupId: (_, { eventId }) => eventId,
    storeDeadLetter: () => Effect.void,
    fork: () => {},
    onHalt: () => {}
  })
  dispatcher.sources.push(source)
  yield* Effect.forkScoped(source.settler, { startImmediately: true })
  return { ...driver, dispatcher, source }
})

describe("what is delivered again while it is held", () => {
  it.effect("is the same delivery: handled once, settled as the newest", () =>
    Effect.gen(function*() {
      const { dispatcher, settled, source } = yield* make()
      const [first, waiting, again] = [record(0, "a"), record(1, "a"), record(0, "a", { attempt: 2 })]
      dispatcher.arrive(source, [first, waiting])
      const held = dispatcher.take()
      dispatcher.arrive(source, [again, record(1, "a", { attempt: 2 })])
      assert.strictEqual(source.inFlight, 2)
      assert.isUndefined(dispatcher.take())
      assert.isDefined(held)
      dispatcher.succeeded(held)
      // Done, and not handed over yet
      dispatcher.arrive(source, [record(0, "a", { attempt: 3 })])
      yield* settle
      assert.deepStrictEqual(settled.map(({ attempt, offset }) => [offset, attempt]), [[0n, 3]])
      assert.strictEqual(dispatcher.take()?.record.attempt, 2)
      assert.strictEqual(dispatcher.counters.received, 2)
    }))

  it.effect("under a new assignment it is another delivery, behind the one that still runs", () =>
    Effect.gen(function*() {
      const { dispatcher, source } = yield* make()
      dispatcher.arrive(source, [record(0, "a"), record(1, "a"), record(2, "b")])
      const old = dispatcher.take()
      dispatcher.arrive(source, [record(0, "a", { epoch: 2, attempt: 2 })])
      // What waited under the old one is given up, and what comes late of it is not taken in.
      dispatcher.arrive(source, [record(2, "b", { attempt: 2 })])
      assert.isUndefined(dispatcher.take())
      assert.strictEqual(source.inFlight, 2)
      assert.isDefined(old)
      dispatcher.succeeded(old)
      const next = dispatcher.take()
      assert.deepStrictEqual([next?.record.offset, next?.record.epoch], [0n, 2])
      assert.strictEqual(dispatcher.counters.fenced, 3)
    }))
})

describe("the poller", () => {
  it.effect("asks for no more than there is room for, and not while there is none", () =>
    Effect.gen(function*() {
      const { backlog, dispatcher, polls, settled, source } = yield* make()
      for (let n = 0; n < 30; n++) backlog.push(record(n, `o${n}`))
      yield* Effect.forkScoped(source.poller((records) => dispatcher.arrive(source, records)), {
        startImmediately: true
      })
      yield* settle
      assert.deepStrictEqual(polls, [10])
      const held = [dispatcher.take(), dispatcher.take(), dispatcher.take()]
      for (const one of held) if (one !== undefined) dispatcher.succeeded(one)
      // Handled is not settled: there is room when the settlement was handed over.
      assert.deepStrictEqual(polls, [10])
      yield* settle
      assert.strictEqual(settled.length, 3)
      assert.deepStrictEqual(polls, [10, 3])
      assert.strictEqual(source.inFlight, 10)
    }))

  it.effect("does not poll while the bytes are used up", () =>
    Effect.gen(function*() {
      const { backlog, dispatcher, polls, source } = yield* make({ maxInFlightBytes: 8 })
      backlog.push(record(0, "12345678"))
      yield* Effect.forkScoped(source.poller((records) => dispatcher.arrive(source, records)), {
        startImmediately: true
      })
      yield* settle
      assert.strictEqual(polls.length, 1)
      const held = dispatcher.take()
      if (held !== undefined) dispatcher.succeeded(held)
      yield* settle
      assert.strictEqual(polls.length, 2)
    }))
})
