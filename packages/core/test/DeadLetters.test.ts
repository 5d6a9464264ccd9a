import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as DeadLetters from "../src/DeadLetters.ts"
import * as Headers from "../src/Headers.ts"
import * as MemoryBroker from "../src/MemoryBroker.ts"
import * as Subscriber from "../src/Subscriber.ts"
import { bus, lag, Orders, placed, publishAll, publishBytes, settle, statusOf } from "./fixtures/subscribing.ts"

const layer = (options?: MemoryBroker.Options) => {
  const below = bus(options)
  return DeadLetters.layer.pipe(Layer.provideMerge(below))
}

/** A group whose handler fails for whatever `broken` names. */
const group = (name: string, broken: (n: number) => boolean, options?: Partial<Subscriber.SubscriptionOptions>) =>
  Effect.gen(function*() {
    const subscriber = yield* Subscriber.Subscriber
    const seen: Array<string> = []
    const subscription = yield* subscriber.subscribe(Orders, {
      retry: Schedule.recurs(1),
      ...options,
      group: name,
      handlers: {
        Placed: ({ payload }, { topic }) => {
          seen.push(`${payload.order}${payload.n}${topic === "orders" ? "" : ` from ${topic}`}`)
          return broken(payload.n) ? Effect.fail(new Error(`cannot do ${payload.n}`)) : Effect.void
        },
        Shipped: () => Effect.void
      }
    })
    return { seen, subscription }
  })

const list = (name: string, options?: Partial<DeadLetters.ListOptions>) =>
  DeadLetters.DeadLetters.use((letters) => letters.list(Orders, { group: name, ...options }))

describe("list", () => {
  it.effect("shows what a group could not handle, as it was", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* list("g"), [])
      yield* TestClock.adjust("1 day")
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1), placed("a", 2)])
      yield* group("g", (n) => n !== 1)
      yield* TestClock.adjust("1 minute")
      yield* settle
      const letters = yield* list("g")
      assert.strictEqual(letters.length, 2)
      const [first, second] = letters
      assert.deepInclude(first, {
        topic: "orders",
        partition: 0,
        offset: 0n,
        group: "g",
        attempts: 2,
        key: "a",
        replay: 0,
        replays: [],
        discardedAt: undefined
      })
      assert.strictEqual(first?.envelope?.type === "Placed" && first.envelope.payload.n, 0)
      assert.strictEqual(first?.envelope?.eventId, first?.eventId)
      assert.include(first?.cause, "cannot do 0")
      assert.strictEqual(first?.firstSeen.getTime(), 86_400_000)
      assert.isAtLeast(first?.deadLetteredAt.getTime() ?? 0, 86_400_000)
      const originals = yield* MemoryBroker.MemoryBroker.use(({ records }) => records("orders"))
      assert.deepStrictEqual(first?.bytes, originals[0]?.body)
      assert.deepStrictEqual(first?.headers, originals[0]?.headers)
      assert.strictEqual(second?.offset, 2n)
      assert.strictEqual((yield* list("g", { limit: 1 })).length, 1)
      assert.deepStrictEqual(yield* list("other"), [])
    }).pipe(Effect.provide(layer())))

  it.effect("keeps bytes and every header, also of what looks like a dead letter itself", () =>
    Effect.gen(function*() {
      const headers: Headers.Headers = [
        ["X-Note", "one"],
        ["x-note", "two"],
        ["X-DeadLetter-Topic", "forged"],
        ["X-Note", "three"],
        ["X-DeadLetter-Cause", "forged, too"],
        ["bytes", new Uint8Array([0xff, 0xfe])],
        ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
      ]
      const body = new Uint8Array([0, 1, 2, 255])
      yield* publishBytes(Orders, { eventId: "x", headers, body })
      yield* group("g", () => false)
      yield* settle
      const [letter] = yield* list("g")
      assert.deepStrictEqual(letter?.headers, headers)
      assert.deepStrictEqual(letter?.bytes, body)
      assert.strictEqual(letter?.topic, "orders")
      assert.strictEqual(letter?.key, "")
      assert.isUndefined(letter?.envelope)
      assert.include(letter?.cause, "cannot be decoded")
      assert.strictEqual(letter?.trace, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    }).pipe(Effect.provide(layer())))

  it.effect("a subscription may name the topic", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0)])
      yield* group("g", () => true, { deadLetter: "graveyard" })
      yield* group("h", () => true, { deadLetter: "graveyard" })
      yield* TestClock.adjust("1 second")
      yield* settle
      assert.strictEqual((yield* list("g", { deadLetter: "graveyard" })).length, 1)
      assert.strictEqual((yield* list("h", { deadLetter: "graveyard" })).length, 1)
      assert.deepStrictEqual(yield* list("g"), [])
    }).pipe(Effect.provide(layer())))
})

