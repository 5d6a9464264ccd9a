import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { assign } from "../../src/internal/memory/assign.ts"

const none = (count: number): ReadonlyArray<string | undefined> => Array.from({ length: count }, () => undefined)

describe("assign", () => {
  it("shares evenly, the eldest first", () => {
    assert.deepStrictEqual(assign(["a", "b"], none(5)), ["a", "a", "a", "b", "b"])
    assert.deepStrictEqual(assign(["a", "b", "c"], none(2)), ["a", "b"])
    assert.deepStrictEqual(assign([], ["a"]), [undefined])
  })

  it("moves only what it has to", () => {
    assert.deepStrictEqual(assign(["a", "b"], ["a", "a", "a", "a"]), ["a", "a", "b", "b"])
    assert.deepStrictEqual(assign(["b"], ["a", "b", "a"]), ["b", "b", "b"])
    assert.deepStrictEqual(assign(["a", "b", "c"], ["a", "b", "a", "b", "b"]), ["a", "b", "a", "b", "c"])
  })

  const members = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 }))
  const holder = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8 }))

  it.prop(
    "is even, complete, deterministic, and as sticky as evenness allows",
    [members, Arbitrary.array(Arbitrary.schema(holder), { maxLength: 30 })],
    ([count, held]) => {
      const names = Array.from({ length: count }, (_, i) => `m${i}`)
      // Numbers beyond the members stand for one that has left, or for none.
      const holders = held.map((index) => index === 8 ? undefined : `m${index}`)
      const targets = assign(names, holders)
      assert.deepStrictEqual(assign(names, holders), targets)
      const counts = names.map((name) => targets.filter((target) => target === name).length)
      assert.strictEqual(counts.reduce((sum, n) => sum + n, 0), holders.length)
      assert.isAtMost(Math.max(...counts) - Math.min(...counts), 1)
      // The best that evenness allows: each keeps as many as its quota, and the larger quotas go to those with most.
      const had = names.map((name) => holders.filter((one) => one === name).length).toSorted((a, b) => b - a)
      const base = Math.floor(holders.length / count)
      const extra = holders.length % count
      const best = had.reduce((sum, n, i) => sum + Math.min(n, i < extra ? base + 1 : base), 0)
      assert.strictEqual(targets.filter((target, i) => target === holders[i]).length, best)
    }
  )
})
