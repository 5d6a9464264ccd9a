import * as Event from "@effect-eventbus/core/Event"
import * as Headers from "@effect-eventbus/core/Headers"
import { Generators } from "@effect-eventbus/core/testing"
import * as Topic from "@effect-eventbus/core/Topic"
import * as Wire from "@effect-eventbus/core/Wire"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema, SchemaGetter } from "effect"
import { makeCodec } from "../src/internal/codec.ts"
import { nested } from "./fixtures/malformed.ts"
import { bytes } from "./fixtures/malformedBytes.ts"
import { OrderPlaced, Orders } from "./fixtures/orders.ts"

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}
const Tree = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
})
class Money
  extends Schema.Class<Money>("test/Money")({ amount: Schema.Finite, currency: Schema.Literals(["EUR", "USD"]) })
{}

/** Payloads of every kind that a schema can have. */
const Everything = Topic.make("everything", {
  events: [
    Event.make("Flat", {
      version: 1,
      payload: Schema.Struct({ id: Schema.String, n: Schema.Finite, i: Schema.Int, b: Schema.Boolean, z: Schema.Null }),
      aggregateId: () => "a"
    }),
    Event.make("Rich", {
      version: 7,
      payload: Schema.Struct({
        at: Schema.Date,
        big: Schema.BigInt,
        bytes: Schema.Uint8Array,
        maybe: Schema.Option(Schema.String),
        absent: Schema.optionalKey(Schema.String),
        undef: Schema.optional(Schema.Int),
        nullable: Schema.NullOr(Schema.Date),
        map: Schema.ReadonlyMap(Schema.String, Schema.Date),
        set: Schema.ReadonlySet(Schema.Int)
      }),
      aggregateId: () => "a"
    }),
    Event.make("Nested", {
      version: 2,
      payload: Schema.Struct({
        deep: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Array(Schema.String))),
        tuple: Schema.Tuple([Schema.String, Schema.Int]),
        tree: Tree
      }),
      aggregateId: () => "a"
    }),
    Event.make("One \"of\" \\ größer", {
      version: Number.MAX_SAFE_INTEGER,
      payload: Schema.Union([
        Schema.TaggedStruct("Card", { last4: Schema.String, money: Money }),
        Schema.TaggedStruct("Cash", { money: Schema.Array(Money) }),
        Schema.String
      ]),
      aggregateId: () => "a"
    }),
    Event.make("Open", { version: 1, payload: Schema.Json, aggregateId: () => "a" }),
    Event.make("Text", { version: 1, payload: Schema.String, aggregateId: () => "a" }),
    Event.make("Nothing", { version: 1, payload: Schema.Undefined, aggregateId: () => "a" }),
    Event.make("Coded", {
      version: 1,
      payload: Schema.Struct({ at: Schema.DateFromString, n: Schema.FiniteFromString }),
      aggregateId: () => "a"
    })
  ]
})

const encoded = (codec: Wire.Codec, envelope: unknown, traceparent?: string) => {
  const result = codec.encode(envelope, traceparent)
  if (result._tag !== "Encoded") throw result
  return result
}

const roundTrip = (codec: Wire.Codec, envelope: { readonly aggregateId: string }, kafka = false) => {
  const { body, headers } = encoded(codec, envelope)
  const back = codec.decode({ headers: kafka ? Wire.kafkaHeaders(headers) : headers, body, key: envelope.aggregateId })
  assert.strictEqual(back._tag, "Decoded", back._tag === "Undecodable" ? back.message : "")
  if (back._tag === "Decoded") assert.deepStrictEqual<unknown>(back.envelope, envelope)
}

const source = "https://example.com/orders"
const wires: ReadonlyArray<readonly [string, Wire.Wire, boolean]> = [
  ["json", Wire.json, false],
  ["json without headers", Wire.jsonWith({ headers: false }), false],
  ["cloudEvents, NATS", Wire.cloudEvents({ source }), false],
  ["cloudEvents, Kafka", Wire.cloudEvents({ source }), true]
]

