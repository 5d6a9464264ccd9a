import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { PartitionLog, segmentSize } from "../../src/internal/memory/log.ts"
import { bodyOf, record } from "../fixtures/batch.ts"

const filled = (count: number): PartitionLog => {
  const log = new PartitionLog(3)
  for (let i = 0; i < count; i++) log.append(record(`e${i}`), i * 10)
  return log
}

describe("PartitionLog", () => {
  it("gives contiguous offsets from 0 and returns what was stored", () => {
    const log = filled(3)
    assert.deepStrictEqual([log.start, log.end], [0, 3])
    const { body, ...rest } = log.read("orders", 1, 7, 2)
    assert.deepStrictEqual(rest, {
      topic: "orders",
      partition: 3,
      offset: BigInt(1),
      epoch: 7,
      attempt: 2,
      timestamp: 10,
      key: "a",
      headers: []
    })
    assert.strictEqual(bodyOf({ body }), "e1")
    assert.strictEqual(log.idOf(2), "e2")
  })

  it("counts the bytes that it retains", () => {
    const log = filled(2)
    assert.strictEqual(log.bytes, 6)
    assert.strictEqual(log.evict(), 3)
    assert.deepStrictEqual([log.bytes, log.start, log.end], [3, 1, 2])
  })

  it("lets go of an evicted large body before its segment is full", () => {
    const log = new PartitionLog(0)
    log.append(record("e0", { body: new Uint8Array(100_000) }), 0)
    log.append(record("e1", { body: new Uint8Array(100_000) }), 0)
    log.evict()
    assert.strictEqual(log.read("orders", 0, 0, 0).body.length, 0)
    assert.strictEqual(log.read("orders", 1, 0, 0).body.length, 100_000)
  })

  it("copies small bodies and keeps large ones, side by side", () => {
    const log = new PartitionLog(0)
    const sizes = Array.from({ length: 3 * segmentSize }, (_, i) => i % 7 === 0 ? 5000 : i % 50)
    const reused = new Uint8Array(5000)
    sizes.forEach((size, i) => {
      const body = size > 4096 ? new Uint8Array(size).fill(i % 251) : reused.fill(i % 251).subarray(0, size)
      log.append(record(`e${i}`, { body }), i)
    })
    sizes.forEach((size, i) => {
      const { body } = log.read("orders", i, 0, 0)
      assert.strictEqual(body.length, size)
      assert.isTrue(body.every((byte) => byte === i % 251))
    })
  })

  it("keeps its offsets over many dropped segments", () => {
    const log = new PartitionLog(0)
    const total = segmentSize * 300
    for (let i = 0; i < total; i++) {
      log.append(record(`e${i}`), i)
      if (i >= 100) log.evict()
    }
    assert.deepStrictEqual([log.start, log.end], [total - 100, total])
    assert.strictEqual(log.idOf(total - 100), `e${total - 100}`)
    assert.strictEqual(log.idOf(total - 1), `e${total - 1}`)
    const segments: ReadonlyArray<unknown> = Reflect.get(log, "segments")
    assert.isAtMost(segments.length, 200)
    assert.isAtMost(segments.filter((segment) => segment !== undefined).length, 2)
  })

  it("goes on after everything was evicted", () => {
    const log = filled(segmentSize)
    while (log.start < log.end) log.evict()
    assert.strictEqual(log.bytes, 0)
    assert.strictEqual(log.append(record("next"), 1), segmentSize)
    assert.strictEqual(log.idOf(segmentSize), "next")
  })

  it("finds the first record of a time", () => {
    const log = filled(5)
    assert.deepStrictEqual([-1, 0, 1, 10, 39, 40, 41].map((time) => log.offsetAt(time)), [0, 0, 1, 1, 4, 4, 5])
    log.evict()
    assert.strictEqual(log.offsetAt(0), 1)
  })

  const steps = Arbitrary.array(Arbitrary.schema(Schema.Literals(["append", "evict", "evict many"])), {
    maxLength: 400
  })

  it.prop("is a queue with positions", [steps], ([script]) => {
    const log = new PartitionLog(0)
    const model: Array<string> = []
    let start = 0
    // Whole segments at a time, so that few steps cross many boundaries.
    const many = segmentSize / 2 + 1
    for (const step of script) {
      if (step === "append") {
        for (let i = 0; i < many; i++) {
          const id = `e${start + model.length}`
          assert.strictEqual(log.append(record(id), 0), start + model.length)
          model.push(id)
        }
        continue
      }
      for (let i = step === "evict" ? 1 : many; i > 0 && model.length > 0; i--) {
        log.evict()
        model.shift()
        start++
      }
    }
    assert.deepStrictEqual([log.start, log.end], [start, start + model.length])
    for (const index of [0, 1, Math.floor(model.length / 2), model.length - 1]) {
      if (index >= 0 && index < model.length) assert.strictEqual(log.idOf(start + index), model[index])
    }
  }, { arbitrary: { runs: 30 } })
})
