import * as Envelope from "@effect-eventbus/core/Envelope"
import * as Event from "@effect-eventbus/core/Event"
import * as Headers from "@effect-eventbus/core/Headers"
import { Generators } from "@effect-eventbus/core/testing"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { sha1 } from "../src/internal/sha1.ts"
import { decodeUtf8, encodeUtf8, utf8Length } from "../src/internal/text.ts"
import * as Timestamp from "../src/internal/timestamp.ts"
import { fromHeaders } from "../src/internal/userHeaders.ts"
import { valid } from "./fixtures/malformed.ts"
import { Orders } from "./fixtures/orders.ts"

describe("rules", () => {
  const allowed: ReadonlyArray<readonly [name: string, fields: object]> = [
    ["event id of 256 bytes", { eventId: "x".repeat(256) }],
    ["event id of 256 bytes in fewer characters", { eventId: "ü".repeat(128) }],
    ["event id with spaces at its ends", { eventId: " a " }],
    ["event id in any script", { eventId: "größer 👩‍👧" }],
    ["event id with characters that JSON escapes", { eventId: "\"\\%{}" }],
    ["aggregate id of 256 bytes", { aggregateId: "a".repeat(256) }],
    ["aggregate id of all characters", { aggregateId: "AZaz09:_./-" }],
    ["aggregate id that is a name of every object", { aggregateId: "constructor" }],
    ["largest version", { version: Number.MAX_SAFE_INTEGER }],
    ["first timestamp", { timestamp: new Date("0000-01-01T00:00:00.000Z") }],
    ["last timestamp", { timestamp: new Date("9999-12-31T23:59:59.999Z") }],
    ["tenant 0", { tenantId: 0 }],
    ["smallest tenant", { tenantId: Number.MIN_SAFE_INTEGER }],
    ["undefined for absent", { traceId: undefined, tenantId: undefined, headers: undefined }],
    ["no headers", { headers: {} }],
    ["64 headers", { headers: Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`h${i}`, "v"])) }],
    ["16 KiB of headers", { headers: { a: "x".repeat(16_383) } }],
    ["header names of all characters", { headers: { ["a".repeat(128)]: "", "X-Request.Id_1": "größe" } }],
    ["headers without a prototype", { headers: Object.assign(Object.create(null), { a: "b" }) }]
  ]

  it.each(allowed)("allow %s", (_, fields) => {
    assert.deepStrictEqual(Envelope.issues({ ...valid, ...fields }), [])
  })

  it("guards", () => {
    assert.isTrue(Envelope.isEnvelope(valid))
    assert.isTrue(Envelope.isEventId("e"))
    assert.isFalse(Envelope.isEventId("\n"))
    assert.isTrue(Envelope.isAggregateId("a"))
    assert.isFalse(Envelope.isAggregateId("a b"))
    assert.isTrue(Envelope.isVersion(1))
    assert.isFalse(Envelope.isVersion("1"))
    assert.isTrue(Envelope.isTenantId(-1))
    assert.isFalse(Envelope.isTenantId(1n))
  })
})

describe("generators", () => {
  it.prop("make valid envelopes", [Generators.topicEnvelope(Orders)], ([envelope]) => {
    assert.deepStrictEqual(Envelope.issues(envelope), [])
  }, { arbitrary: { runs: 500 } })

  it.prop(
    "of few aggregates, with unique ids",
    [Generators.topicEnvelopes(Orders, { minLength: 10 })],
    ([envelopes]) => {
      assert.strictEqual(new Set(envelopes.map(({ eventId }) => eventId)).size, envelopes.length)
      assert.isAtMost(new Set(envelopes.map(({ aggregateId }) => aggregateId)).size, 3)
    }
  )

  const Moved = Event.make("Moved", {
    version: 1,
    payload: Schema.Struct({ id: Schema.String.check(Schema.isPattern(/^[a-c]{1,2}$/)) }),
    aggregateId: ({ id }) => id
  })

  it.prop(
    "of the aggregates that are asked for",
    [Generators.envelope(Moved, { aggregates: ["x"] }), Generators.envelope(Moved, { aggregates: "payload" })],
    ([one, own]) => {
      assert.strictEqual(one.aggregateId, "x")
      assert.strictEqual(own.aggregateId, own.payload.id)
    }
  )

  it.effect("show all that may be there", () =>
    Effect.gen(function*() {
      const envelopes = yield* Arbitrary.sampleEffect(Generators.topicEnvelope(Orders), { count: 300, seed: 1 })
      for (const key of ["traceId", "correlationId", "causationId", "tenantId", "headers"] as const) {
        const present = envelopes.filter((envelope) => key in envelope).length
        assert.isAbove(present, 30, key)
        assert.isBelow(present, 290, key)
      }
      assert.strictEqual(new Set(envelopes.map(({ type }) => type)).size, 2)
    }))
})

