/**
 * What the bus relies on in a driver: the contract of `Broker`, without the bus.
 */
import { Effect, Exit, Scope } from "effect"
import * as Raw from "../internal/rawSend.ts"
import { expect, expectEqual, Lab } from "../Lab.ts"
import * as Law from "../Law.ts"
import { collect, consumer } from "./shared.ts"

const theme = "The driver's contract"

const answers = Law.make({
  theme,
  name: "a driver answers for each record exactly once",
  statement:
    "Every record of a batch gets one outcome, stored means stored, and none is left open when the producer has closed.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const broker = yield* lab.client
    const scope = yield* Scope.make()
    const producer = yield* lab.await("a producer opens", Scope.provide(broker.producer, scope))
    const records = Array.from(
      { length: 50 },
      (_, i) =>
        Raw.record({ eventId: `${lab.token}-r${i}`, key: "a", body: `{"n":${i}}`, headers: [["X-N", String(i)]] })
    )
    const sent = yield* lab.await("a batch is taken", Raw.send(broker, producer, topic, records))
    yield* lab.until("every record is answered for", () => sent.answers.every((list) => list.length > 0))
    const tail = records.map((record) => ({ ...record, eventId: `${record.eventId}-tail` }))
    const last = yield* lab.await("another batch is taken", Raw.send(broker, producer, topic, tail))
    yield* lab.await("the producer closes", Scope.close(scope, Exit.void))
    yield* lab.quiet
    yield* expectEqual("answers for each record", sent.answers.map((list) => list.length), records.map(() => 1))
    yield* expectEqual("outcomes", sent.answers.map(([answer]) => answer?._tag), records.map(() => "Stored"))
    yield* expectEqual("answers for the tail", last.answers.map((list) => list.length), tail.map(() => 1))
    const stored = new Set((yield* lab.stored(topic)).map(({ digest, offset }) => `${offset} ${digest}`)).size
    const acked = [...sent.answers, ...last.answers].filter(([answer]) => answer?._tag === "Stored").length
    yield* expect(stored >= acked, () => `${acked} records were called stored, and ${stored} are`)
  })
})

const opaque = Law.make({
  theme,
  name: "bytes, headers and keys come back as they were",
  statement: "A record keeps its bytes, every value of a header in order, its key, and a rising offset.",
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const broker = yield* lab.client
    const scope = yield* Scope.make()
    const producer = yield* lab.await("a producer opens", Scope.provide(broker.producer, scope))
    const bodies = [Uint8Array.from({ length: 256 }, (_, i) => i), new Uint8Array(0), new TextEncoder().encode("你好")]
    const headers = [["X-A", "1"], ["X-B", "two words"], ["X-A", "2"]] as const
    const records = bodies.map((body, i) =>
      Raw.record({ eventId: `${lab.token}-r${i}`, key: `key:${i}`, body, headers })
    )
    const sent = yield* lab.await("they are taken", Raw.send(broker, producer, topic, records))
    yield* lab.until("they are answered for", () => sent.answers.every((list) => list.length > 0))
    const reader = yield* lab.await("a consumer opens", Scope.provide(consumer(broker, { topic, group: "g" }), scope))
    const read = yield* lab.await("they come", collect(reader, 3))
    yield* expectEqual("bytes", read.map(({ body }) => [...body]), bodies.map((body) => [...body]))
    for (const [i, record] of read.entries()) {
      const values = (name: string) => record.headers.flatMap(([known, value]) => known === name ? [String(value)] : [])
      yield* expectEqual("values of X-A", values("X-A"), ["1", "2"])
      yield* expectEqual("values of X-B", values("X-B"), ["two words"])
      yield* expectEqual("the attempt", record.attempt, 1)
      if (record.key !== undefined) yield* expectEqual("the key", record.key, `key:${i}`)
    }
    const offsets = read.map(({ offset }) => offset)
    yield* expect(
      offsets.every((offset, i) => i === 0 || offset > (offsets[i - 1] ?? 0n)),
      () => `offsets ${offsets.join(", ")}`
    )
    yield* reader.settle(read)
    yield* lab.await("the settlements are durable", reader.flush)
    yield* lab.await("both close", Scope.close(scope, Exit.void))
  })
})

const atomic = Law.make({
  theme,
  name: "a driver stores an atomic batch as a whole or not at all",
  statement:
    "With one record that the broker refuses, no record of an atomic batch is stored, and each is answered for alike.",
  needs: ["atomicBatch"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const broker = yield* lab.client
    const scope = yield* Scope.make()
    const producer = yield* lab.await("a producer opens", Scope.provide(broker.producer, scope))
    const records = (name: string, large: number) =>
      Array.from({ length: 5 }, (_, i) =>
        Raw.record({
          eventId: `${lab.token}-${name}-${i}`,
          key: "a",
          body: i === large ? new Uint8Array(lab.capabilities.maxRecordBytes + 1) : `{"n":${i}}`,
          headers: [["X-Event-ID", `${lab.token}-${name}-${i}`]]
        }))
    const send = (name: string, large: number) =>
      Effect.gen(function*() {
        const options = { atomic: true }
        const sent = yield* lab.await("it is taken", Raw.send(broker, producer, topic, records(name, large), options))
        yield* lab.until("it is answered for", () => sent.answers.every((list) => list.length > 0))
        return sent.answers.map(([answer]) => answer?._tag)
      })
    yield* expectEqual("a good batch", yield* send("good", -1), ["Stored", "Stored", "Stored", "Stored", "Stored"])
    const refused = yield* send("bad", 3)
    yield* expect(
      !refused.includes("Stored"),
      () => `of a batch with a record that is too large: ${refused.join(", ")}`
    )
    yield* lab.await("the producer closes", Scope.close(scope, Exit.void))
    const stored = yield* lab.stored(topic)
    yield* expectEqual(
      "what is stored",
      stored.map(({ eventId }) => eventId),
      records("good", -1).map(({ eventId }) => eventId)
    )
  })
})

const heartbeats = Law.make({
  theme,
  name: "heartbeats keep a record in its holder's hands",
  statement: "A record that gets a sign of life within each ack wait is not delivered again, however long it takes.",
  needs: ["ackWait"],
  check: Effect.gen(function*() {
    const lab = yield* Lab
    const topic = lab.topic()
    const bus = yield* lab.bus()
    yield* bus.acked(topic, [lab.fact("a", 0), lab.fact("b", 0)])
    const scope = yield* Scope.make()
    const options = { topic, group: "g", ackWaitMillis: 1000 }
    const reader = yield* lab.await("a consumer opens", Scope.provide(consumer(bus.broker, options), scope))
    const held = yield* lab.await("two records come", collect(reader, 2))
    const more = yield* Effect.forkChild(reader.poll(10), { startImmediately: true })
    for (let beat = 0; beat < 8; beat++) {
      yield* lab.pass(400)
      yield* reader.heartbeat(held)
      yield* expect(
        more.pollUnsafe() === undefined,
        () => `delivered again after ${(beat + 1) * 400} ms with heartbeats`
      )
    }
    yield* reader.settle(held)
    yield* lab.await("the settlements are durable", reader.flush)
    yield* lab.pass("1500 millis")
    yield* expect(more.pollUnsafe() === undefined, () => "delivered again although it was settled")
    yield* lab.await("it closes", Scope.close(scope, Exit.void))
  })
})

export const driving: ReadonlyArray<Law.Law> = [answers, opaque, atomic, heartbeats]
