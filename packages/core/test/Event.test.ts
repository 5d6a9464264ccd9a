import * as Envelope from "@effect-eventbus/core/Envelope"
import * as Event from "@effect-eventbus/core/Event"
import * as PublishError from "@effect-eventbus/core/PublishError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Schema, SchemaIssue } from "effect"
import { TestClock } from "effect/testing"
import { makeCodec } from "../src/internal/codec.ts"
import * as Topic from "../src/Topic.ts"
import { bytes } from "./fixtures/malformedBytes.ts"
import { OrderPlaced, OrderShipped } from "./fixtures/orders.ts"

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const uuidV5 = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const thrown = (f: () => unknown): unknown => {
  try {
    f()
  } catch (error) {
    return error
  }
  throw new Error("did not throw")
}

describe("make", () => {
  it("fills in what was not given", () => {
    const before = Date.now()
    const envelope = OrderPlaced.make({ orderId: "o-1", total: 10 })
    assert.match(envelope.eventId, uuidV7)
    assert.isAtLeast(envelope.timestamp.getTime(), before)
    assert.isAtMost(envelope.timestamp.getTime(), Date.now())
    assert.isTrue(Envelope.isEnvelope(envelope))
    assert.deepStrictEqual(envelope, {
      eventId: envelope.eventId,
      aggregateId: "o-1",
      type: "OrderPlaced",
      version: 1,
      timestamp: envelope.timestamp,
      payload: { orderId: "o-1", total: 10 }
    })
  })

  it("takes what was given", () => {
    const meta = {
      eventId: "e",
      timestamp: new Date(5),
      traceId: "t",
      correlationId: "co",
      causationId: "ca",
      tenantId: 0,
      headers: { a: "b" }
    }
    const payload = { orderId: "o-1", total: 10 }
    assert.deepStrictEqual(OrderPlaced.make(payload, meta), {
      ...meta,
      aggregateId: "o-1",
      type: "OrderPlaced",
      version: 1,
      payload
    })
  })

  it("undefined metadata is absent", () => {
    const envelope = OrderPlaced.make({ orderId: "o-1", total: 10 }, { traceId: undefined, headers: undefined })
    assert.notProperty(envelope, "traceId")
    assert.notProperty(envelope, "headers")
  })

  it("applies the schema's constructor defaults", () => {
    const Defaulted = Event.make("Defaulted", {
      version: 1,
      payload: Schema.Struct({
        id: Schema.String,
        n: Schema.Int.pipe(Schema.withConstructorDefault(Effect.succeed(7)))
      }),
      aggregateId: ({ id }) => id
    })
    assert.deepStrictEqual(Defaulted.make({ id: "a" }).payload, { id: "a", n: 7 })
  })

  it("throws a SchemaError with all issues for a bad payload", () => {
    // @ts-expect-error wrong types
    const error = thrown(() => OrderPlaced.make({ orderId: 1, total: "1" }))
    assert.isTrue(Schema.isSchemaError(error))
    if (Schema.isSchemaError(error)) {
      const { issues } = SchemaIssue.makeFormatterStandardSchemaV1()(error.issue)
      assert.deepStrictEqual(issues.map(({ path }) => path), [["orderId"], ["total"]])
    }
  })

  it("throws a SchemaError for a key __proto__ and for a cycle", () => {
    const proto = JSON.parse("{\"orderId\":\"o\",\"total\":1,\"__proto__\":1}")
    assert.isTrue(Schema.isSchemaError(thrown(() => OrderPlaced.make(proto))))
    const cycle: Record<string, unknown> = {}
    cycle["a"] = cycle
    const Open = Event.make("Open", { version: 1, payload: Schema.Unknown, aggregateId: () => "a" })
    assert.isTrue(Schema.isSchemaError(thrown(() => Open.make(cycle))))
  })

  it("throws InvalidEnvelope for bad metadata, and for a bad aggregate id", () => {
    const error = thrown(() => OrderPlaced.make({ orderId: "o 1", total: 1 }, { eventId: " ", tenantId: 0.5 }))
    assert.instanceOf(error, PublishError.InvalidEnvelope)
    assert.instanceOf(error, Error)
    assert.deepStrictEqual(
      error instanceof PublishError.InvalidEnvelope ? error.issues.map(({ path }) => path) : [],
      [["eventId"], ["aggregateId"], ["tenantId"]]
    )
  })

  it("throws InvalidEnvelope where the aggregate id cannot be derived", () => {
    const Bad = Event.make("Bad", {
      version: 1,
      payload: Schema.Struct({}),
      aggregateId: () => {
        throw new Error("no id")
      }
    })
    const error = thrown(() => Bad.make({}))
    assert.include(error instanceof PublishError.InvalidEnvelope ? error.message : "", "no id")
  })

  it("can be taken off its event", () => {
    const { make } = OrderPlaced
    assert.strictEqual(make({ orderId: "o-1", total: 1 }).aggregateId, "o-1")
  })
})

