import { assert, describe, it } from "@effect/vitest"
import { make } from "../src/internal/checkOptions.ts"

const checks = make((option, message) => new Error(`${option}|${message}`))

describe("options", () => {
  it("what is not given is the default, unchecked", () => {
    assert.strictEqual(checks.count("n", undefined, 7), 7)
    assert.strictEqual(checks.positive("d", undefined, 0), 0)
  })

  it("a count is a whole number above 0", () => {
    assert.strictEqual(checks.count("n", 3, 7), 3)
    for (const wrong of [0, -1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
      assert.throws(() => checks.count("n", wrong, 7), /^n\|n is .*; it must be a whole number above 0$/)
    }
  })

  it("durations are finite, and above zero, where they have to be", () => {
    assert.strictEqual(checks.duration("d", Infinity, 1), Infinity)
    assert.strictEqual(checks.finite("d", 0, 1), 0)
    assert.strictEqual(checks.positive("d", "2 seconds", 1), 2000)
    assert.throws(() => checks.duration("d", "-1 second", 1), "not below zero")
    assert.throws(() => checks.finite("d", Infinity, 1), "must be a finite duration, not below zero")
    assert.throws(() => checks.positive("d", 0, 1), "must be a finite duration above zero")
  })
})
