import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { HeaderMemory, putRecords } from "../src/internal/records/encode.ts"
import { byKafkaJs, byPlatformatic, checksum, encode, outbound, type Plain, seen } from "./fixtures/batches.ts"

const Record = Schema.Struct({
  key: Schema.String,
  body: Schema.Uint8Array,
  headers: Schema.Array(Schema.Tuple([Schema.String, Schema.Union([Schema.String, Schema.Uint8Array])]))
})
const records = Arbitrary.array(Arbitrary.schema(Record), { minLength: 1, maxLength: 20 })
const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const
const codec = Arbitrary.schema(Schema.Literals(codecs))
const stamp = { producerId: 4711n, producerEpoch: 3, sequence: 2_147_483_000 }

/** As kafkajs sees it: the values of a name together. */
const grouped = (plain: Plain) => {
  const { body, headers, key } = seen(plain)
  const byName = new Map<string | undefined, Array<string | undefined>>()
  for (const [name, value] of headers) byName.set(name, [...byName.get(name) ?? [], value])
  return { key, body, headers: byName }
}

const text = (length: number, of = "x"): Plain => ({ key: "k", body: Buffer.alloc(length, of), headers: [] })

describe("a batch", () => {
  it.effect.prop(
    "reads the same in @platformatic/kafka, in every codec",
    { records, codec },
    ({ codec: by, records: all }) =>
      Effect.gen(function*() {
        const batch = yield* Effect.promise(async () => encode(all, { codec: by, stamp }))
        const { header, records: read } = byPlatformatic(batch)
        assert.deepStrictEqual(read, all.map(seen))
        assert.strictEqual(header.crc, checksum(batch.subarray(21)))
        assert.strictEqual(header.length, batch.length - 12)
        assert.strictEqual(header.magic, 2)
        assert.strictEqual(header.lastOffsetDelta, all.length - 1)
        assert.strictEqual(header.firstTimestamp, 1_700_000_000_123n)
        assert.strictEqual(header.maxTimestamp, 1_700_000_000_123n)
        assert.strictEqual(header.producerId, 4711n)
        assert.strictEqual(header.producerEpoch, 3)
        assert.strictEqual(header.firstSequence, 2_147_483_000)
      })
  )

  it.effect.prop("reads the same in kafkajs", { records }, ({ records: given }) =>
    Effect.gen(function*() {
      // It puts headers into a plain object, where these names are taken.
      const all = given.map((one) => ({ ...one, headers: one.headers.filter(([name]) => !(name in {})) }))
      const batch = yield* Effect.promise(async () => encode(all, { stamp }))
      const read = yield* Effect.promise(() => byKafkaJs(batch))
      assert.strictEqual(read.producerId, "4711")
      assert.strictEqual(read.firstSequence, 2_147_483_000)
      assert.deepStrictEqual(read.records, all.map(grouped))
    }))

  it.effect.prop(
    "is the same whatever the topic's records looked like before",
    { records, before: records },
    (all) =>
      Effect.gen(function*() {
        const memory = new HeaderMemory()
        yield* Effect.promise(async () => encode(all.before, { memory }))
        // A value that comes again is copied from the third time on.
        for (let i = 0; i < 3; i++) {
          const batch = yield* Effect.promise(async () => encode(all.records, { memory }))
          assert.deepStrictEqual(byPlatformatic(batch).records, all.records.map(seen))
        }
      })
  )

  it.effect("has lengths of every width, also where they change within it", () =>
    Effect.gen(function*() {
      const lengths = [0, 1, 62, 63, 64, 65, 8180, 8191, 8192, 1, 1_048_570, 1_048_577, 3, 200_000]
      const all = lengths.map((length) => text(length))
      const batch = yield* Effect.promise(async () => encode(all))
      assert.deepStrictEqual(byPlatformatic(batch).records, all.map(seen))
    }))

  it.effect("counts bytes, not characters", () =>
    Effect.gen(function*() {
      const texts = [
        "",
        "a",
        "ü",
        "x".repeat(63),
        `${"x".repeat(62)}ü`,
        "ü".repeat(40),
        "x".repeat(64),
        "日本語".repeat(900),
        "\ud800"
      ]
      const all = texts.map((key): Plain => ({ key, body: Buffer.from(key), headers: [[`h${key}`, key], [key, "1"]] }))
      const batch = yield* Effect.promise(async () => encode(all))
      assert.deepStrictEqual(byPlatformatic(batch).records, all.map(seen))
    }))

  it("is refused where its buffer is too small", () => {
    assert.throws(() =>
      putRecords(
        Buffer.alloc(100),
        [outbound(text(10)), outbound({ ...text(0), key: "k".repeat(50) })],
        new HeaderMemory()
      )
    )
  })
})
