import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { make as makeCounters } from "../../src/internal/memory/counters.ts"
import { DedupeWindow } from "../../src/internal/memory/dedupe.ts"

const windowOf = (windowMillis: number, limit: number, counters = makeCounters()): DedupeWindow =>
  new DedupeWindow(windowMillis, limit, counters)

describe("DedupeWindow", () => {
  it("knows an id until the window has passed, not longer", () => {
    const window = windowOf(1000, 100)
    window.remember("a", 2, 7, 500)
    assert.isTrue(window.find("a", 1499))
    assert.deepStrictEqual([window.foundPartition, window.foundOffset], [2, 7])
    assert.isFalse(window.find("a", 1500))
    assert.isFalse(window.find("b", 500))
  })

  it("a repeat does not prolong the window, a new record of the same id starts it anew", () => {
    const window = windowOf(1000, 100)
    window.remember("a", 0, 0, 0)
    assert.isTrue(window.find("a", 999))
    assert.isFalse(window.find("a", 1000))
    window.remember("a", 0, 9, 1000)
    assert.isTrue(window.find("a", 1999))
    assert.strictEqual(window.foundOffset, 9)
    assert.isFalse(window.find("a", 2000))
  })

  it("a window of 0 remembers nothing", () => {
    const window = windowOf(0, 100)
    window.remember("a", 0, 0, 0)
    assert.isFalse(window.find("a", 0))
    assert.strictEqual(window.size, 0)
  })

  it("forgets the oldest first when there are too many, and counts them", () => {
    const counters = makeCounters()
    const window = windowOf(1000, 10, counters)
    for (let i = 0; i < 100; i++) {
      window.remember(`e${i}`, 0, i, 0)
      assert.isAtMost(window.size, 10)
    }
    assert.isTrue(window.find("e99", 0))
    assert.isTrue(window.find("e95", 0))
    assert.isFalse(window.find("e80", 0))
    assert.strictEqual(counters.forgottenIds, 100 - window.size)
  })

  it("drops expired ids without counting them as forgotten", () => {
    const counters = makeCounters()
    const window = windowOf(1000, 1_000_000, counters)
    for (let now = 0; now < 100_000; now += 100) window.remember(`e${now}`, 0, now, now)
    // At most the window itself, and the half that the oldest generation holds beyond it.
    assert.isAtMost(window.size, 20)
    assert.strictEqual(counters.forgottenIds, 0)
  })

  it("grows over many ids and finds each", () => {
    const window = windowOf(1000, 100_000)
    for (let i = 0; i < 20_000; i++) window.remember(`id-${i}`, i % 7, i * 3, 0)
    for (let i = 0; i < 20_000; i++) {
      assert.isTrue(window.find(`id-${i}`, 1))
      if (window.foundOffset !== i * 3 || window.foundPartition !== i % 7) assert.fail(`id-${i} was mistaken`)
    }
    assert.isFalse(window.find("id-20000", 1))
  })

  const step = Schema.Struct({
    id: Schema.Literals(["a", "b", "c", "d", "e"]),
    wait: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 700 }))
  })

  it.prop("is a map with expiry", [Arbitrary.array(Arbitrary.schema(step), { maxLength: 60 })], ([steps]) => {
    const window = windowOf(1000, 1000)
    const model = new Map<string, { readonly at: number; readonly offset: number }>()
    let now = 0
    steps.forEach(({ id, wait }, offset) => {
      now += wait
      const known = model.get(id)
      const duplicate = known !== undefined && now - known.at < 1000
      assert.strictEqual(window.find(id, now), duplicate)
      if (duplicate) {
        assert.strictEqual(window.foundOffset, known.offset)
      } else {
        window.remember(id, 0, offset, now)
        model.set(id, { at: now, offset })
      }
    })
  })
})
