import { assert, describe, it } from "@effect/vitest"
import { Dedup } from "../../src/internal/subscribe/dedup.ts"

describe("Dedup", () => {
  it("knows an id for the window, and no longer", () => {
    const dedup = new Dedup(100, 10)
    dedup.add("a", 0)
    assert.isTrue(dedup.has("a", 99))
    assert.isFalse(dedup.has("a", 100))
    assert.isFalse(dedup.has("b", 0))
  })

  it("starts the window of an id anew when it is seen again", () => {
    const dedup = new Dedup(100, 10)
    dedup.add("a", 0)
    dedup.add("a", 90)
    assert.isTrue(dedup.has("a", 150))
  })

  it("is bounded in number, the latest stay, and forgets what has run out", () => {
    const dedup = new Dedup(100, 3)
    for (let i = 0; i < 10; i++) dedup.add(String(i), i)
    assert.strictEqual(dedup.size, 3)
    assert.deepStrictEqual([6, 7, 8, 9].map((i) => dedup.has(String(i), 10)), [false, true, true, true])
    dedup.add("late", 1000)
    assert.strictEqual(dedup.size, 1)
  })
})
