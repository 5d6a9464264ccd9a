import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { type Aborted, type Fetched, readBatches } from "../src/internal/fetched.ts"
import { decompress } from "../src/internal/platformatic/compress.ts"
import { HeaderReader } from "../src/internal/records/decode.ts"
import { checksum, encode, ofKafkaJs, type Plain, seen } from "./fixtures/batches.ts"

const read = (
  bytes: Buffer,
  from = 0n,
  aborted: ReadonlyArray<Aborted> = [],
  memory = new HeaderReader()
): Fetched => readBatches(bytes, from, aborted, memory, { crc32c: checksum, decompress })

const plain = (key = "k"): Plain => ({ key, body: Buffer.from("v"), headers: [] })

interface Shape {
  readonly lastOffsetDelta?: number
  readonly attributes?: number
  readonly producerId?: bigint
  readonly maxTimestamp?: bigint
}

/** A batch as a broker has it: with an offset, and with what only brokers and transactions write. */
const placed = async (firstOffset: bigint, records: ReadonlyArray<Plain>, shape: Shape = {}): Promise<Buffer> => {
  const batch = Buffer.from(await encode(records, { timestamp: 1000 }))
  batch.writeBigInt64BE(firstOffset, 0)
  batch.writeInt16BE(shape.attributes ?? 0, 21)
  batch.writeInt32BE(shape.lastOffsetDelta ?? records.length - 1, 23)
  batch.writeBigInt64BE(shape.maxTimestamp ?? 2000n, 35)
  batch.writeBigInt64BE(shape.producerId ?? -1n, 43)
  batch.writeUInt32BE(checksum(batch.subarray(21)), 17)
  return batch
}

const many = (count: number) => Array.from({ length: count }, () => plain())
const transactional = (firstOffset: bigint, producerId: bigint) =>
  placed(firstOffset, [plain()], { attributes: 1 << 4, producerId })
const marker = (firstOffset: bigint, producerId: bigint, type: 0 | 1) =>
  placed(firstOffset, [plain(String.fromCharCode(0, 0, 0, type))], { attributes: (1 << 4) | (1 << 5), producerId })
const offsets = ({ records }: Fetched) => records.map(({ offset }) => offset)

const Record = Schema.Struct({
  key: Schema.String,
  body: Schema.Uint8Array,
  headers: Schema.Array(Schema.Tuple([Schema.String, Schema.Union([Schema.String, Schema.Uint8Array])]))
})
const records = Arbitrary.array(Arbitrary.schema(Record), { minLength: 1, maxLength: 20 })
const codec = Arbitrary.schema(Schema.Literals(["none", "gzip", "snappy", "lz4", "zstd"]))

/** What we read, as everybody can compare it. A lone surrogate is U+FFFD on the wire. */
const seenAgain = ({ records: all }: Fetched) =>
  all.map(({ body, headers, key }) => seen({ key: key ?? "", body, headers }))