describe.each(wires)("%s", (_, wire, kafka) => {
  const events: ReadonlyArray<Event.Any> = Everything.events
  for (const event of events) {
    const codec = makeCodec({ events: [event], wire })
    it.prop(`round-trips every envelope: ${event.type}`, [Generators.envelope(event)], ([envelope]) => {
      roundTrip(codec, envelope, kafka)
    }, { arbitrary: { runs: 300 } })
  }

  it.prop("round-trips every envelope of a topic", [Generators.topicEnvelope(Orders)], ([envelope]) => {
    roundTrip(makeCodec({ ...Orders, wire }), envelope, kafka)
  }, { arbitrary: { runs: 500 } })
})

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
const full = OrderPlaced.make({ orderId: "o-1", total: 10 }, {
  eventId: "größer 1",
  timestamp: new Date("2026-01-02T03:04:05.678Z"),
  traceId: "t-1",
  correlationId: "c-1",
  causationId: "e-0",
  tenantId: 7,
  headers: { "x-source": "tést" }
})
const bare = OrderPlaced.make({ orderId: "o-1", total: 10 }, {
  eventId: "e-1",
  timestamp: new Date("2026-01-02T03:04:05.678Z")
})

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe("the form of json", () => {
  const codec = makeCodec(Orders)

  it("body and headers with everything", () => {
    const { aggregateId, body, eventId, headers } = encoded(codec, full, traceparent)
    assert.strictEqual(eventId, "größer 1")
    assert.strictEqual(aggregateId, "o-1")
    assert.deepStrictEqual(JSON.parse(text(body)), {
      event_id: "größer 1",
      aggregate_id: "o-1",
      event_type: "OrderPlaced",
      event_version: 1,
      timestamp: "2026-01-02T03:04:05.678Z",
      trace_id: "t-1",
      correlation_id: "c-1",
      causation_id: "e-0",
      tenant_id: 7,
      payload: { orderId: "o-1", total: 10 }
    })
    assert.deepStrictEqual(headers, [
      ["X-Event-ID", "größer 1"],
      ["X-Aggregate-ID", "o-1"],
      ["X-Event-Type", "OrderPlaced"],
      ["X-Event-Version", "1"],
      ["X-Timestamp", "2026-01-02T03:04:05.678Z"],
      ["X-Trace-ID", "t-1"],
      ["X-Correlation-ID", "c-1"],
      ["X-Tenant-ID", "7"],
      ["traceparent", traceparent],
      ["x-source", "tést"]
    ])
  })

  it("what is absent is not written", () => {
    const { body, headers } = encoded(codec, bare)
    assert.deepStrictEqual(Object.keys(JSON.parse(text(body))), [
      "event_id",
      "aggregate_id",
      "event_type",
      "event_version",
      "timestamp",
      "payload"
    ])
    assert.deepStrictEqual(headers.map(([name]) => name), [
      "X-Event-ID",
      "X-Aggregate-ID",
      "X-Event-Type",
      "X-Event-Version",
      "X-Timestamp"
    ])
  })

  it("without headers of its own, the trace and the application's remain", () => {
    const codec = makeCodec({ ...Orders, wire: Wire.jsonWith({ headers: false }) })
    assert.deepStrictEqual(encoded(codec, full, traceparent).headers, [["traceparent", traceparent], [
      "x-source",
      "tést"
    ]])
  })

  const foreign = {
    payload: { total: 10, orderId: "o-1", added_by: "a newer version" },
    schema: "https://example.com",
    timestamp: "2026-01-02T11:04:05.678901234+08:00",
    event_version: 1,
    event_type: "OrderPlaced",
    aggregate_id: "o-1",
    event_id: "e-1"
  }
  const decodeJson = (value: unknown, headers: Headers.Headers = []) =>
    codec.decode({ body: bytes(JSON.stringify(value)), headers, key: undefined })

  it("another writer's envelope: other order, unknown keys, nanoseconds and offset, no headers", () => {
    assert.deepStrictEqual<unknown>(decodeJson(foreign), { _tag: "Decoded", envelope: bare })
  })

  it("an optional key may be null or empty", () => {
    const nothing = { trace_id: null, correlation_id: "", causation_id: null, tenant_id: null }
    assert.deepStrictEqual<unknown>(decodeJson({ ...foreign, ...nothing }), { _tag: "Decoded", envelope: bare })
  })

  it("the body is the truth, whatever the headers say", () => {
    const headers: Headers.Headers = [["X-Event-ID", "other"], ["X-Event-Type", "OrderShipped"], ["X-Tenant-ID", "x"]]
    assert.deepStrictEqual<unknown>(decodeJson(foreign, headers), { _tag: "Decoded", envelope: bare })
  })

  it("an event that the topic does not have", () => {
    assert.deepStrictEqual<unknown>(decodeJson({ ...foreign, event_type: "OrderCancelled" }), {
      _tag: "UnknownType",
      eventId: "e-1",
      aggregateId: "o-1",
      type: "OrderCancelled"
    })
  })
})

