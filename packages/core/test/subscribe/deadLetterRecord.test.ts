import { assert, describe, it } from "@effect/vitest"
import { Cause, Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import type * as Broker from "../../src/Broker.ts"
import type * as Headers from "../../src/Headers.ts"
import * as DeadLetterRecord from "../../src/internal/subscribe/deadLetterRecord.ts"

const record = (fields?: Partial<Broker.InboundRecord>): Broker.InboundRecord => ({
  topic: "orders",
  partition: 3,
  offset: 12345678901234567890n,
  epoch: 0,
  attempt: 1,
  timestamp: 0,
  key: "a",
  headers: [],
  body: new Uint8Array([1]),
  ...fields
})

const letter = (fields?: Partial<Broker.InboundRecord>, cause: Cause.Cause<unknown> | string = "because") =>
  DeadLetterRecord.toRecord("g", { record: record(fields), attempts: 6, cause, firstSeen: 1, at: 2 })

describe("deadLetterRecord", () => {
  it.prop(
    "gives back the original's headers and all that was said, however hostile the original is",
    [
      Arbitrary.array(
        Arbitrary.schema(Schema.Tuple([
          Schema.Literals([
            "a",
            "A",
            "X-DeadLetter-Topic",
            "x-deadletter-topic",
            "X-DEADLETTER-CAUSE",
            "X-DeadLetter-Key"
          ]),
          Schema.String
        ])),
        { maxLength: 12 }
      ),
      Schema.String,
      Schema.UndefinedOr(Schema.String)
    ],
    ([headers, cause, key]) => {
      const written = letter({ headers, key }, cause)
      const parsed = DeadLetterRecord.parse(written.headers)
      assert.deepStrictEqual(parsed?.headers, headers)
      assert.deepInclude(parsed, {
        topic: "orders",
        partition: 3,
        offset: 12345678901234567890n,
        group: "g",
        attempts: 6
      })
      // Keys of records are well-formed and short; what is neither is only shown.
      if (key === undefined || (key.isWellFormed() && key.length < 100)) assert.strictEqual(parsed?.key, key)
      for (const [name, value] of written.headers.slice(headers.length)) {
        assert.match(name, /^X-DeadLetter-/)
        assert.match(String(value), /^[\x20-\x7e]+$/)
      }
    }
  )

  it("is the same letter for the same death, and another one for another", () => {
    const ids = [
      letter(),
      letter({ offset: 2n }),
      letter({ partition: 4 }),
      letter({ topic: "orders.retry.g" }),
      letter({ headers: [[DeadLetterRecord.replayHeader, "1"]] })
    ].map(({ eventId }) => eventId)
    assert.strictEqual(new Set(ids).size, 5)
    assert.strictEqual(letter({ body: new Uint8Array([9]) }).eventId, ids[0])
  })

  it.prop("text is printable, bounded, and comes back where it was not cut", [Schema.String], ([text]) => {
    const encoded = DeadLetterRecord.encodeText(text, 4096)
    assert.match(encoded, /^[\x20-\x7e]*$/)
    assert.strictEqual(DeadLetterRecord.decodeText(encoded), text.toWellFormed())
    const cut = DeadLetterRecord.encodeText(text.repeat(50) + "€".repeat(50), 100)
    assert.isAtMost(cut.length, 100)
    assert.isFalse(DeadLetterRecord.decodeText(cut).includes("\ufffd") && !text.toWellFormed().includes("\ufffd"))
  })

  for (
    const [secret, text] of [
      ["s3cr3t", "connect to amqp://user:s3cr3t@host:5672 failed"],
      ["s3cr3t", "{\"password\": \"s3cr3t\", \"user\": \"x\"}"],
      ["s3cr3t", "api_key=s3cr3t&x=1"],
      ["s3cr3t", "client-secret: s3cr3t"],
      ["eyJhbGciOi.abc-def_", "authorization: Bearer eyJhbGciOi.abc-def_"]
    ] as const
  ) {
    it(`redacts ${text}`, () => {
      const parsed = DeadLetterRecord.parse(letter({}, Cause.fail(new Error(text))).headers)
      assert.notInclude(parsed?.cause, secret)
      assert.include(parsed?.cause, "<redacted>")
    })
  }

  it("replayOf reads only sane numbers", () => {
    const of = (value: Headers.Value) => DeadLetterRecord.replayOf([[DeadLetterRecord.replayHeader, value]])
    assert.deepStrictEqual(["1", "0", "-1", "1.5", "x", "1e400", "99999999999999999999"].map(of), [1, 0, 0, 0, 0, 0, 0])
    assert.strictEqual(of(new Uint8Array([0xff])), 0)
  })

  it("anything else is not a dead letter", () => {
    assert.isUndefined(DeadLetterRecord.parse([]))
    assert.isUndefined(
      DeadLetterRecord.parse([["X-DeadLetter-Topic", "t"], ["X-DeadLetter-Group", "g"], ["X-DeadLetter-Offset", "x"]])
    )
  })
})
