import * as PublishError from "@effect-eventbus/core/PublishError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import { openScripted, settleDown } from "../fixtures/pipeline.ts"
import { stored } from "../fixtures/scriptedBroker.ts"

const small = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/**
 * One step of a life: somebody publishes; the driver answers for one of its batches in one of the ways that it may; a
 * waiting publisher is interrupted; time passes; a turn of the loop passes.
 */
const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("publish"), key: small(1), bytes: small(9), burst: small(4), turn: Schema.Boolean }),
  Schema.Struct({
    _tag: Schema.tag("answer"),
    which: small(5),
    // How many of its records are stored before the fault, and what the fault is.
    prefix: small(4),
    fault: Schema.Literals(["none", "notStored", "ambiguous", "ambiguousStored", "refused"]),
    turn: Schema.Boolean
  }),
  Schema.Struct({ _tag: Schema.tag("interrupt"), which: small(5) }),
  Schema.Struct({ _tag: Schema.tag("time"), millis: Schema.Literals([1, 10, 300, 5_000]) }),
  Schema.Struct({ _tag: Schema.tag("turn") })
])

const notConnected = new PublishError.NotConnected({ message: "cut" })
const timeout = new PublishError.Timeout({ millis: 1, message: "no answer" })
const refused = new PublishError.Refused({ kind: "conflict", message: "no" })

const live = (
  script: ReadonlyArray<typeof Step.Type>,
  policy: { readonly key: "partition" | "aggregate" | "topic" | "none"; readonly maxInFlight: number }
) =>
  Effect.gen(function*() {
    const maxPending = 12
    const maxPendingBytes = 80
    const scope = yield* Scope.make()
    const { entry, outcomes, pipeline, script: driver } = yield* Scope.provide(
      openScripted({
        options: { maxPending, maxPendingBytes, deliveryTimeoutMillis: 4_000 },
        policy: { ...policy, maxBatch: 2, burst: 2 },
        partitions: 2
      }),
      scope
    )
    const accepted: Array<{ readonly id: string; readonly key: string }> = []
    const waiting: Array<Fiber.Fiber<void, PublishError.Closed>> = []
    const log: Array<string> = []
    // The gap rule: an epoch of a lane in which something was not stored takes nothing more.
    const broken = new Map<string, number>()

    const check = () => {
      assert.isAtMost(pipeline.window.count, maxPending)
      assert.isAtMost(pipeline.window.bytes, maxPendingBytes)
      assert.isAtMost(pipeline.ledger.pending, pipeline.window.count)
      const settled = Array.from(outcomes.values())
      for (const results of settled) assert.strictEqual(results.length, 1)
      assert.strictEqual(pipeline.ledger.pending + settled.length, pipeline.counters.accepted)
    }
    const answer = (which: number, prefix: number, fault: string) => {
      const open = driver.batches
      const chosen = open[which % Math.max(open.length, 1)]
      if (chosen === undefined) return
      // Any lane, but within a lane what came first: the broker sees them in that order.
      const index = policy.key === "none" ? open.indexOf(chosen) : open.findIndex((batch) => batch.lane === chosen.lane)
      const batch = open[index]!
      open.splice(index, 1)
      const records = batch.records
      if (broken.get(batch.lane) === batch.epoch && policy.key !== "none") {
        batch.settleAll({ _tag: "NotStored", reason: notConnected })
        return
      }
      const good = fault === "none" ? records.length : Math.min(prefix, records.length)
      for (let i = 0; i < good; i++) {
        log.push(records[i]!.eventId)
        batch.settle(i, stored)
      }
      if (good === records.length) return
      broken.set(batch.lane, batch.epoch)
      switch (fault) {
        case "notStored":
          return batch.settleAll({ _tag: "NotStored", reason: notConnected }, good)
        case "ambiguous":
          return batch.settleAll({ _tag: "Ambiguous", reason: timeout }, good)
        case "ambiguousStored": {
          for (let i = good; i < records.length; i++) log.push(records[i]!.eventId)
          return batch.settleAll({ _tag: "Ambiguous", reason: timeout }, good)
        }
        case "refused":
          batch.settle(good, { _tag: "NotStored", reason: refused })
          return batch.settleAll({ _tag: "NotStored", reason: notConnected }, good + 1)
      }
    }
    let serial = 0
    const publish = Effect.fnUntraced(function*(key: string, bytes: number) {
      const made = entry(`e${serial++}`, key, bytes)
      if (pipeline.tryAdmit(made)) {
        accepted.push({ id: made.eventId, key: made.key })
        return
      }
      const note = Effect.sync(() => accepted.push({ id: made.eventId, key: made.key }))
      const admission = Effect.tap(pipeline.admit(made), () => note)
      waiting.push(yield* Effect.forkIn(admission, scope, { startImmediately: true }))
    })
    for (const step of script) {
      switch (step._tag) {
        case "publish": {
          for (let i = 0; i <= step.burst; i++) yield* publish(`key-${step.key}`, step.bytes + 1)
          if (step.turn) yield* settleDown
          break
        }
        case "answer":
          answer(step.which, step.prefix, step.fault)
          if (step.turn) yield* settleDown
          break
        case "interrupt": {
          const fiber = waiting[step.which % Math.max(waiting.length, 1)]
          if (fiber !== undefined) yield* Fiber.interrupt(fiber)
          break
        }
        case "time":
          yield* TestClock.adjust(step.millis)
          break
        case "turn":
          yield* settleDown
      }
      check()
    }
    // The broker becomes well again: everything settles.
    for (let round = 0; round < 200 && (pipeline.ledger.pending > 0 || driver.batches.length > 0); round++) {
      yield* settleDown
      while (driver.batches.length > 0) answer(0, 0, "none")
      yield* settleDown
      yield* TestClock.adjust(300)
      check()
    }
    assert.strictEqual(pipeline.ledger.pending, 0)
    yield* settleDown
    assert.strictEqual(pipeline.window.waiting, 0)
    assert.strictEqual(pipeline.window.count, 0)
    assert.strictEqual(pipeline.window.bytes, 0)
    assert.strictEqual(pipeline.counters.surplus, 0)
    yield* Scope.close(scope, Exit.void)

    // Acknowledged means stored; refused means absent; nothing was accepted twice.
    assert.strictEqual(outcomes.size, pipeline.counters.accepted)
    for (const [id, [result]] of outcomes) {
      if (result?._tag === "Acked") assert.include(log, id)
      if (result?._tag === "Rejected") assert.notInclude(log, id)
    }
    // The first copies of what was acknowledged stand in order of acceptance, for each aggregate.
    if (policy.key === "none") return
    for (const key of new Set(accepted.map((one) => one.key))) {
      const acked = accepted.filter((one) => one.key === key && outcomes.get(one.id)?.[0]?._tag === "Acked")
      const positions = acked.map((one) => log.indexOf(one.id))
      assert.deepStrictEqual(positions, positions.toSorted((a, b) => a - b), `order of ${key} in ${log.join(" ")}`)
    }
  })