describe("the form of CloudEvents", () => {
  const codec = makeCodec({ ...Orders, wire: Wire.cloudEvents({ source }) })
  const attributes = [
    ["ce-specversion", "1.0"],
    ["ce-source", source],
    ["ce-type", "OrderPlaced"],
    ["ce-eventversion", "1"],
    ["content-type", "application/json"],
    ["ce-id", "gr%C3%B6%C3%9Fer%201"],
    ["ce-subject", "o-1"],
    ["ce-time", "2026-01-02T03:04:05.678Z"],
    ["ce-traceid", "t-1"],
    ["ce-correlationid", "c-1"],
    ["ce-causationid", "e-0"],
    ["ce-tenantid", "7"],
    ["traceparent", traceparent],
    ["x-source", "tést"]
  ] as const

  it("payload in the body, attributes in headers", () => {
    const { body, headers } = encoded(codec, full, traceparent)
    assert.strictEqual(text(body), "{\"orderId\":\"o-1\",\"total\":10}")
    assert.deepStrictEqual<unknown>(headers, attributes)
  })

  it("for Kafka: its prefix, plain values", () => {
    const kafka = Wire.kafkaHeaders(attributes)
    assert.deepStrictEqual(kafka.map(([name]) => name), attributes.map(([name]) => name.replace(/^ce-/, "ce_")))
    assert.strictEqual(Headers.get(kafka, "ce_id"), "größer 1")
    const bytes = Uint8Array.of(0xff)
    assert.deepStrictEqual(Wire.kafkaHeaders([["ce-id", bytes], ["a%20", "b%20"]]), [["ce-id", bytes], [
      "a%20",
      "b%20"
    ]])
  })

  const decode = (headers: Headers.Headers, key: string | undefined, timestamp?: number) =>
    codec.decode({ body: bytes("{\"orderId\":\"o-1\",\"total\":10}"), headers, key, timestamp })
  const minimal: Headers.Headers = [["CE_SPECVERSION", "1.0"], ["ce_Id", "e-1"], ["Ce_type", "OrderPlaced"], [
    "ce_source",
    "x"
  ]]

  it("another producer's event, with what CloudEvents requires and nothing else", () => {
    const result = decode(minimal, "o-1", bare.timestamp.getTime())
    assert.deepStrictEqual<unknown>(result, { _tag: "Decoded", envelope: bare })
  })

  it("needs a key for a subject, and the broker's time for its own", () => {
    assert.deepStrictEqual(
      [decode(minimal, undefined, 0), decode(minimal, "o-1")].map((result) =>
        result._tag === "Undecodable" ? result.issues.map(({ path }) => path) : []
      ),
      [[["ce-subject"]], [["ce-time"]]]
    )
  })

  it.each([
    ["ce_id", "50%", "50%"],
    ["ce_id", "%41", "%41"],
    ["ce-id", "%41", "A"],
    ["ce-id", "50%", "50%"],
    ["ce-id", "\"a \\\"b\\\" %41\"", "a \"b\" A"],
    ["ce-id", "\"", "\""]
  ])("%s: %s is read as %s", (name, value, expected) => {
    const result = decode([...minimal.filter(([key]) => key !== "ce_Id"), [name, value]], "o-1", 0)
    assert.strictEqual(result._tag === "Decoded" ? result.envelope.eventId : result, expected)
  })

  it.each([
    "application/json",
    "application/json; charset=utf-8",
    "text/json",
    "application/vnd.a.b+json",
    "Application/JSON"
  ])(
    "content-type %s",
    (type) => {
      assert.strictEqual(decode([...minimal, ["Content-Type", type]], "o-1", 0)._tag, "Decoded")
    }
  )

  it.each(["", " ", "a b", "a\nb", "größer"])("source %j is refused", (source) => {
    assert.throws(() => Wire.cloudEvents({ source }), RangeError)
  })
})

