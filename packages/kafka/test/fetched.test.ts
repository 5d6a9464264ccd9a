import { assert, describe, it } from "@effect/vitest"
import { type RawBatch, readBatches } from "../src/internal/fetched.ts"

const batch = (firstOffset: bigint, count: number, more: Partial<RawBatch> = {}): RawBatch => ({
  firstOffset,
  lastOffsetDelta: count - 1,
  attributes: 0,
  firstTimestamp: 1000n,
  maxTimestamp: 2000n,
  producerId: -1n,
  records: Array.from({ length: count }, (_, offsetDelta) => ({
    offsetDelta,
    timestampDelta: 5n,
    key: Buffer.from("k"),
    value: Buffer.from("v"),
    headers: []
  })),
  ...more
})
const transactional = (firstOffset: bigint, producerId: bigint) =>
  batch(firstOffset, 1, { attributes: 1 << 4, producerId })
const marker = (firstOffset: bigint, producerId: bigint, type: 0 | 1) =>
  batch(firstOffset, 1, {
    attributes: (1 << 4) | (1 << 5),
    producerId,
    records: [{ offsetDelta: 0, timestampDelta: 0n, key: Buffer.from([0, 0, 0, type]), value: null, headers: [] }]
  })
const offsets = ({ records }: ReturnType<typeof readBatches>) => records.map(({ offset }) => offset)

describe("readBatches", () => {
  it("leaves out what lies before the position", () => {
    const read = readBatches([batch(10n, 5)], 12n, [])
    assert.deepStrictEqual(offsets(read), [12n, 13n, 14n])
    assert.strictEqual(read.next, 15n)
  })

  it("goes on behind a gap at the end", () => {
    assert.strictEqual(readBatches([batch(0n, 2, { lastOffsetDelta: 8 })], 0n, []).next, 9n)
  })

  it("knows both kinds of timestamps", () => {
    assert.strictEqual(readBatches([batch(0n, 1)], 0n, []).records[0]?.timestamp, 1005)
    assert.strictEqual(readBatches([batch(0n, 1, { attributes: 1 << 3 })], 0n, []).records[0]?.timestamp, 2000)
  })

  it("leaves out aborted transactions, each of several of one producer", () => {
    const log = [
      transactional(0n, 1n),
      marker(1n, 1n, 0),
      transactional(2n, 1n),
      marker(3n, 1n, 1),
      transactional(4n, 1n),
      transactional(5n, 2n),
      marker(6n, 1n, 0),
      marker(7n, 2n, 1)
    ]
    const read = readBatches(log, 0n, [{ producerId: 1n, firstOffset: 4n }, { producerId: 1n, firstOffset: 0n }])
    assert.deepStrictEqual(offsets(read), [2n, 5n])
    assert.strictEqual(read.next, 8n)
  })

  it("a tombstone has an empty body", () => {
    const one = batch(0n, 1, {
      records: [{ offsetDelta: 0, timestampDelta: 0n, key: null, value: null, headers: [] }]
    })
    const [record] = readBatches([one], 0n, []).records
    assert.strictEqual(record?.key, undefined)
    assert.strictEqual(record?.body.length, 0)
  })
})
