import * as Broker from "@effect-eventbus/core/Broker"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import { NotConnected } from "@effect-eventbus/core/PublishError"
import * as Faults from "@effect-eventbus/core/testing/Faults"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Fiber, Layer, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import { batch, brief, consumerOptions, place, record, records, topicSpec } from "./fixtures/batch.ts"

const run = (options?: MemoryBroker.Options) =>
  Effect.provide(Layer.provideMerge(MemoryBroker.layer(options), Faults.layer))

const topic = topicSpec("orders", { partitions: 2 })

const setup = Effect.gen(function*() {
  const faults = yield* Faults.Faults
  const broker = yield* Broker.Broker
  const memory = yield* MemoryBroker.MemoryBroker
  yield* broker.ensureTopic(topic, "createOnly")
  const { send } = yield* broker.producer
  return {
    faults,
    broker,
    memory,
    send,
    stored: Effect.map(memory.records("orders"), (all) => all.map(({ eventId }) => eventId))
  }
})

describe("Faults", () => {
  it.effect("without an armed fault nothing happens, and a test that expects one fails", () =>
    Effect.gen(function*() {
      const { faults, memory, send } = yield* setup
      assert.strictEqual(memory.faults, faults.injector)
      const one = batch(topic, records(0, 2))
      yield* send([one])
      assert.deepStrictEqual((yield* one.outcomes).map(brief), ["stored 0", "stored 1"])
      const exit = yield* Effect.exit(faults.expectInjected())
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }).pipe(run()))

  it.effect("rejectNext: the lane has a gap from there on", () =>
    Effect.gen(function*() {
      const { faults, send, stored } = yield* setup
      yield* faults.rejectNext({ skip: 1 })
      const [first, second] = [batch(topic, records(0, 3)), batch(topic, records(3, 1))]
      yield* send([first, second])
      assert.deepStrictEqual((yield* first.outcomes).map(brief), [
        "stored 0",
        "not stored: BrokerFailure",
        "not stored: BrokerFailure"
      ])
      assert.deepStrictEqual((yield* second.outcomes).map(brief), ["not stored: BrokerFailure"])
      assert.deepStrictEqual(yield* stored, ["e0"])
      assert.strictEqual(yield* faults.armed, 0)
      yield* faults.expectInjected("reject")
    }).pipe(run()))

  it.effect("rejectNext: which records, how often, and why", () =>
    Effect.gen(function*() {
      const { faults, send } = yield* setup
      const reason = new NotConnected({ message: "so it is" })
      yield* faults.rejectNext({ where: ({ eventId }) => eventId === "e1", count: 2, reason })
      const attempt = Effect.fnUntraced(function*(epoch: number) {
        const one = batch(topic, records(0, 2), { epoch })
        yield* send([one])
        return (yield* one.outcomes).map(brief)
      })
      assert.deepStrictEqual(yield* attempt(0), ["stored 0", "not stored: NotConnected"])
      assert.deepStrictEqual(yield* attempt(1), ["duplicate 0", "not stored: NotConnected"])
      assert.deepStrictEqual(yield* attempt(2), ["duplicate 0", "stored 1"])
      assert.strictEqual((yield* faults.injected).reject, 2)
    }).pipe(run()))

  it.effect("dropAcks: stored, and unknown after the ack timeout; nothing behind it is held up", () =>
    Effect.gen(function*() {
      const { faults, send, stored } = yield* setup
      yield* faults.dropAcks(1)
      const [first, second] = [batch(topic, records(0, 2)), batch(topic, records(2, 1))]
      yield* send([first, second])
      yield* second.outcomes
      yield* TestClock.adjust(4999)
      assert.deepStrictEqual(first.answers.map((given) => given.map(brief)), [[], ["stored 1"]])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual((yield* first.outcomes).map(brief), ["ambiguous: Timeout", "stored 1"])
      assert.deepStrictEqual(yield* stored, ["e0", "e1", "e2"])
      const again = batch(topic, records(0, 1), { epoch: 1, resend: true })
      yield* send([again])
      assert.deepStrictEqual((yield* again.outcomes).map(brief), ["duplicate 0"])
    }).pipe(run()))

  it.effect("the ack timeout is an option", () =>
    Effect.gen(function*() {
      const { faults, send } = yield* setup
      yield* faults.dropAcks(1)
      const one = batch(topic, records(0, 1))
      yield* send([one])
      yield* TestClock.adjust(100)
      assert.deepStrictEqual((yield* one.outcomes).map(brief), ["ambiguous: Timeout"])
    }).pipe(run({ ackTimeout: 100 })))

  it.effect("delayAcks: stored now, answered later", () =>
    Effect.gen(function*() {
      const { faults, send, stored } = yield* setup
      yield* faults.delayAcks(1, "3 seconds")
      const one = batch(topic, records(0, 2))
      yield* send([one])
      yield* TestClock.adjust(2999)
      assert.deepStrictEqual(one.answers.map((given) => given.map(brief)), [[], ["stored 1"]])
      assert.deepStrictEqual(yield* stored, ["e0", "e1"])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual((yield* one.outcomes).map(brief), ["stored 0", "stored 1"])
    }).pipe(run()))

  it.effect("repeatAcks settles twice, storeTwice stores twice", () =>
    Effect.gen(function*() {
      const { faults, send, stored } = yield* setup
      yield* faults.repeatAcks(1)
      yield* faults.storeTwice(1)
      const one = batch(topic, records(0, 3))
      yield* send([one])
      yield* one.outcomes
      assert.deepStrictEqual(one.answers.map((given) => given.map(brief)), [
        ["stored 0", "stored 0"],
        ["stored 1"],
        ["stored 3"]
      ])
      assert.deepStrictEqual(yield* stored, ["e0", "e1", "e1", "e2"])
      yield* faults.expectInjected("repeatAck", "storeTwice")
    }).pipe(run()))

  it.effect("an all-or-nothing batch is hit as a whole", () =>
    Effect.gen(function*() {
      const { faults, send, stored } = yield* setup
      yield* faults.rejectNext({ skip: 1 })
      const rejected = batch(topic, records(0, 3), { atomic: true })
      yield* send([rejected])
      assert.deepStrictEqual((yield* rejected.outcomes).map(brief), Array(3).fill("not stored: BrokerFailure"))
      assert.deepStrictEqual(yield* stored, [])
      yield* faults.disconnectNext({ skip: 1, stored: 1, for: "1 second" })
      const cut = batch(topic, records(0, 3), { atomic: true, epoch: 1 })
      yield* send([cut])
      assert.deepStrictEqual((yield* cut.outcomes).map(brief), Array(3).fill("ambiguous: NotConnected"))
      assert.deepStrictEqual(yield* stored, ["e0", "e1", "e2"])
      yield* TestClock.adjust("1 second")
      yield* faults.disconnectNext({ skip: 1, for: "1 second" })
      const lost = batch(topic, records(3, 3), { atomic: true, epoch: 1 })
      yield* send([lost])
      assert.deepStrictEqual((yield* lost.outcomes).map(brief), Array(3).fill("ambiguous: NotConnected"))
      assert.strictEqual((yield* stored).length, 3)
    }).pipe(run()))

  describe("disconnect", () => {
    it.effect("leaves what is on its way unknown, with a prefix stored, and refuses what comes meanwhile", () =>
      Effect.gen(function*() {
        const { faults, send, stored } = yield* setup
        const [first, second] = [batch(topic, records(0, 3)), batch(topic, records(3, 2, { partition: 1 }))]
        yield* send([first, second])
        yield* faults.disconnect({ stored: 4 })
        assert.deepStrictEqual((yield* first.outcomes).map(brief), Array(3).fill("ambiguous: NotConnected"))
        assert.deepStrictEqual((yield* second.outcomes).map(brief), Array(2).fill("ambiguous: NotConnected"))
        assert.deepStrictEqual(yield* stored, ["e0", "e1", "e2", "e3"])
        const meanwhile = batch(topic, records(5, 1))
        yield* send([meanwhile])
        assert.deepStrictEqual(meanwhile.answers, [[]])
        assert.deepStrictEqual((yield* meanwhile.outcomes).map(brief), ["not stored: NotConnected"])
        yield* faults.reconnect
        // Lane 1 was not stored as a whole, and lane 0 had a batch that was refused: both need a new epoch.
        const [zero, one] = [batch(topic, records(6, 1)), batch(topic, records(7, 1, { partition: 1 }))]
        yield* send([zero, one])
        assert.deepStrictEqual((yield* zero.outcomes).map(brief), ["not stored: BrokerFailure"])
        assert.deepStrictEqual((yield* one.outcomes).map(brief), ["not stored: BrokerFailure"])
        const again = batch(topic, records(3, 2, { partition: 1 }), { epoch: 1 })
        yield* send([again])
        assert.deepStrictEqual((yield* again.outcomes).map(brief), ["duplicate 0", "stored 1"])
        assert.strictEqual((yield* faults.injected).disconnect, 1)
      }).pipe(run()))

    it.effect("a lane of which everything was stored has no gap", () =>
      Effect.gen(function*() {
        const { faults, send } = yield* setup
        const first = batch(topic, records(0, 2))
        yield* send([first])
        yield* faults.disconnect({ stored: 2 })
        yield* faults.reconnect
        const second = batch(topic, records(2, 1))
        yield* send([second])
        assert.deepStrictEqual((yield* second.outcomes).map(brief), ["stored 2"])
      }).pipe(run()))

    it.effect("what still arrives keeps the gap rule", () =>
      Effect.gen(function*() {
        const { faults, send, stored } = yield* setup
        const content = [record("a"), record("b", { size: 1001 }), record("c")]
        const first = batch(topic, content)
        yield* send([first])
        yield* faults.disconnect({ stored: 3 })
        assert.deepStrictEqual(yield* stored, ["a"])
        yield* faults.reconnect
        yield* faults.disconnectNext({ stored: 5, for: "1 second" })
        const second = batch(topic, content, { epoch: 1 })
        const third = batch(topic, [record("d")], { epoch: 1 })
        yield* send([second, third])
        yield* third.outcomes
        assert.deepStrictEqual(yield* stored, ["a"])
      }).pipe(run({ maxRecordBytes: 1000 })))

    it.effect("an answer that was given in time is not given again", () =>
      Effect.gen(function*() {
        const { faults, send } = yield* setup
        yield* faults.delayAcks(1, "1 second")
        const one = batch(topic, records(0, 1))
        yield* send([one])
        yield* TestClock.adjust("1 second")
        yield* faults.disconnect()
        assert.deepStrictEqual(one.answers.map((given) => given.map(brief)), [["stored 0"]])
      }).pipe(run()))

    it.effect("a delayed or dropped answer is lost with the connection, once", () =>
      Effect.gen(function*() {
        const { faults, send } = yield* setup
        yield* faults.delayAcks(1, "1 second")
        yield* faults.dropAcks(1)
        const one = batch(topic, records(0, 3))
        yield* send([one])
        yield* TestClock.adjust(1)
        yield* faults.disconnect()
        assert.deepStrictEqual((yield* one.outcomes).map(brief), [
          "ambiguous: NotConnected",
          "ambiguous: NotConnected",
          "stored 2"
        ])
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(one.answers.map((given) => given.length), [1, 1, 1])
      }).pipe(run()))

    it.effect("in the middle of a batch, at the nth record, for a while", () =>
      Effect.gen(function*() {
        const { broker, faults, send, stored } = yield* setup
        yield* faults.disconnectNext({ skip: 2, stored: 3, for: "2 seconds" })
        const [first, second, third] = [
          batch(topic, records(0, 4)),
          batch(topic, records(4, 2)),
          batch(topic, records(6, 1, { partition: 1 }))
        ]
        yield* send([first, second, third])
        assert.deepStrictEqual((yield* first.outcomes).map(brief), [
          "stored 0",
          "stored 1",
          "ambiguous: NotConnected",
          "ambiguous: NotConnected"
        ])
        assert.deepStrictEqual((yield* second.outcomes).map(brief), Array(2).fill("ambiguous: NotConnected"))
        assert.deepStrictEqual((yield* third.outcomes).map(brief), ["ambiguous: NotConnected"])
        assert.deepStrictEqual(yield* stored, ["e0", "e1", "e2", "e3", "e4"])
        assert.strictEqual((yield* SubscriptionRef.get(broker.status))._tag, "Disconnected")
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual((yield* SubscriptionRef.get(broker.status))._tag, "Connected")
        const again = batch(topic, records(2, 4), { epoch: 1 })
        yield* send([again])
        assert.deepStrictEqual((yield* again.outcomes).map(brief), [
          "duplicate 2",
          "duplicate 3",
          "duplicate 4",
          "stored 5"
        ])
      }).pipe(run()))

    it.effect("status tells, and requests fail meanwhile", () =>
      Effect.gen(function*() {
        const { broker, faults } = yield* setup
        const seen = yield* SubscriptionRef.changes(broker.status).pipe(
          Stream.take(3),
          Stream.runCollect,
          Effect.forkChild({ startImmediately: true })
        )
        yield* TestClock.adjust(77)
        yield* faults.disconnect({ reason: "a cable" })
        yield* faults.disconnect({ reason: "another cable" })
        assert.strictEqual((yield* Effect.flip(broker.health())).reason._tag, "NotConnected")
        assert.strictEqual((yield* Effect.flip(broker.describeTopic("orders"))).reason._tag, "NotConnected")
        assert.strictEqual((yield* Effect.flip(broker.backlog(topic, "g"))).reason._tag, "NotConnected")
        assert.strictEqual((yield* Effect.flip(broker.ensureTopic(topic, "createOnly"))).reason._tag, "NotConnected")
        assert.strictEqual((yield* broker.ensureTopic(topic, "skip")).action, "skipped")
        const { reason } = yield* Effect.flip(broker.consumer(consumerOptions(topic)))
        assert.strictEqual(reason._tag, "ConnectionLost")
        yield* faults.reconnect
        yield* faults.reconnect
        yield* broker.health()
        assert.deepStrictEqual(yield* Fiber.join(seen), [
          { _tag: "Connected" },
          { _tag: "Disconnected", since: 77, reason: "a cable" },
          { _tag: "Connected" }
        ])
      }).pipe(run()))

    it.effect("an outage that was ended early does not end the next one", () =>
      Effect.gen(function*() {
        const { broker, faults } = yield* setup
        const status = Effect.map(SubscriptionRef.get(broker.status), ({ _tag }) => _tag)
        yield* faults.disconnect({ for: "1 second" })
        yield* faults.reconnect
        yield* faults.disconnect({ for: "10 seconds" })
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(yield* status, "Disconnected")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* status, "Connected")
      }).pipe(run()))

    it.effect("consumers get nothing meanwhile, and what they settled counts when the connection is back", () =>
      Effect.gen(function*() {
        const cluster = yield* MemoryBroker.makeCluster()
        const faults = yield* Faults.make
        const healthy = yield* Layer.build(MemoryBroker.layerShared(cluster))
        const broken = yield* Layer.build(MemoryBroker.layerShared(cluster, { faults: faults.injector }))
        const broker = Context.get(broken, Broker.Broker)
        const append = Effect.fnUntraced(function*(from: number, count: number) {
          const { send } = yield* (yield* Broker.Broker).producer
          const one = batch(topic, records(from, count))
          yield* send([one])
          yield* one.outcomes
        }, Effect.provide(healthy))
        yield* broker.ensureTopic(topic, "createOnly")
        yield* append(0, 2)
        const consumer = yield* broker.consumer(consumerOptions(topic, { ackWaitMillis: 1000 }))
        const inHand = yield* consumer.poll(10)
        yield* faults.disconnect()
        const waiting = yield* Effect.forkChild(consumer.poll(10), { startImmediately: true })
        yield* append(2, 1)
        yield* consumer.settle([inHand[0]!])
        const flushing = yield* Effect.forkChild(consumer.flush, { startImmediately: true })
        // The ack wait goes on at the broker.
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual([waiting.pollUnsafe(), flushing.pollUnsafe()], [undefined, undefined])
        assert.strictEqual((yield* Effect.flip(consumer.seek("earliest"))).reason._tag, "ConnectionLost")
        yield* faults.reconnect
        yield* Fiber.join(flushing)
        assert.deepStrictEqual((yield* Fiber.join(waiting)).map(place), ["0/1 e1", "0/2 e2"])
      }))

    it.effect("a member hears of a revocation, and of what it has, when the connection is back", () =>
      Effect.gen(function*() {
        const cluster = yield* MemoryBroker.makeCluster()
        const faults = yield* Faults.make
        const healthy = yield* Layer.build(MemoryBroker.layerShared(cluster))
        const broken = yield* Layer.build(MemoryBroker.layerShared(cluster, { faults: faults.injector }))
        const join = Broker.Broker.use((broker) => broker.consumer(consumerOptions(topic)))
        yield* Broker.Broker.use((broker) => broker.ensureTopic(topic, "createOnly")).pipe(Effect.provide(healthy))
        const a = yield* Effect.provide(join, broken)
        yield* faults.disconnect()
        const asked = yield* Effect.forkChild(Stream.runHead(a.revocations), { startImmediately: true })
        const b = yield* Effect.provide(join, healthy)
        yield* TestClock.adjust("1 second")
        assert.isUndefined(asked.pollUnsafe())
        yield* faults.reconnect
        const { released } = yield* Effect.flatMap(Fiber.join(asked), Effect.fromOption)
        yield* faults.disconnect()
        yield* released
        assert.deepStrictEqual(yield* SubscriptionRef.get(b.assignment), [])
        yield* faults.reconnect
        assert.deepStrictEqual(yield* SubscriptionRef.get(b.assignment), [{ partition: 1, epoch: 2 }])
      }))

    it.effect("a partition that was taken away meanwhile is missed when the connection is back", () =>
      Effect.gen(function*() {
        const cluster = yield* MemoryBroker.makeCluster()
        const faults = yield* Faults.make
        const healthy = yield* Layer.build(MemoryBroker.layerShared(cluster))
        const broken = yield* Layer.build(MemoryBroker.layerShared(cluster, { faults: faults.injector }))
        const join = Broker.Broker.use((broker) => broker.consumer(consumerOptions(topic)))
        yield* Broker.Broker.use((broker) => broker.ensureTopic(topic, "createOnly")).pipe(Effect.provide(healthy))
        const a = yield* Effect.provide(join, broken)
        yield* faults.disconnect()
        const b = yield* Effect.provide(join, healthy)
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* SubscriptionRef.get(b.assignment), [{ partition: 1, epoch: 2 }])
        assert.strictEqual((yield* SubscriptionRef.get(a.assignment)).length, 2)
        yield* faults.reconnect
        assert.deepStrictEqual(yield* SubscriptionRef.get(a.assignment), [{ partition: 0, epoch: 1 }])
      }))
  })

  it.effect("plan: each step at its record, the next one if that is hit already", () =>
    Effect.gen(function*() {
      const { faults, send, stored } = yield* setup
      yield* faults.plan([
        { at: 1, fault: { _tag: "DropAck" } },
        { at: 1, fault: { _tag: "StoreTwice" } },
        { at: 3, fault: { _tag: "Reject", retryable: false } },
        { at: 100, fault: { _tag: "DropAck" } }
      ])
      const one = batch(topic, records(0, 5))
      yield* send([one])
      yield* TestClock.adjust("5 seconds")
      const outcomes = yield* one.outcomes
      assert.deepStrictEqual(outcomes.map(brief), [
        "stored 0",
        "ambiguous: Timeout",
        "stored 2",
        "not stored: BrokerFailure",
        "not stored: BrokerFailure"
      ])
      assert.deepStrictEqual(outcomes.slice(3).map((outcome) => "reason" in outcome && outcome.reason.isRetryable), [
        false,
        true
      ])
      assert.deepStrictEqual(yield* stored, ["e0", "e1", "e2", "e2"])
      assert.strictEqual(yield* faults.armed, 1)
      yield* faults.clear
      assert.strictEqual(yield* faults.armed, 0)
    }).pipe(run()))

  it.effect.prop(
    "whatever the plan does: one answer each, what was acknowledged is stored, what was refused is not, in order",
    { plan: Faults.arbitraryPlan({ maxAt: 60 }) },
    ({ plan }) =>
      Effect.gen(function*() {
        const { faults, memory, send } = yield* setup
        yield* faults.plan(plan)
        // Core's part in short: one lane, batches of 7, and back to the first that is not acknowledged.
        const all = records(0, 50)
        const given = new Map<string, ReadonlyArray<string>>()
        let open = all
        for (let epoch = 0; open.length > 0; epoch++) {
          assert.isBelow(epoch, 100)
          const batches = [0, 7, 14]
            .filter((at) => at < open.length)
            .map((at) => batch(topic, open.slice(at, at + 7), { epoch, resend: epoch > 0 }))
          yield* send(batches)
          const answering = yield* Effect.forkChild(Effect.forEach(batches, ({ outcomes }) => outcomes))
          yield* TestClock.adjust("10 seconds")
          yield* Fiber.join(answering)
          const there = new Set((yield* memory.records("orders")).map(({ eventId }) => eventId))
          for (const { answers, records: content } of batches) {
            content.forEach(({ eventId }, i) => {
              assert.strictEqual(answers[i]!.length, 1)
              const soFar = [...given.get(eventId) ?? [], answers[i]![0]!._tag]
              given.set(eventId, soFar)
              if (soFar.includes("Stored")) assert.isTrue(there.has(eventId))
              else if (!soFar.includes("Ambiguous")) assert.isFalse(there.has(eventId))
            })
          }
          open = open.filter(({ eventId }) => given.get(eventId)?.at(-1) !== "Stored")
        }
        const ids = (yield* memory.records("orders")).map(({ eventId }) => eventId)
        assert.deepStrictEqual(ids, all.map(({ eventId }) => eventId))
        const injected = Object.values(yield* faults.injected).reduce((sum, n) => sum + n, 0)
        assert.strictEqual(injected, plan.length - (yield* faults.armed))
      }).pipe(run()),
    { arbitrary: { runs: 100 } }
  )
})