describe("replay", () => {
  const replayLetters = (options: DeadLetters.ReplayOptions<typeof Orders>) =>
    DeadLetters.DeadLetters.use((letters) => letters.replay(Orders, options))

  it.effect("to the topic: every group gets it, with the event id that it had, and it is recorded", () =>
    Effect.gen(function*() {
      let broken = true
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1), placed("b", 2)])
      const g = yield* group("g", (n) => broken && n < 2)
      const h = yield* group("h", () => false)
      yield* TestClock.adjust("1 second")
      yield* settle
      broken = false
      g.seen.length = h.seen.length = 0
      const result = yield* replayLetters({ group: "g", to: "topic" })
      yield* settle
      assert.deepStrictEqual([result.replayed.length, result.skipped.length, result.failed.length], [2, 0, 0])
      assert.deepStrictEqual(g.seen, ["a0", "a1"])
      assert.deepStrictEqual(h.seen, ["a0", "a1"])
      const letters = yield* list("g")
      assert.deepStrictEqual(letters.map(({ replays }) => replays.map(({ number, to }) => [number, to])), [
        [[1, "orders"]],
        [[1, "orders"]]
      ])
      const records = yield* MemoryBroker.MemoryBroker.use((memory) => memory.records("orders"))
      assert.strictEqual(Headers.get(records[3]?.headers ?? [], "X-Event-ID"), letters[0]?.eventId)
      assert.strictEqual(Headers.get(records[3]?.headers ?? [], "X-DeadLetter-Replay"), "1")
    }).pipe(Effect.provide(layer())))

  it.effect("is not repeated by accident, and numbered on when it is on purpose", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0)])
      yield* group("g", () => true)
      yield* TestClock.adjust("1 second")
      yield* settle
      yield* replayLetters({ group: "g", to: "topic" })
      yield* TestClock.adjust("1 second")
      yield* settle
      // It died again: the second death is the first replay of its event.
      assert.deepStrictEqual((yield* list("g")).map(({ replay, replays }) => [replay, replays.length]), [[0, 1], [
        1,
        0
      ]])
      const again = yield* replayLetters({ group: "g", to: "topic", select: ({ replay }) => replay === 0 })
      assert.deepStrictEqual([again.replayed.length, again.skipped.length], [0, 1])
      const forced = yield* replayLetters({ group: "g", to: "topic", again: true })
      assert.deepStrictEqual(forced.replayed.map(({ replays }) => replays.at(-1)?.number), [2, 2])
    }).pipe(Effect.provide(layer())))

  it.effect("to the group alone, through the retry topic that its subscription reads, running or not", () =>
    Effect.gen(function*() {
      let broken = true
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      const h = yield* group("h", () => false)
      yield* Effect.scoped(Effect.gen(function*() {
        const g = yield* group("g", () => broken)
        yield* TestClock.adjust("1 second")
        yield* settle
        broken = false
        g.seen.length = h.seen.length = 0
        yield* replayLetters({ group: "g", to: "group", select: ({ offset }) => offset === 0n })
        yield* settle
        assert.deepStrictEqual(g.seen, ["a0 from orders.retry.g"])
        assert.deepStrictEqual((yield* statusOf(g.subscription)).partitions.map(({ topic }) => topic), [
          "orders",
          "orders.retry.g"
        ])
      }))
      yield* replayLetters({ group: "g", to: "group" })
      const g = yield* group("g", () => false)
      yield* settle
      assert.deepStrictEqual(g.seen, ["a1 from orders.retry.g"])
      assert.deepStrictEqual(h.seen, [])
      assert.strictEqual(yield* lag({ ...Orders, name: "orders.retry.g" }, "g"), 0)
    }).pipe(Effect.provide(layer())))

  it.effect("passes deduplication", () =>
    Effect.gen(function*() {
      let broken = true
      yield* publishAll(Orders, [placed("a", 0)])
      const g = yield* group("g", () => broken, { dedup: { window: "1 hour" } })
      yield* TestClock.adjust("1 second")
      yield* settle
      broken = false
      g.seen.length = 0
      yield* replayLetters({ group: "g", to: "group" })
      yield* settle
      assert.deepStrictEqual(g.seen, ["a0 from orders.retry.g"])
    }).pipe(Effect.provide(layer())))
})