describe("event ids", () => {
  it("rise within a process, and do not repeat", () => {
    const ids = Array.from({ length: 20_000 }, () => OrderPlaced.make({ orderId: "o", total: 1 }).eventId)
    assert.deepStrictEqual(ids.toSorted(), ids)
    assert.strictEqual(new Set(ids).size, ids.length)
  })

  it.effect("hold the time of the clock", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(0x0123_4567_89ab)
      const { eventId, timestamp } = yield* OrderPlaced.makeEffect({ orderId: "o", total: 1 })
      assert.match(eventId, uuidV7)
      assert.strictEqual(eventId.slice(0, 13), "01234567-89ab")
      assert.strictEqual(timestamp.getTime(), 0x0123_4567_89ab)
    }))

  it.effect("rise under a clock that stands still, and one that goes back", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_000)
      const ids: Array<string> = []
      for (let i = 0; i < 1_000; i++) ids.push((yield* OrderPlaced.makeEffect({ orderId: "o", total: 1 })).eventId)
      yield* TestClock.setTime(500)
      ids.push((yield* OrderPlaced.makeEffect({ orderId: "o", total: 1 })).eventId)
      assert.deepStrictEqual(ids.toSorted(), ids)
      assert.strictEqual(new Set(ids).size, ids.length)
    }))

  const three = Effect.forEach([1, 2, 3], (total) => OrderPlaced.makeEffect({ orderId: "o", total }))

  it.effect("are the same for the same clock and seed", () =>
    Effect.gen(function*() {
      const run = three.pipe(Random.withSeed("seed"), Effect.provide(TestClock.layer()))
      assert.deepStrictEqual(yield* run, yield* run)
    }))
})

describe("makeEffect", () => {
  it.effect("fails with InvalidEnvelope for a bad payload", () =>
    Effect.gen(function*() {
      // @ts-expect-error wrong type
      const error = yield* Effect.flip(OrderPlaced.makeEffect({ orderId: "o-1", total: "1" }))
      assert.deepStrictEqual(error.issues.map(({ path }) => path), [["payload", "total"]])
    }))

  it.effect("fails with InvalidEnvelope for bad metadata", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        OrderPlaced.makeEffect({ orderId: "o-1", total: 1 }, { headers: { "Nats-Msg-Id": "1" } })
      )
      assert.deepStrictEqual(error.issues.map(({ path }) => path), [["headers", "Nats-Msg-Id"]])
      assert.isFalse(error.isRetryable)
    }))
})

describe("definitions that contradict themselves", () => {
  const payload = Schema.Struct({ id: Schema.String })
  const aggregateId = ({ id }: typeof payload.Type) => id
  const step = { payload, to: (old: typeof payload.Type) => old }
  const field = (f: () => unknown) => {
    const error = thrown(f)
    return error instanceof Event.InvalidEvent ? error.field : error
  }

  it.each(["", " ", "a\nb", "\ud800", "x".repeat(257)])("type %j", (type) => {
    assert.strictEqual(field(() => Event.make(type, { version: 1, payload, aggregateId })), "type")
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])("version %d", (version) => {
    assert.strictEqual(field(() => Event.make("E", { version, payload, aggregateId })), "version")
  })

  it("upcasts with a gap, of the version itself, of version 0", () => {
    assert.strictEqual(
      field(() => Event.make("E", { version: 3, payload, aggregateId, upcasts: { 1: step } })),
      "upcasts"
    )
    assert.strictEqual(
      field(() => Event.make("E", { version: 4, payload, aggregateId, upcasts: { 1: step, 3: step } })),
      "upcasts"
    )
    assert.strictEqual(
      field(() => Event.make("E", { version: 1, payload, aggregateId, upcasts: { 1: step } })),
      "upcasts"
    )
    assert.strictEqual(
      field(() => Event.make("E", { version: 1, payload, aggregateId, upcasts: { 0: step } })),
      "upcasts"
    )
  })

  it("upcasts may begin late", () => {
    const event = Event.make("E", { version: 4, payload, aggregateId, upcasts: { 3: step, 2: step } })
    assert.deepStrictEqual(Array.from(event.upcasts.keys()), [2, 3])
  })

  it("isEvent", () => {
    assert.isTrue(Event.isEvent(OrderPlaced))
    for (const other of [undefined, null, {}, { ...OrderPlaced.make({ orderId: "o", total: 1 }) }]) {
      assert.isFalse(Event.isEvent(other))
    }
  })
})

