import { assert, describe, it } from "@effect/vitest"
import { IdTable } from "../../src/internal/memory/idTable.ts"

describe("IdTable", () => {
  it("finds what was set, and nothing else", () => {
    const table = new IdTable(0)
    for (let i = 0; i < 5000; i++) table.set(`id-${i}`, i % 3, i, i * 2)
    assert.strictEqual(table.size, 5000)
    for (let i = 0; i < 5000; i++) {
      const row = table.find(`id-${i}`)
      assert.deepStrictEqual([table.partitionOf(row), table.offsetOf(row), table.timestampOf(row)], [i % 3, i, i * 2])
    }
    assert.strictEqual(table.find("id-5000"), -1)
    assert.strictEqual(table.find(""), -1)
  })

  it("replaces what it knows of an id", () => {
    const table = new IdTable(0)
    table.set("a", 0, 1, 2)
    table.set("a", 3, 4, 5)
    const row = table.find("a")
    assert.deepStrictEqual([table.size, table.partitionOf(row), table.offsetOf(row), table.timestampOf(row)], [
      1,
      3,
      4,
      5
    ])
  })

  it("keeps ids of the same hash apart", () => {
    // A known pair of the 32-bit FNV-1a.
    const table = new IdTable(0)
    table.set("costarring", 0, 1, 0)
    assert.strictEqual(table.find("liquid"), -1)
    table.set("liquid", 0, 2, 0)
    assert.strictEqual(table.offsetOf(table.find("costarring")), 1)
    assert.strictEqual(table.offsetOf(table.find("liquid")), 2)
  })

  it("holds offsets beyond 32 bits", () => {
    const table = new IdTable(0)
    table.set("a", 0, 2 ** 45, 2 ** 42)
    assert.strictEqual(table.offsetOf(table.find("a")), 2 ** 45)
  })
})
