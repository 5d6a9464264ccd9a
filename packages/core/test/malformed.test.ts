import * as Envelope from "@effect-eventbus/core/Envelope"
import * as PublishError from "@effect-eventbus/core/PublishError"
import { Generators } from "@effect-eventbus/core/testing"
import * as Wire from "@effect-eventbus/core/Wire"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { makeCodec } from "../src/internal/codec.ts"
import { malformed, valid, validShipped } from "./fixtures/malformed.ts"
import {
  body as goodBody,
  bytes,
  cloudEvent,
  malformedCloudEvents,
  malformedRecords
} from "./fixtures/malformedBytes.ts"
import { Orders } from "./fixtures/orders.ts"

const json = makeCodec(Orders)
const cloudEvents = makeCodec({ ...Orders, wire: Wire.cloudEvents({ source: "/test" }) })
const codecs = [["json", json], ["cloudEvents", cloudEvents]] as const

const paths = (issues: ReadonlyArray<PublishError.Issue>) => issues.map(({ path }) => JSON.stringify(path))

describe.each(codecs)("an envelope that breaks a rule is not encoded: %s", (_, codec) => {
  it("the good ones are", () => {
    assert.strictEqual(codec.encode(valid, undefined)._tag, "Encoded")
    assert.strictEqual(codec.encode(validShipped, undefined)._tag, "Encoded")
  })

  it.each(malformed)("$name", ({ envelope, path }) => {
    const result = codec.encode(envelope, undefined)
    assert.instanceOf(result, PublishError.InvalidEnvelope)
    if (result instanceof PublishError.InvalidEnvelope) {
      assert.deepStrictEqual(paths(result.issues), [JSON.stringify(path)])
      assert.isNotEmpty(result.issues[0].message)
    }
  })

  it("reports all that is wrong at once", () => {
    const result = codec.encode(
      { ...valid, eventId: "", aggregateId: "*", version: 9, tenantId: 1.5, payload: { orderId: 1, total: "x" } },
      undefined
    )
    assert.deepStrictEqual(
      result instanceof PublishError.InvalidEnvelope ? paths(result.issues) : [],
      [
        "[\"eventId\"]",
        "[\"aggregateId\"]",
        "[\"tenantId\"]",
        "[\"version\"]",
        "[\"payload\",\"orderId\"]",
        "[\"payload\",\"total\"]"
      ]
    )
  })

  it("does not report a million issues", () => {
    const parcels = Array.from({ length: 100_000 }, () => 1)
    const result = codec.encode({ ...validShipped, payload: { ...validShipped.payload, parcels } }, undefined)
    assert.isAtMost(result instanceof PublishError.InvalidEnvelope ? result.issues.length : Infinity, 32)
  })

  it("200,000 levels are refused at once", () => {
    const deep = malformed.find(({ name }) => name.includes("200,000"))
    const start = performance.now()
    codec.encode(deep?.envelope, undefined)
    assert.isBelow(performance.now() - start, 200)
  })
})

it("the rules of an envelope say the same as the codecs, but for what only the topic knows", () => {
  for (const { envelope, name, path } of malformed) {
    if (name.includes("getter")) continue
    const ofTopic = path[0] === "payload" || /not of this topic|other case|every object|newer|older/.test(name)
    assert.strictEqual(Envelope.isEnvelope(envelope), ofTopic, name)
  }
})

it("issues are data that can be sent on", () => {
  const result = json.encode({ ...valid, eventId: "" }, undefined)
  const codec = Schema.toCodecJson(PublishError.InvalidEnvelope)
  if (!(result instanceof PublishError.InvalidEnvelope)) throw new Error("encoded")
  assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(Schema.encodeSync(codec)(result)).issues, result.issues)
})

describe("bytes that are not an envelope are not decoded: json", () => {
  it("the good ones are", () => {
    assert.strictEqual(
      json.decode({ body: bytes(JSON.stringify(goodBody)), headers: [], key: undefined })._tag,
      "Decoded"
    )
  })

  it.each(malformedRecords)("$name", ({ body, path }) => {
    const start = performance.now()
    const result = json.decode({ body, headers: [], key: "o-1" })
    assert.isBelow(performance.now() - start, 200)
    assert.strictEqual(result._tag, "Undecodable")
    if (result._tag === "Undecodable") {
      assert.deepStrictEqual(paths(result.issues), [JSON.stringify(path)])
      assert.isNotEmpty(result.message)
    }
  })
})