describe("versions", () => {
  const Renamed = Event.make("Renamed", {
    version: 3,
    payload: Schema.Struct({ id: Schema.String, names: Schema.NonEmptyArray(Schema.String), since: Schema.Date }),
    aggregateId: ({ id }) => id,
    upcasts: {
      1: {
        payload: Schema.Struct({ id: Schema.Int, name: Schema.String }),
        to: ({ id, name }) => ({ id: String(id), name, since: new Date(0) })
      },
      2: {
        payload: Schema.Struct({ id: Schema.String, name: Schema.String, since: Schema.Date }),
        to: ({ name, ...rest }) => {
          if (name === "throws") throw new Error("cannot be upcast")
          return { ...rest, names: name === "" ? JSON.parse("[]") : [name] }
        }
      }
    }
  })
  const codec = makeCodec(Topic.make("renamed", { events: [Renamed] }))
  const decode = (event_version: number, payload: unknown) =>
    codec.decode({
      body: bytes(JSON.stringify({
        event_id: "e",
        aggregate_id: "a",
        event_type: "Renamed",
        event_version,
        timestamp: "2026-01-01T00:00:00Z",
        payload
      })),
      headers: [],
      key: "a"
    })

  it.each([
    [1, { id: 7, name: "n" }, { id: "7", names: ["n"], since: new Date(0) }],
    [2, { id: "7", name: "n", since: "2020-01-01T00:00:00.000Z" }, {
      id: "7",
      names: ["n"],
      since: new Date("2020-01-01")
    }],
    [3, { id: "7", names: ["n"], since: "2020-01-01T00:00:00.000Z" }, {
      id: "7",
      names: ["n"],
      since: new Date("2020-01-01")
    }]
  ])("version %d is read", (version, payload, expected) => {
    const result = decode(version, payload)
    assert.strictEqual(result._tag, "Decoded")
    if (result._tag === "Decoded") {
      assert.deepStrictEqual(result.envelope.payload, expected)
      assert.strictEqual(result.envelope.version, 3)
    }
  })

  it("a newer one is unknown, and so is one without an upcast", () => {
    const unknown = { _tag: "UnknownVersion", eventId: "e", aggregateId: "a", type: "Renamed", version: 4 }
    assert.deepStrictEqual<unknown>(decode(4, {}), unknown)
    const shipped = makeCodec(Topic.make("t", { events: [OrderPlaced] })).decode({
      body: bytes(JSON.stringify({
        event_id: "e",
        aggregate_id: "a",
        event_type: "OrderPlaced",
        event_version: 7,
        timestamp: "2026-01-01T00:00:00Z"
      })),
      headers: [],
      key: undefined
    })
    assert.strictEqual(shipped._tag, "UnknownVersion")
  })

  it("an old payload that does not fit its own version cannot be decoded", () => {
    const result = decode(1, { id: "7", name: "n" })
    assert.deepStrictEqual(result._tag === "Undecodable" ? result.issues[0]?.path : result, ["payload", "id"])
  })

  it("neither can one whose upcast throws, or gives what does not fit", () => {
    for (const name of ["throws", ""]) {
      const result = decode(1, { id: 7, name })
      assert.deepStrictEqual(result._tag === "Undecodable" ? result.issues.map(({ path }) => path) : result, [[
        "payload"
      ]])
    }
  })

  it("an event's own fixture reads its first version", () => {
    assert.deepStrictEqual(Array.from(OrderShipped.upcasts.keys()), [1])
  })
})

describe("derivedId", () => {
  it("is the UUIDv5 of a JSON text, as other languages compute it", () => {
    // python: uuid.uuid5(uuid.UUID("d1614167-bbbf-5510-8c55-c0aa41f92c99"), '["e-1","invoice",0]')
    assert.strictEqual(Event.derivedId("e-1", "invoice", 0), "e5fbe473-a1a6-58b2-a971-d13b4266fa2a")
  })

  it("is the same for the same input, and a valid event id", () => {
    const id = Event.derivedId("größer 👩‍👧", "\"", 3)
    assert.strictEqual(id, Event.derivedId("größer 👩‍👧", "\"", 3))
    assert.match(id, uuidV5)
    assert.isTrue(Envelope.isEventId(id))
  })

  it("does not mix up its parts", () => {
    const ids = [
      ["a", "b", 1],
      ["ab", "", 1],
      ["", "ab", 1],
      ["a\",\"b", "", 1],
      ["a", "b\",1", 1],
      ["a", "b", 11],
      ["a1", "b", 1],
      ["a", "1b", 1]
    ] as const
    assert.strictEqual(
      new Set(ids.map(([source, name, index]) => Event.derivedId(source, name, index))).size,
      ids.length
    )
  })

  it("does not collide", () => {
    const ids = new Set<string>()
    for (let source = 0; source < 200; source++) {
      for (const name of ["invoice", "invoices", "mail"]) {
        for (let index = 0; index < 100; index++) ids.add(Event.derivedId(`e-${source}`, name, index))
      }
    }
    assert.strictEqual(ids.size, 200 * 3 * 100)
  })
})
