import * as Event from "@effect-eventbus/core/Event"
import * as Headers from "@effect-eventbus/core/Headers"
import { Generators } from "@effect-eventbus/core/testing"
import * as Topic from "@effect-eventbus/core/Topic"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, SchemaGetter } from "effect"
import { makeCodec } from "../src/internal/codec.ts"
import { nested } from "./fixtures/malformed.ts"
import { bytes } from "./fixtures/malformedBytes.ts"
import { Orders } from "./fixtures/orders.ts"
import { bare, encoded, roundTrip, text, traceparent, wires } from "./fixtures/wire.ts"

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

describe.each(wires)("%s", (_name, wire, kafka) => {
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

describe.each(wires)("what is counted and what is limited: %s", (_name, wire, kafka) => {
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
  ])("text with %s, in values and keys", (_kind, value) => {
    assert.isTrue(roundTrip(codec, open({ a: value, [value]: [value] }), kafka))
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

  it("keys with an escape, whatever was read before", () => {
    // https://github.com/nodejs/node/issues/63785
    assert.isTrue(roundTrip(codec, open({ escaped: 1, "\\": 2 }), kafka))
    assert.isTrue(roundTrip(codec, open({ escaped: 1, "\n": 2 }), kafka))
  })

  it("many brackets that do not nest are fine", () => {
    assert.isTrue(roundTrip(codec, open(Array.from({ length: 10_000 }, () => [{ "]": "[{" }])), kafka))
  })

  it("depth is counted as it is written", () => {
    // Each level of the value is two levels of JSON: an array of pairs.
    interface Maps extends ReadonlyMap<string, Maps> {}
    const Maps = Schema.ReadonlyMap(Schema.String, Schema.suspend((): Schema.Codec<Maps> => Maps))
    const OfMaps = Event.make("Maps", { version: 1, payload: Maps, aggregateId: () => "a" })
    const ofMaps = makeCodec({ events: [OfMaps], wire })
    const maps = (depth: number): Maps => new Map(depth === 0 ? [] : [["a", maps(depth - 1)]])
    // The innermost one is empty, and so a single level.
    assert.isTrue(roundTrip(ofMaps, OfMaps.make(maps(31)), kafka))
    assert.strictEqual(ofMaps.encode(OfMaps.make(maps(32)), undefined)._tag, "InvalidEnvelope")
  })

  it("a key __proto__ that only appears in the JSON is found", () => {
    const Maps = Event.make("Maps", {
      version: 1,
      payload: Schema.ReadonlyMap(Schema.String, Schema.Json),
      aggregateId: () => "a"
    })
    const ofMaps = makeCodec({ events: [Maps], wire })
    roundTrip(ofMaps, Maps.make(new Map([["__proto__", "a key of the map is no key of an object"]])), kafka)
    const refused = ofMaps.encode(
      { ...Maps.make(new Map()), payload: new Map([["a", JSON.parse("{\"__proto__\":1}")]]) },
      undefined
    )
    assert.strictEqual(refused._tag, "InvalidEnvelope")
  })

  it("a payload that is asynchronous, or throws, is invalid", () => {
    const slow = Schema.String.pipe(Schema.decodeTo(Schema.String, {
      decode: SchemaGetter.passthrough(),
      encode: SchemaGetter.transformEffect((value: string) => Effect.as(Effect.sleep(1), value))
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
      const E = Event.make("E", { version: 1, payload, aggregateId: () => "a" })
      const result = makeCodec({ events: [E], wire }).encode({ ...bare, type: "E", payload: "x" }, undefined)
      assert.deepStrictEqual(
        result._tag === "InvalidEnvelope" ? result.issues.map(({ path }) => path) : result,
        [["payload"]]
      )
    }
  })
})