describe("Pipeline", () => {
  const arbitrary = { arbitrary: { runs: 300 } }
  const lives: ReadonlyArray<Parameters<typeof live>[1]> = [
    { key: "partition", maxInFlight: 1 },
    { key: "partition", maxInFlight: 3 },
    { key: "aggregate", maxInFlight: 1 },
    { key: "topic", maxInFlight: 4 },
    { key: "none", maxInFlight: 1 }
  ]
  for (const policy of lives) {
    it.effect.prop(
      `settles everything once, within its bounds, in order: lanes by ${policy.key}, ${policy.maxInFlight} in flight`,
      [Schema.Array(Step).check(Schema.isMaxLength(60))],
      ([script]) => live(script, policy),
      arbitrary
    )
  }

  it.effect(
    "needs no other push: in every order of publish, ack and turn of the loop, all that is answered for settles",
    () =>
      Effect.gen(function*() {
        const steps = ["publish", "ack", "turn"] as const
        for (let number = 0; number < 3 ** 7; number++) {
          const order = Array.from({ length: 7 }, (_, i) => steps[Math.floor(number / 3 ** i) % 3]!)
          if (order[0] !== "publish") continue
          const { entry, pipeline, script } = yield* openScripted({
            options: { maxPending: 2 },
            policy: { maxBatch: 1 }
          })
          const scope = yield* Effect.scope
          let sent = 0
          for (const step of order) {
            switch (step) {
              case "publish":
                yield* Effect.forkIn(pipeline.admit(entry(`e${sent++}`)), scope, { startImmediately: true })
                break
              case "ack":
                script.batches.shift()?.settleAll(stored)
                break
              case "turn":
                yield* Effect.yieldNow
            }
          }
          // No time passes from here on, and nothing new comes in: only answers.
          for (let round = 0; round < 20 && pipeline.counters.acked < sent; round++) {
            yield* settleDown
            script.batches.shift()?.settleAll(stored)
          }
          assert.strictEqual(pipeline.counters.acked, sent, order.join(" "))
          assert.strictEqual(pipeline.window.count, 0)
        }
      }),
    60_000
  )

  it.effect("a caller interrupted after acceptance does not take its publish back", () =>
    Effect.gen(function*() {
      const { entry, outcomes, pipeline, script } = yield* openScripted({})
      const made = entry("one")
      const caller = yield* Effect.forkChild(Effect.andThen(pipeline.admit(made), made.receipt), {
        startImmediately: true
      })
      yield* settleDown
      yield* Fiber.interrupt(caller)
      script.batches[0]!.settleAll(stored)
      yield* settleDown
      assert.strictEqual(outcomes.get("one")?.[0]?._tag, "Acked")
      assert.strictEqual(pipeline.window.count, 0)
    }))

  it.effect("an envelope that was never handed over is rejected at its deadline, one in the driver's hands is unknown", () =>
    Effect.gen(function*() {
      const { entry, outcomes, pipeline, script } = yield* openScripted({ policy: { maxBatch: 1 } })
      assert.isTrue(pipeline.tryAdmit(entry("head")))
      assert.isTrue(pipeline.tryAdmit(entry("behind")))
      yield* settleDown
      assert.strictEqual(script.batches.length, 1)
      yield* TestClock.adjust(30_000)
      const head = outcomes.get("head")?.[0]
      const behind = outcomes.get("behind")?.[0]
      assert.isTrue(head?._tag === "Unknown" && head.reason._tag === "Timeout")
      assert.isTrue(behind?._tag === "Rejected" && behind.reason._tag === "Timeout")
      // The driver still holds the head's bytes: so does its permit.
      assert.strictEqual(pipeline.window.count, 1)
      script.batches[0]!.settleAll(stored)
      yield* settleDown
      assert.strictEqual(pipeline.window.count, 0)
      assert.strictEqual(pipeline.counters.late, 1)
      assert.strictEqual(outcomes.get("head")?.length, 1)
    }))

  it.effect("goes back to the first unsettled record, in order, under a new epoch, before anything behind it", () =>
    Effect.gen(function*() {
      const { entry, pipeline, script } = yield* openScripted({ policy: { maxInFlight: 2, maxBatch: 2 } })
      for (const id of ["a", "b", "c", "d", "e"]) assert.isTrue(pipeline.tryAdmit(entry(id)))
      yield* settleDown
      assert.deepStrictEqual(script.history.map((batch) => batch.records.map((record) => record.eventId)), [
        ["a", "b"],
        ["c", "d"]
      ])
      const [first, second] = script.history
      first!.settle(0, stored)
      first!.settle(1, { _tag: "Ambiguous", reason: timeout })
      yield* settleDown
      yield* TestClock.adjust(1000)
      // Room for a batch, but the second one is not answered yet: it must not be overtaken by a new try.
      assert.strictEqual(script.history.length, 2)
      second!.settleAll({ _tag: "NotStored", reason: notConnected })
      yield* settleDown
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(script.history.slice(2).map((batch) => batch.records.map((record) => record.eventId)), [
        ["b", "c"],
        ["d", "e"]
      ])
      assert.deepStrictEqual(script.history.map((batch) => [batch.epoch, batch.resend]), [
        [1, false],
        [1, false],
        [2, true],
        [2, true]
      ])
    }))

  it.effect("a refusal after an ambiguous attempt stays unknown", () =>
    Effect.gen(function*() {
      const { entry, outcomes, pipeline, script } = yield* openScripted({})
      assert.isTrue(pipeline.tryAdmit(entry("one")))
      yield* settleDown
      script.history[0]!.settleAll({ _tag: "Ambiguous", reason: timeout })
      yield* settleDown
      yield* TestClock.adjust(1000)
      script.history[1]!.settleAll({ _tag: "NotStored", reason: refused })
      yield* settleDown
      const result = outcomes.get("one")?.[0]
      assert.isTrue(result?._tag === "Unknown" && result.reason._tag === "Timeout")
    }))

  it.effect("a lane that pauses starts again when the connection is back, not at the end of its pause", () =>
    Effect.gen(function*() {
      const { entry, pipeline, script } = yield* openScripted({})
      assert.isTrue(pipeline.tryAdmit(entry("one")))
      yield* settleDown
      for (let attempt = 0; attempt < 8; attempt++) {
        script.history.at(-1)!.settleAll({ _tag: "NotStored", reason: notConnected })
        yield* settleDown
        if (attempt < 7) yield* TestClock.adjust(250)
      }
      const before = script.history.length
      yield* SubscriptionRef.set(script.status, { _tag: "Disconnected", since: 0, reason: "cut" })
      yield* SubscriptionRef.set(script.status, { _tag: "Connected" })
      yield* settleDown
      assert.strictEqual(script.history.length, before + 1)
    }))

  it.effect("results: every outcome from the subscription on; a slow reader holds back permits, not settlements", () =>
    Effect.gen(function*() {
      const { entry, outcomes, pipeline, script } = yield* openScripted({
        options: { maxPending: 1100, maxPendingBytes: 1e6 }
      })
      const gate = yield* SubscriptionRef.make(false)
      const opened = SubscriptionRef.changes(gate).pipe(Stream.filter((open) => open), Stream.take(1), Stream.runDrain)
      const reader = yield* pipeline.settlements.results.stream.pipe(
        Stream.tap(() => opened),
        Stream.take(3000),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* settleDown
      let sent = 0
      for (let round = 0; round < 400 && sent < 4000; round++) {
        while (sent < 4000 && pipeline.tryAdmit(entry(`e${sent}`))) sent++
        yield* settleDown
        for (const batch of script.batches.splice(0)) batch.settleAll(stored)
        yield* settleDown
      }
      // All accepted ones have settled, but the reader took none: the permits stay out, and admission has stopped.
      assert.isBelow(sent, 4000)
      assert.strictEqual(outcomes.size, sent)
      assert.strictEqual(pipeline.ledger.pending, 0)
      assert.strictEqual(pipeline.window.count, 1100)
      yield* SubscriptionRef.set(gate, true)
      for (let round = 0; round < 4000 && sent < 4000; round++) {
        while (sent < 4000 && pipeline.tryAdmit(entry(`e${sent}`))) sent++
        yield* settleDown
        for (const batch of script.batches.splice(0)) batch.settleAll(stored)
        yield* settleDown
      }
      const read = yield* Fiber.join(reader)
      assert.deepStrictEqual(read.map((result) => result.eventId), Array.from({ length: 3000 }, (_, i) => `e${i}`))
    }))

  it.effect("drain: waits for what is pending, then settles the rest by what is known", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { entry, outcomes, pipeline, script } = yield* Scope.provide(
        openScripted({ policy: { maxBatch: 1 }, options: { maxPending: 3, drainTimeoutMillis: 1000 } }),
        scope
      )
      assert.isTrue(pipeline.tryAdmit(entry("head")))
      assert.isTrue(pipeline.tryAdmit(entry("second")))
      assert.isTrue(pipeline.tryAdmit(entry("third")))
      const waiting = yield* Effect.forkChild(pipeline.admit(entry("waiting")), { startImmediately: true })
      yield* settleDown
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      assert.isTrue(Exit.isFailure(yield* Fiber.await(waiting)))
      assert.isFalse(pipeline.tryAdmit(entry("late")))
      script.batches.shift()!.settleAll(stored)
      yield* settleDown
      assert.strictEqual(script.batches.length, 1)
      yield* TestClock.adjust(1000)
      // The driver answers for what it held, or the scope would wait for ever.
      assert.deepStrictEqual(
        ["head", "second", "third"].map((id) => outcomes.get(id)?.[0]?._tag),
        ["Acked", "Unknown", "Rejected"]
      )
      yield* TestClock.adjust(1000)
      yield* Fiber.join(closing)
      assert.isTrue(script.closed)
      assert.isFalse(outcomes.has("waiting"))
      assert.isFalse(outcomes.has("late"))
      // Closing again does nothing.
      yield* Scope.close(scope, Exit.void)
    }))

  it.effect("flush waits for what was accepted before it, not for what comes after", () =>
    Effect.gen(function*() {
      const { entry, pipeline, script } = yield* openScripted({ policy: { maxBatch: 1 } })
      assert.isTrue(pipeline.tryAdmit(entry("one")))
      yield* settleDown
      const flushed = yield* Effect.forkChild(pipeline.ledger.flush, { startImmediately: true })
      assert.isTrue(pipeline.tryAdmit(entry("two")))
      script.batches.shift()!.settleAll(stored)
      yield* settleDown
      assert.isTrue(Exit.isSuccess(flushed.pollUnsafe() ?? Exit.interrupt()))
      assert.strictEqual(pipeline.ledger.pending, 1)
    }))

  it.effect("a lane that became idle with a pause ahead sends what comes then when the pause is over", () =>
    Effect.gen(function*() {
      const { entry, outcomes, pipeline, script } = yield* openScripted({
        options: { deliveryTimeoutMillis: 1000 },
        policy: { maxBatch: 2 }
      })
      for (const id of ["one", "two"]) assert.isTrue(pipeline.tryAdmit(entry(id)))
      yield* settleDown
      const [batch] = script.history
      batch!.settle(0, { _tag: "NotStored", reason: notConnected })
      yield* settleDown
      yield* TestClock.adjust(1000)
      // Too late, and nothing is left to be sent again: the lane is idle, and pauses.
      batch!.settle(1, stored)
      yield* settleDown
      assert.strictEqual(pipeline.ledger.pending, 0)
      assert.isTrue(pipeline.tryAdmit(entry("three")))
      yield* settleDown
      yield* TestClock.adjust(250)
      yield* settleDown
      script.history[1]?.settleAll(stored)
      yield* settleDown
      assert.strictEqual(outcomes.get("three")?.[0]?._tag, "Acked")
    }))

  it.effect("an atomic batch leaves when it heads all its lanes, alone, and holds back what is behind it", () =>
    Effect.gen(function*() {
      const { entry, pipeline, script } = yield* openScripted({ partitions: 2, atomicBatch: 100 })
      // "key-0" and "key-2" are in different partitions.
      assert.isTrue(pipeline.tryAdmit(entry("before", "key-0")))
      yield* settleDown
      const group = [entry("g0", "key-0"), entry("g1", "key-2")]
      assert.notStrictEqual(group[0]!.partition, group[1]!.partition)
      yield* pipeline.admitGroup(group)
      assert.isTrue(pipeline.tryAdmit(entry("after", "key-2")))
      yield* settleDown
      const ids = () => script.history.map((batch) => [batch.atomic, ...batch.records.map((record) => record.eventId)])
      assert.deepStrictEqual(ids(), [[false, "before"]])
      script.history[0]!.settleAll(stored)
      yield* settleDown
      assert.deepStrictEqual(ids(), [[false, "before"], [true, "g0", "g1"]])
      // Not stored, retryable: the whole group goes again, still ahead of what follows.
      script.history[1]!.settleAll({ _tag: "NotStored", reason: notConnected })
      yield* settleDown
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(ids(), [[false, "before"], [true, "g0", "g1"], [true, "g0", "g1"]])
      script.history[2]!.settleAll(stored)
      yield* settleDown
      assert.deepStrictEqual(ids().at(-1), [false, "after"])
    }))

  it.effect("an atomic batch stands in the lanes of its aggregates, also where idle lanes were forgotten meanwhile", () =>
    Effect.gen(function*() {
      const { entry, pipeline, script } = yield* openScripted({
        policy: { key: "aggregate", maxInFlight: 1, maxBatch: 1 },
        atomicBatch: 100
      })
      const group = [entry("g0", "key-0"), entry("g1", "key-2")]
      yield* pipeline.admitGroup(group)
      // Before the pump has it: as many aggregates come and go as it takes.
      for (let i = 0; i < 2000; i++) {
        const other = entry(`o${i}`, `other-${i}`)
        other.topic.retire(other.topic.laneOf(other))
      }
      assert.isTrue(pipeline.tryAdmit(entry("after", "key-2")))
      yield* settleDown
      const ids = () => script.history.map((batch) => batch.records.map((record) => record.eventId))
      assert.deepStrictEqual(ids(), [["g0", "g1"]])
      script.history[0]!.settleAll(stored)
      yield* settleDown
      assert.deepStrictEqual(ids(), [["g0", "g1"], ["after"]])
    }))
})