describe("fetched batches", () => {
  it.effect.prop(
    "are what was written, in every codec, whatever was read before",
    { records, before: records, codec },
    (all) =>
      Effect.gen(function*() {
        const memory = new HeaderReader()
        const before = yield* Effect.promise(async () => encode(all.before))
        assert.deepStrictEqual(seenAgain(read(before, 0n, [], memory)), all.before.map(seen))
        const batch = yield* Effect.promise(async () => encode(all.records, { codec: all.codec }))
        // What comes again is remembered.
        for (let i = 0; i < 3; i++) {
          const found = read(batch, 0n, [], memory)
          assert.strictEqual(found.corrupt, undefined)
          assert.deepStrictEqual(seenAgain(found), all.records.map(seen))
          assert.strictEqual(found.next, BigInt(all.records.length))
        }
      })
  )

  it.effect.prop("with any byte changed behind their length are corrupt, and no record comes out", {
    records,
    where: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })))
  }, ({ records: all, where }) =>
    Effect.gen(function*() {
      const batch = Buffer.from(yield* Effect.promise(async () => encode(all)))
      const at = 16 + where % (batch.length - 16)
      batch[at] = batch[at]! ^ 0x41
      const found = read(batch, 0n)
      assert.isDefined(found.corrupt)
      assert.deepStrictEqual(found.records, [])
      assert.strictEqual(found.next, 0n)
    }))

  it("are delivered up to the corrupt one", async () => {
    const good = await placed(0n, many(2))
    const bad = await placed(2n, many(2))
    bad[40] = bad[40]! ^ 1
    const found = read(Buffer.concat([good, bad, await placed(4n, many(1))]))
    assert.deepStrictEqual(offsets(found), [0n, 1n])
    assert.strictEqual(found.next, 2n)
    assert.match(found.corrupt ?? "", /offset 2/)
  })

  it("of an older format are not guessed at", async () => {
    const batch = await placed(0n, many(1))
    batch[16] = 1
    assert.match(read(batch).corrupt ?? "", /format 1/)
  })

  it("that are cut off at the end come with the next fetch", async () => {
    const first = await placed(0n, many(2))
    const second = await placed(2n, many(2))
    for (const bytes of [1, 11, 60, second.length - 1]) {
      const found = read(Buffer.concat([first, second.subarray(0, bytes)]))
      assert.deepStrictEqual(offsets(found), [0n, 1n])
      assert.strictEqual(found.next, 2n)
      assert.strictEqual(found.corrupt, undefined)
    }
    assert.strictEqual(read(Buffer.alloc(0), 7n).next, 7n)
  })

  it("leave out what lies before the position", async () => {
    const found = read(await placed(10n, many(5)), 12n)
    assert.deepStrictEqual(offsets(found), [12n, 13n, 14n])
    assert.strictEqual(found.next, 15n)
  })

  it("go on behind a gap at the end", async () => {
    assert.strictEqual(read(await placed(0n, many(2), { lastOffsetDelta: 8 })).next, 9n)
  })

  it("know both kinds of timestamps", async () => {
    assert.strictEqual(read(await placed(0n, many(1))).records[0]?.timestamp, 1000)
    assert.strictEqual(read(await placed(0n, many(1), { attributes: 1 << 3 })).records[0]?.timestamp, 2000)
  })

  it("are what kafkajs writes, with times before and behind the first", async () => {
    const times = [5_000_000_000, 4_999_999_999, 5_000_000_000_000, 0]
    const batch = await ofKafkaJs(
      5_000_000_000,
      times.map((time) => ({ timestampDelta: time - 5_000_000_000, key: "k", value: "v", headers: { a: ["1", "2"] } }))
    )
    const { records: all } = read(batch)
    assert.deepStrictEqual(all.map(({ timestamp }) => timestamp), times)
    assert.deepStrictEqual(all[3]?.headers, [["a", "1"], ["a", "2"]])
  })

  it("leave out aborted transactions, each of several of one producer", async () => {
    const log = await Promise.all([
      transactional(0n, 1n),
      marker(1n, 1n, 0),
      transactional(2n, 1n),
      marker(3n, 1n, 1),
      transactional(4n, 1n),
      transactional(5n, 2n),
      marker(6n, 1n, 0),
      marker(7n, 2n, 1)
    ])
    const found = read(Buffer.concat(log), 0n, [
      { producerId: 1n, firstOffset: 4n },
      { producerId: 1n, firstOffset: 0n }
    ])
    assert.deepStrictEqual(offsets(found), [2n, 5n])
    assert.strictEqual(found.next, 8n)
  })

  it("a tombstone has an empty body", async () => {
    const [record] = read(await ofKafkaJs(0, [{ timestampDelta: 0, key: null, value: null }])).records
    assert.strictEqual(record?.key, undefined)
    assert.strictEqual(record?.body.length, 0)
  })
})