describe("discard", () => {
  it.effect("leaves them out of lists and replays", () =>
    Effect.gen(function*() {
      yield* publishAll(Orders, [placed("a", 0), placed("a", 1)])
      yield* group("g", () => true)
      yield* TestClock.adjust("1 second")
      yield* settle
      const letters = yield* DeadLetters.DeadLetters
      const discarded = yield* letters.discard(Orders, { group: "g", select: ({ offset }) => offset === 0n })
      assert.strictEqual(discarded.length, 1)
      assert.deepStrictEqual((yield* list("g")).map(({ offset }) => offset), [1n])
      const all = yield* list("g", { discarded: true })
      assert.strictEqual(all[0]?.discardedAt?.getTime(), 1000)
      const { replayed } = yield* letters.replay(Orders, { group: "g", to: "topic" })
      assert.strictEqual(replayed.length, 1)
    }).pipe(Effect.provide(layer())))
})

describe("the cause", () => {
  it.effect("is printed without secrets and control characters, and cut", () =>
    Effect.gen(function*() {
      class Failure {
        readonly _tag = "Failure"
        readonly password = Redacted.make("hunter2")
      }
      yield* publishAll(Orders, ["a", "b", "c"].map((order) => placed(order, 0)))
      const subscriber = yield* Subscriber.Subscriber
      yield* subscriber.subscribe(Orders, {
        group: "g",
        retry: Schedule.recurs(0),
        handlers: {
          Placed: ({ payload }) => {
            switch (payload.order) {
              case "a":
                return Effect.fail(new Failure())
              case "b":
                return Effect.fail(
                  new Error(
                    "cannot reach postgres://app:hunter2@db/x\r\nInjected: yes\u0000 with token=hunter2 and Bearer hunter2hunter2"
                  )
                )
              default:
                return Effect.die(new Error("ü\u202e".repeat(5000)))
            }
          },
          Shipped: () => Effect.void
        }
      })
      yield* settle
      const records = yield* MemoryBroker.MemoryBroker.use((memory) => memory.records("orders.dlq.g"))
      assert.strictEqual(records.length, 3)
      for (const { headers } of records) {
        const cause = Headers.get(headers, "X-DeadLetter-Cause") ?? ""
        assert.match(cause, /^[\x20-\x7e]*$/)
        assert.isAtMost(cause.length, 4096)
        assert.notInclude(cause, "hunter2")
      }
      const letters = yield* list("g")
      assert.include(letters[1]?.cause, "\r\nInjected: yes")
      assert.include(letters[2]?.cause, "ü")
    }).pipe(Effect.provide(layer())))
})