describe("timestamps of RFC 3339", () => {
  it.each([
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"],
    ["2026-01-02t03:04:05z", "2026-01-02T03:04:05.000Z"],
    ["2026-01-02T03:04:05.6Z", "2026-01-02T03:04:05.600Z"],
    ["2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123Z"],
    ["2026-01-02T03:04:05.999999999+08:00", "2026-01-01T19:04:05.999Z"],
    ["2026-01-02T03:04:05-03:30", "2026-01-02T06:34:05.000Z"],
    ["2026-01-02T03:04:05-00:00", "2026-01-02T03:04:05.000Z"],
    ["2024-02-29T23:59:60Z", "2024-03-01T00:00:00.000Z"],
    ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
    ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"]
  ])("%s", (text, expected) => {
    assert.strictEqual(new Date(Timestamp.parse(text)).toISOString(), expected)
  })

  const Millis = Schema.Int.check(Schema.isBetween({ minimum: Timestamp.minMillis, maximum: Timestamp.maxMillis }))
  const Offset = Schema.Int.check(Schema.isBetween({ minimum: -1439, maximum: 1439 }))

  it.prop("are written and read as Date does", [Millis, Offset], ([millis, offset]) => {
    const text = new Date(millis).toISOString()
    assert.strictEqual(Timestamp.format(millis), text)
    assert.strictEqual(Timestamp.parse(text), millis)
    const local = new Date(millis + offset * 60_000)
    if (!Timestamp.isTimestamp(local)) return
    const minutes = Math.abs(offset)
    const two = (n: number) => String(n).padStart(2, "0")
    const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
    assert.strictEqual(Timestamp.parse(local.toISOString().replace("Z", zone)), millis)
  }, { arbitrary: { runs: 1000 } })

  it.prop("random text is no timestamp, and does not throw", [Schema.String], ([text]) => {
    assert.isNaN(Timestamp.parse(text))
  })
})

describe("bytes", () => {
  it.prop("UTF-8 both ways", [Schema.String], ([text]) => {
    const well = text.toWellFormed()
    assert.strictEqual(decodeUtf8(encodeUtf8(well)), well)
    assert.strictEqual(utf8Length(well), new TextEncoder().encode(well).length)
  })

  it.prop("what is not UTF-8 is found as a strict decoder finds it", [Schema.Uint8Array], ([bytes]) => {
    let expected: string | undefined
    try {
      expected = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      expected = undefined
    }
    assert.strictEqual(decodeUtf8(bytes), expected)
    assert.strictEqual(decodeUtf8(Buffer.from(bytes)), expected)
  }, { arbitrary: { runs: 500 } })

  it("a byte order mark stays", () => {
    assert.strictEqual(decodeUtf8(encodeUtf8("\ufeffa")), "\ufeffa")
    assert.strictEqual(decodeUtf8(encodeUtf8("\ufeff\ufffd")), "\ufeff\ufffd")
  })

  it("a view into a larger buffer", () => {
    const bytes = new TextEncoder().encode("xxäöüxx")
    assert.strictEqual(decodeUtf8(bytes.subarray(2, 8)), "äöü")
  })

  it.prop("SHA-1 as the platform has it", [Schema.Uint8Array], ([bytes]) => {
    const words = sha1(bytes).map((word) => word.toString(16).padStart(8, "0")).join("")
    assert.strictEqual(words, createHash("sha1").update(bytes).digest("hex"))
  })

  it("SHA-1 around the ends of its blocks", () => {
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i)
      const words = sha1(bytes).map((word) => word.toString(16).padStart(8, "0")).join("")
      assert.strictEqual(words, createHash("sha1").update(bytes).digest("hex"))
    }
  })
})

describe("headers of a record, read as an application's", () => {
  it("leaves out what is not its own", () => {
    assert.deepStrictEqual(
      fromHeaders([
        ["X-Event-ID", "1"],
        ["traceparent", "1"],
        ["Nats-Msg-Id", "1"],
        ["X-DeadLetter-Group", "1"],
        ["__proto__", "1"],
        ["a b", "1"],
        ["binary", Uint8Array.of(0xff)],
        ["control", "a\nb"],
        ["x-own", "1"]
      ]),
      { "x-own": "1" }
    )
    assert.isUndefined(fromHeaders([["X-Event-ID", "1"]]))
  })

  it("takes the last value, whatever its case", () => {
    assert.deepStrictEqual(fromHeaders([["a", "1"], ["b", "2"], ["A", "3"], ["b", "4"]]), { A: "3", b: "4" })
  })

  it("keeps the limits", () => {
    const many: Headers.Headers = Array.from({ length: 100 }, (_, i) => [`h${i}`, "v"] as const)
    assert.strictEqual(Object.keys(fromHeaders(many) ?? {}).length, Headers.maxUserHeaders)
    assert.deepStrictEqual(fromHeaders([["a", "b"], ["large", "x".repeat(20_000)]]), { a: "b" })
  })

  it("knows sizes in bytes", () => {
    assert.strictEqual(Headers.size([["a", "ü"], ["b", Uint8Array.of(1, 2, 3)]]), 7)
    assert.strictEqual(Headers.size(Headers.empty), 0)
  })
})