describe.each(wires)("what is counted and what is limited: %s", (_, wire, kafka) => {
  it.prop("size is what is sent", [Generators.topicEnvelope(Orders)], ([envelope]) => {
    const { body, headers, size } = encoded(makeCodec({ ...Orders, wire }), envelope, traceparent)
    assert.strictEqual(size, body.length + Headers.size(headers) + envelope.aggregateId.length)
  })

  const Open = Topic.make("open", {
    events: [Event.make("Open", { version: 1, payload: Schema.Json, aggregateId: () => "a" })],
    wire
  })
  const codec = makeCodec(Open)
  const open = (payload: unknown) => ({ ...bare, type: "Open", payload })

  it.each([
    ["lone surrogates", "\ud800 \udc00\ud800"],
    ["control characters", "\u0000\u001f\u007f\u0085\u2028\u2029"],
    ["a byte order mark", "\ufeff"],
    ["replacement characters", "\ufffd"],
    ["what looks like JSON", "\",\"event_id\":\"x\\"],
    ["what looks like a key", "\"__proto__\":1 \\u005f_proto__"],
    ["a megabyte", "é{[".repeat(300_000)]
  ])("text with %s, in values and keys", (_, value) => {
    roundTrip(codec, open({ a: value, [value]: [value] }), kafka)
  })

  it("64 levels, and not 65, in both directions", () => {
    roundTrip(codec, open(nested(64)), kafka)
    assert.strictEqual(codec.encode(open(nested(65)), undefined)._tag, "InvalidEnvelope")
    const { body, headers } = encoded(codec, open("here"))
    const decode = (depth: number) =>
      codec.decode({
        body: bytes(text(body).replace("\"here\"", JSON.stringify(nested(depth)))),
        headers,
        key: "a"
      })._tag
    assert.strictEqual(decode(64), "Decoded")
    assert.strictEqual(decode(65), "Undecodable")
  })

  it("many brackets that do not nest are fine", () => {
    roundTrip(codec, open(Array.from({ length: 10_000 }, () => [{ "]": "[{" }])), kafka)
  })

  it("depth is counted as it is written", () => {
    // Each level of the value is two levels of JSON.
    interface Box {
      readonly box: Option.Option<Box>
    }
    const Box = Schema.Struct({ box: Schema.Option(Schema.suspend((): Schema.Codec<Box> => Box)) })
    const Boxes = Event.make("Boxes", { version: 1, payload: Box, aggregateId: () => "a" })
    const codec = makeCodec({ events: [Boxes], wire })
    const boxed = (depth: number): Box => ({ box: depth === 1 ? Option.none() : Option.some(boxed(depth - 1)) })
    roundTrip(codec, Boxes.make(boxed(32)), kafka)
    const refused = codec.encode({ ...Boxes.make(boxed(2)), payload: boxed(33) }, undefined)
    assert.strictEqual(refused._tag, "InvalidEnvelope")
  })

  it("a key __proto__ that only appears in the JSON is found", () => {
    const Maps = Event.make("Maps", {
      version: 1,
      payload: Schema.ReadonlyMap(Schema.String, Schema.Json),
      aggregateId: () => "a"
    })
    const codec = makeCodec({ events: [Maps], wire })
    roundTrip(codec, Maps.make(new Map([["__proto__", "a key of the map is no key of an object"]])), kafka)
    const refused = codec.encode(
      { ...Maps.make(new Map()), payload: new Map([["a", JSON.parse("{\"__proto__\":1}")]]) },
      undefined
    )
    assert.strictEqual(refused._tag, "InvalidEnvelope")
  })

  it("a payload that is asynchronous, or throws, is invalid", () => {
    const slow = Schema.String.pipe(Schema.decodeTo(Schema.String, {
      decode: SchemaGetter.passthrough(),
      encode: SchemaGetter.transformEffect((text: string) => Effect.as(Effect.sleep(1), text))
    }))
    const broken = Schema.String.pipe(Schema.decodeTo(Schema.String, {
      decode: SchemaGetter.transform((): string => {
        throw new Error("broken")
      }),
      encode: SchemaGetter.transform((): string => {
        throw new Error("broken")
      })
    }))
    for (const payload of [slow, broken]) {
      const codec = makeCodec({ events: [Event.make("E", { version: 1, payload, aggregateId: () => "a" })], wire })
      const result = codec.encode({ ...bare, type: "E", payload: "x" }, undefined)
      assert.deepStrictEqual(
        result._tag === "InvalidEnvelope" ? result.issues.map(({ path }) => path) : result,
        [["payload"]]
      )
    }
  })
})
