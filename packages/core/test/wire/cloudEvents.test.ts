import * as Headers from "@effect-eventbus/core/Headers"
import * as Wire from "@effect-eventbus/core/Wire"
import { assert, describe, it } from "@effect/vitest"
import { makeCodec } from "../../src/internal/codec.ts"
import { bytes } from "../fixtures/malformedBytes.ts"
import { Orders } from "../fixtures/orders.ts"
import { bare, encoded, full, source, text, traceparent } from "../fixtures/wire.ts"

describe("CloudEvents", () => {
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
    const others: Headers.Headers = [["ce-id", Uint8Array.of(0xff)], ["a%20", "b%20"]]
    assert.deepStrictEqual(Wire.kafkaHeaders(others), others)
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

  it.each(["", " ", "a b", "a\nb", "größer"])("source %j is refused", (bad) => {
    assert.throws(() => Wire.cloudEvents({ source: bad }), RangeError)
  })
})
