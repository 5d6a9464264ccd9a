import * as Broker from "@effect-eventbus/core/Broker"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import { batch, bodyOf, consumerOptions, place, record, records, topicSpec } from "../fixtures/batch.ts"

/** A topic with a way to append to it. */
const open = Effect.fnUntraced(function*(topic: Broker.TopicSpec) {
  const broker = yield* Broker.Broker
  yield* broker.ensureTopic(topic, "createOnly")
  const { send } = yield* broker.producer
  let sent = 0
  const append = Effect.fnUntraced(function*(count: number, options?: Partial<Broker.OutboundRecord>) {
    const one = batch(topic, records(sent, count, options))
    sent += count
    yield* send([one])
    return yield* one.outcomes
  })
  return { broker, append }
})

const places = (all: ReadonlyArray<Broker.InboundRecord>): ReadonlyArray<string> => all.map(place)

const run = (options?: MemoryBroker.Options) => Effect.provide(MemoryBroker.layer(options))

const groups = Effect.flatMap(MemoryBroker.MemoryBroker, (memory) => memory.groups)

const counters = Effect.flatMap(MemoryBroker.MemoryBroker, (memory) => memory.counters)

describe("the memory broker's consumer", () => {
  it.effect("delivers in offset order, fair between partitions, and never the same twice while it is in hand", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { partitions: 2 })
      const { append, broker } = yield* open(topic)
      yield* append(6)
      yield* append(2, { partition: 1 })
      const consumer = yield* broker.consumer(consumerOptions(topic))
      assert.deepStrictEqual(places(yield* consumer.poll(4)), ["0/0 e0", "0/1 e1", "1/0 e6", "1/1 e7"])
      assert.deepStrictEqual(places(yield* consumer.poll(100)), ["0/2 e2", "0/3 e3", "0/4 e4", "0/5 e5"])
    }).pipe(run()))

  it.effect("poll waits for the next record", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const { append, broker } = yield* open(topic)
      const consumer = yield* broker.consumer(consumerOptions(topic))
      const waiting = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
      assert.isUndefined(waiting.pollUnsafe())
      yield* append(2)
      assert.deepStrictEqual(places(yield* Fiber.join(waiting)), ["0/0 e0", "0/1 e1"])
    }).pipe(run()))

  it.effect("an interrupted poll loses nothing", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const { append, broker } = yield* open(topic)
      const consumer = yield* broker.consumer(consumerOptions(topic))
      const waiting = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
      const appending = yield* Effect.forkChild(append(1), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* Fiber.join(appending)
      assert.deepStrictEqual(places(yield* consumer.poll(10)), ["0/0 e0"])
    }).pipe(run()))

  it.effect("delivers again after the ack wait, in offset order, before anything newer", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const { append, broker } = yield* open(topic)
      yield* append(4)
      const consumer = yield* broker.consumer(consumerOptions(topic, { ackWaitMillis: 1000, maxInFlight: 3 }))
      const first = yield* consumer.poll(10)
      assert.strictEqual(first.length, 3)
      yield* consumer.settle([first[1]!])
      const waiting = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
      assert.deepStrictEqual(places(yield* Fiber.join(waiting)), ["0/3 e3"])
      const again = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
      yield* TestClock.adjust(999)
      assert.isUndefined(again.pollUnsafe())
      yield* TestClock.adjust(1)
      const redelivered = yield* Fiber.join(again)
      assert.deepStrictEqual(places(redelivered), ["0/0 e0", "0/2 e2", "0/3 e3"])
      assert.deepStrictEqual(redelivered.map(({ attempt }) => attempt), [2, 2, 2])
      yield* consumer.settle(redelivered)
      assert.strictEqual((yield* broker.backlog(topic, "g")).lag, 0)
      assert.strictEqual((yield* counters).redelivered, 3)
    }).pipe(run()))

  it.effect("a heartbeat starts the ack wait again", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const { append, broker } = yield* open(topic)
      yield* append(2)
      const consumer = yield* broker.consumer(consumerOptions(topic, { ackWaitMillis: 1000 }))
      const first = yield* consumer.poll(10)
      yield* TestClock.adjust(900)
      yield* consumer.heartbeat([first[0]!])
      const again = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(places(yield* Fiber.join(again)), ["0/1 e1"])
      const more = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
      yield* TestClock.adjust(900)
      assert.deepStrictEqual(places(yield* Fiber.join(more)), ["0/0 e0"])
    }).pipe(run()))

  it.effect("a late settlement of an earlier attempt counts", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const { append, broker } = yield* open(topic)
      yield* append(1)
      const consumer = yield* broker.consumer(consumerOptions(topic, { ackWaitMillis: 1000 }))
      const first = yield* consumer.poll(10)
      yield* TestClock.adjust(1000)
      const second = yield* consumer.poll(10)
      yield* consumer.settle(first)
      yield* consumer.settle(second)
      assert.strictEqual((yield* broker.backlog(topic, "g")).lag, 0)
      assert.strictEqual((yield* counters).staleSettles, 0)
    }).pipe(run()))

  it.effect("holds no more than maxInFlight and maxInFlightBytes, but always one", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { partitions: 2 })
      const { append, broker } = yield* open(topic)
      yield* append(3, { size: 60 })
      yield* append(1, { size: 500, partition: 1 })
      const consumer = yield* broker.consumer(consumerOptions(topic, { maxInFlight: 2, maxInFlightBytes: 100 }))
      const first = yield* consumer.poll(10)
      assert.deepStrictEqual(places(first), ["0/0 e0"])
      const waiting = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
      yield* consumer.settle(first)
      const large = yield* Fiber.join(waiting)
      // Larger than the bound: it goes out alone.
      assert.deepStrictEqual(places(large), ["1/0 e3"])
      yield* consumer.settle(large)
      assert.deepStrictEqual(places(yield* consumer.poll(10)), ["0/1 e1"])
    }).pipe(run()))

  it.effect("commits out of order settlements only over closed gaps", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const { append, broker } = yield* open(topic)
      yield* append(4)
      const consumer = yield* broker.consumer(consumerOptions(topic))
      const [a, b, c] = yield* consumer.poll(10)
      yield* consumer.settle([c!, a!])
      const position = Effect.map(groups, ([group]) => group!.partitions[0]!)
      assert.deepInclude(yield* position, { committed: BigInt(1), settledAbove: 1, inFlight: 2 })
      assert.deepInclude(yield* broker.backlog(topic, "g"), { lag: 2 })
      yield* consumer.settle([b!, b!])
      yield* consumer.flush
      assert.deepInclude(yield* position, { committed: BigInt(3), settledAbove: 0, inFlight: 1 })
    }).pipe(run()))

  describe("the start position", () => {
    it.effect("counts for a group that has committed nothing, and is committed at once", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders", { partitions: 2 })
        const { append, broker } = yield* open(topic)
        yield* append(2)
        yield* TestClock.adjust(1000)
        yield* append(2)
        const start = Effect.fnUntraced(function*(group: string, from: Broker.StartPosition) {
          yield* Effect.scoped(broker.consumer(consumerOptions(topic, { group, from })))
          return (yield* broker.backlog(topic, group)).partitions.map(({ committed }) => Number(committed))
        })
        assert.deepStrictEqual(yield* start("a", "earliest"), [0, 0])
        assert.deepStrictEqual(yield* start("b", "latest"), [4, 0])
        assert.deepStrictEqual(yield* start("c", { time: new Date(1) }), [2, 0])
        assert.deepStrictEqual(yield* start("d", { time: new Date(1001) }), [4, 0])
        assert.deepStrictEqual(yield* start("e", { offset: BigInt(0) }), [0, 0])
        // It does not move a group that exists.
        assert.deepStrictEqual(yield* start("a", "latest"), [0, 0])
        yield* append(1)
        const late = yield* broker.consumer(consumerOptions(topic, { group: "b", from: "earliest" }))
        assert.deepStrictEqual(places(yield* late.poll(10)), ["0/4 e4"])
      }).pipe(run()))

    it.effect("an offset out of range is an error, and makes no group", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders", { retention: { count: 2 } })
        const { append, broker } = yield* open(topic)
        yield* append(4)
        for (const offset of [-1, 1, 5]) {
          const error = yield* Effect.flip(
            broker.consumer(consumerOptions(topic, { from: { offset: BigInt(offset) } }))
          )
          assert.isFalse(error.isRetryable)
          assert.include(error.message, "out of range")
        }
        assert.deepStrictEqual(yield* groups, [])
        for (const offset of [2, 3, 4]) {
          yield* broker.consumer(consumerOptions(topic, { group: `g${offset}`, from: { offset: BigInt(offset) } }))
        }
      }).pipe(run()))
  })

  describe("seek", () => {
    it.effect("moves the group, under a new epoch: older settlements do nothing", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders")
        const { append, broker } = yield* open(topic)
        yield* append(3)
        const consumer = yield* broker.consumer(consumerOptions(topic))
        const before = yield* consumer.poll(10)
        yield* consumer.settle([before[0]!])
        yield* consumer.seek("earliest")
        yield* consumer.settle([before[1]!])
        assert.strictEqual((yield* counters).staleSettles, 1)
        const after = yield* consumer.poll(10)
        assert.deepStrictEqual(places(after), ["0/0 e0", "0/1 e1", "0/2 e2"])
        assert.deepStrictEqual(after.map(({ attempt, epoch }) => [attempt, epoch]), [[1, 2], [1, 2], [1, 2]])
        assert.deepStrictEqual(yield* SubscriptionRef.get(consumer.assignment), [{ partition: 0, epoch: 2 }])
        yield* consumer.seek({ offset: BigInt(2) })
        assert.deepStrictEqual(places(yield* consumer.poll(10)), ["0/2 e2"])
      }).pipe(run()))

    it.effect("wakes a poll, and refuses an offset out of range without moving anything", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders", { partitions: 2 })
        const { append, broker } = yield* open(topic)
        yield* append(2)
        const consumer = yield* broker.consumer(consumerOptions(topic, { from: "latest" }))
        const waiting = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
        const error = yield* Effect.flip(consumer.seek({ offset: BigInt(1) }))
        assert.include(error.message, "partition 1")
        assert.isUndefined(waiting.pollUnsafe())
        yield* consumer.seek("earliest")
        assert.deepStrictEqual(places(yield* Fiber.join(waiting)), ["0/0 e0", "0/1 e1"])
      }).pipe(run()))
  })

  it.effect("goes on at the earliest record when retention has overtaken it, and the loss is counted", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { retention: { count: 3 } })
      const { append, broker } = yield* open(topic)
      yield* append(2)
      const consumer = yield* broker.consumer(consumerOptions(topic, { ackWaitMillis: 1000 }))
      const first = yield* consumer.poll(1)
      yield* append(5)
      assert.deepInclude(yield* broker.backlog(topic, "g"), { lag: 3 })
      assert.deepStrictEqual(places(yield* consumer.poll(10)), ["0/4 e4", "0/5 e5", "0/6 e6"])
      yield* consumer.settle(first)
      const { skipped, staleSettles } = yield* counters
      assert.deepStrictEqual([skipped, staleSettles], [4, 0])
    }).pipe(run()))

  it.effect("retention by age is seen by readers, without anything being appended", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders", { retention: { ageMillis: 1000 } })
      const { append, broker } = yield* open(topic)
      yield* append(1)
      yield* TestClock.adjust(600)
      yield* append(1)
      yield* TestClock.adjust(400)
      const consumer = yield* broker.consumer(consumerOptions(topic))
      assert.deepStrictEqual(places(yield* consumer.poll(10)), ["0/1 e1"])
      // What was gone before the group began is no loss.
      assert.strictEqual((yield* counters).skipped, 0)
    }).pipe(run()))

  describe("groups", () => {
    const joined = Effect.fnUntraced(function*(topic: Broker.TopicSpec, options?: Partial<Broker.ConsumerOptions>) {
      const broker = yield* Broker.Broker
      const scope = yield* Scope.make()
      const consumer = yield* Scope.provide(broker.consumer(consumerOptions(topic, options)), scope)
      return { ...consumer, leave: Scope.close(scope, Exit.void) }
    })

    const partitions = (consumer: Broker.Consumer) =>
      Effect.map(SubscriptionRef.get(consumer.assignment), (all) => all.map(({ partition }) => partition))

    it.effect("each has its own positions", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders")
        const { append } = yield* open(topic)
        yield* append(1)
        const [a, b] = [yield* joined(topic, { group: "a" }), yield* joined(topic, { group: "b" })]
        assert.deepStrictEqual(places(yield* a.poll(10)), ["0/0 e0"])
        assert.deepStrictEqual(places(yield* b.poll(10)), ["0/0 e0"])
      }).pipe(run()))

    it.effect("a join takes over when the old owner has released", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders", { partitions: 2 })
        const { append } = yield* open(topic)
        const a = yield* joined(topic)
        const asked = yield* Effect.forkChild(Stream.runHead(a.revocations), { startImmediately: true })
        yield* append(2)
        yield* append(2, { partition: 1 })
        const inHand = yield* a.poll(10)
        const b = yield* joined(topic)
        const waiting = yield* Effect.forkChild(b.poll(10), { startImmediately: true })
        const revocation = yield* Effect.flatMap(Fiber.join(asked), Effect.fromOption)
        assert.deepInclude(revocation, { partition: 1, epoch: 1, deadlineMillis: 4000 })
        assert.deepStrictEqual(yield* partitions(b), [])
        // What runs may end and be settled; the rest goes to the new owner.
        yield* a.settle(inHand.filter(({ offset, partition }) => partition === 1 && offset === BigInt(0)))
        yield* append(1, { partition: 1 })
        assert.isUndefined(waiting.pollUnsafe())
        yield* revocation.released
        yield* revocation.released
        const taken = yield* Fiber.join(waiting)
        assert.deepStrictEqual(places(taken), ["1/1 e3", "1/2 e4"])
        assert.deepStrictEqual(taken.map(({ attempt, epoch }) => [attempt, epoch]), [[2, 2], [1, 2]])
        assert.deepStrictEqual([yield* partitions(a), yield* partitions(b)], [[0], [1]])
        yield* a.settle(inHand.filter(({ partition }) => partition === 1))
        assert.strictEqual((yield* counters).staleSettles, 2)
      }).pipe(run()))

    it.effect("the deadline takes over from an owner that does not release", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders", { partitions: 2 })
        const { append } = yield* open(topic)
        yield* append(1, { partition: 1 })
        const a = yield* joined(topic)
        yield* a.poll(10)
        const b = yield* joined(topic)
        const waiting = yield* Effect.forkChild(b.poll(10), { startImmediately: true })
        yield* TestClock.adjust(1999)
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(places(yield* Fiber.join(waiting)), ["1/0 e0"])
        assert.strictEqual((yield* counters).handoverTimeouts, 1)
      }).pipe(run({ handoverTimeout: "2 seconds" })))

    it.effect("a revocation that is heard of late leaves only the rest of its time", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders", { partitions: 2 })
        yield* open(topic)
        const a = yield* joined(topic)
        yield* joined(topic)
        yield* TestClock.adjust("1 second")
        const revocation = yield* Effect.flatMap(Stream.runHead(a.revocations), Effect.fromOption)
        assert.strictEqual(revocation.deadlineMillis, 3000)
      }).pipe(run()))

    it.effect("a member that leaves hands over at once, with its attempts", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders", { partitions: 2 })
        const { append } = yield* open(topic)
        const a = yield* joined(topic)
        const b = yield* joined(topic)
        yield* append(2)
        const inHand = yield* a.poll(10)
        yield* a.settle([inHand[1]!])
        yield* a.leave
        const taken = yield* b.poll(10)
        assert.deepStrictEqual(places(taken), ["0/0 e0"])
        assert.deepStrictEqual(taken.map(({ attempt }) => attempt), [2])
        assert.deepStrictEqual(yield* partitions(b), [0, 1])
        const error = yield* Effect.flip(a.poll(1))
        assert.strictEqual(error.reason._tag, "ConnectionLost")
      }).pipe(run()))

    it.effect("one that is not asked for anything hears nothing, and its revocations end with it", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders")
        yield* open(topic)
        const a = yield* joined(topic)
        const all = yield* Effect.forkChild(Stream.runCollect(a.revocations), { startImmediately: true })
        yield* a.leave
        assert.deepStrictEqual(yield* Fiber.join(all), [])
      }).pipe(run()))

    it.effect("subscribers of the assignment see every change", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders", { partitions: 2 })
        yield* open(topic)
        const a = yield* joined(topic)
        const seen: Array<string> = []
        yield* SubscriptionRef.changes(a.assignment).pipe(
          Stream.runForEach((all) =>
            Effect.sync(() => seen.push(all.map(({ epoch, partition }) => `${partition}@${epoch}`).join(" ")))
          ),
          Effect.forkChild({ startImmediately: true })
        )
        const b = yield* joined(topic)
        yield* Stream.runForEach(Stream.take(a.revocations, 1), ({ released }) => released)
        yield* b.leave
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(seen, ["0@1 1@1", "0@1", "0@1 1@3"])
      }).pipe(run()))

    it.effect("a poll that waits when its consumer is closed fails", () =>
      Effect.gen(function*() {
        const topic = topicSpec("orders")
        yield* open(topic)
        const a = yield* joined(topic)
        const waiting = yield* Effect.forkChild(Effect.flip(a.poll(1)), { startImmediately: true })
        yield* a.leave
        assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "ConnectionLost")
      }).pipe(run()))
  })

  it.effect("refuses a bad group name and a missing topic", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const broker = yield* Broker.Broker
      assert.strictEqual((yield* Effect.flip(broker.consumer(consumerOptions(topic)))).reason._tag, "TopicMissing")
      yield* broker.ensureTopic(topic, "createOnly")
      for (const group of ["", "a b", "a.b", "x".repeat(101)]) {
        const error = yield* Effect.flip(broker.consumer(consumerOptions(topic, { group })))
        assert.strictEqual(error.reason._tag, "GroupConflict")
      }
    }).pipe(run()))

  it.effect("headers, keys and bodies arrive as they were sent", () =>
    Effect.gen(function*() {
      const topic = topicSpec("orders")
      const { broker } = yield* open(topic)
      const { send } = yield* broker.producer
      const headers = [["X-A", "1"], ["x-a", new Uint8Array([255])]] as const
      const sent = record("a", { key: "customer-1", headers, body: new Uint8Array([0, 1, 255]) })
      yield* TestClock.adjust(1234)
      yield* send([batch(topic, [sent])])
      const consumer = yield* broker.consumer(consumerOptions(topic))
      const [got] = yield* consumer.poll(1)
      assert.deepStrictEqual(got, {
        topic: "orders",
        partition: 0,
        offset: BigInt(0),
        epoch: 1,
        attempt: 1,
        timestamp: 1234,
        key: "customer-1",
        headers,
        body: sent.body
      })
      assert.strictEqual(bodyOf({ body: sent.body.subarray(0, 2) }), "\0\u0001")
    }).pipe(run()))
})