describe("bytes that are not an envelope are not decoded: cloudEvents", () => {
  const payload = bytes(JSON.stringify(goodBody.payload))

  it("the good ones are", () => {
    assert.strictEqual(cloudEvents.decode({ body: payload, headers: cloudEvent, key: undefined })._tag, "Decoded")
  })

  it.each(malformedCloudEvents)("$name", ({ headers, path }) => {
    const result = cloudEvents.decode({ body: payload, headers, key: undefined })
    assert.strictEqual(result._tag, "Undecodable")
    if (result._tag === "Undecodable") assert.deepStrictEqual(paths(result.issues), [JSON.stringify([path])])
  })

  it.each(["", "{", "null", "[]", "{\"__proto__\":{}}", "[".repeat(200_000)])("body %s", (text) => {
    const result = cloudEvents.decode({ body: bytes(text), headers: cloudEvent, key: undefined })
    assert.strictEqual(result._tag, "Undecodable")
  })
})

it("messages do not give away what is in the bytes", () => {
  for (
    const secret of [
      "{\"password\":\"hunter2\"",
      "hunter2",
      JSON.stringify({ ...goodBody, event_id: { secret: "hunter2" } })
    ]
  ) {
    const result = json.decode({ body: bytes(secret), headers: [], key: undefined })
    assert.notInclude(JSON.stringify(result), "hunter2")
  }
})

describe("nothing that is thrown at a codec makes it throw", () => {
  const Bytes = Schema.Uint8Array
  const Headers = Schema.Array(Schema.Tuple([Schema.String, Schema.Union([Schema.String, Schema.Uint8Array])]))

  it.prop("random bytes and headers", { body: Bytes, headers: Headers }, ({ body, headers }) => {
    for (const [, codec] of codecs) {
      assert.notStrictEqual(codec.decode({ body, headers, key: undefined })._tag, "Decoded")
    }
  }, { arbitrary: { runs: 500 } })

  it.prop("random values", [Schema.Json, Schema.String], ([value, key]) => {
    for (const [, codec] of codecs) {
      assert.strictEqual(codec.encode(value, undefined)._tag, "InvalidEnvelope")
      codec.encode({ ...valid, [key]: value }, undefined)
      codec.encode({ ...valid, payload: value }, undefined)
      codec.encode({ ...valid, headers: value }, undefined)
      codec.decode({ body: bytes(JSON.stringify(value)), headers: cloudEvent, key: undefined })
      codec.decode({ body: bytes(JSON.stringify({ ...goodBody, [key]: value })), headers: cloudEvent, key: undefined })
    }
  }, { arbitrary: { runs: 500 } })

  const Mutation = Schema.Struct({
    at: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
    byte: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })),
    kind: Schema.Literals(["set", "insert", "remove", "cut", "double"])
  })

  const mutate = (original: Uint8Array, { at, byte, kind }: typeof Mutation.Type): Uint8Array => {
    const list = Array.from(original)
    const i = Math.floor(at * list.length)
    if (kind === "set") list[i] = byte
    else if (kind === "insert") list.splice(i, 0, byte)
    else if (kind === "remove") list.splice(i, 1)
    else if (kind === "cut") list.length = i
    else list.splice(i, 0, ...list.slice(i))
    return Uint8Array.from(list)
  }

  it.prop(
    "mutations of valid records: what still decodes keeps the rules, and can be published again",
    [Generators.topicEnvelope(Orders), Schema.NonEmptyArray(Mutation).check(Schema.isMaxLength(4))],
    ([envelope, mutations]) => {
      for (const [, codec] of codecs) {
        const encoded = codec.encode(envelope, undefined)
        if (encoded._tag !== "Encoded") throw encoded
        const result = codec.decode({
          body: mutations.reduce(mutate, encoded.body),
          headers: encoded.headers,
          key: envelope.aggregateId
        })
        if (result._tag === "Decoded") assert.strictEqual(codec.encode(result.envelope, undefined)._tag, "Encoded")
      }
    },
    { arbitrary: { runs: 1000 } }
  )
})
