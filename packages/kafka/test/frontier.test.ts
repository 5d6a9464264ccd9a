import { assert, describe, it } from "@effect/vitest"
import { Frontier } from "../src/internal/frontier.ts"

const observed = (...offsets: ReadonlyArray<bigint>) => {
  const frontier = new Frontier(offsets[0] ?? 0n)
  for (const offset of offsets) {
    frontier.observe(offset, 1)
    frontier.handOut(offset)
  }
  return frontier
}

describe("Frontier", () => {
  it("commits up to the first record that is not settled, in whatever order they are", () => {
    const frontier = observed(5n, 6n, 7n)
    frontier.settle(6n)
    assert.strictEqual(frontier.committable, 5n)
    frontier.settle(5n)
    assert.strictEqual(frontier.committable, 7n)
    frontier.settle(7n)
    assert.strictEqual(frontier.committable, 8n)
  })

  it("is not held up by gaps", () => {
    const frontier = observed(5n, 9n, 20n)
    frontier.settle(5n)
    assert.strictEqual(frontier.committable, 9n)
    frontier.settle(9n)
    frontier.settle(20n)
    frontier.skipTo(23n)
    assert.strictEqual(frontier.committable, 23n)
    assert.strictEqual(frontier.position, 23n)
  })

  it("does not pass what was fetched and not handed out", () => {
    const frontier = observed(0n)
    frontier.observe(1n, 1)
    frontier.settle(0n)
    assert.strictEqual(frontier.committable, 1n)
    assert.strictEqual(frontier.settle(1n), -1)
  })

  it("takes each settlement once", () => {
    const frontier = observed(0n, 1n)
    assert.strictEqual(frontier.settle(1n), 1)
    assert.strictEqual(frontier.settle(1n), -1)
    assert.strictEqual(frontier.settle(7n), -1)
  })

  it("stays small", () => {
    const frontier = new Frontier(0n)
    for (let i = 0n; i < 10_000n; i++) {
      frontier.observe(i, 1)
      frontier.handOut(i)
      if (i >= 10n) frontier.settle(i - 10n)
    }
    assert.strictEqual(frontier.committable, 9990n)
    frontier.skipTo(5n)
    assert.strictEqual(frontier.position, 10_000n)
  })

  it("its span is what comes again after a crash: from the first unsettled to the last handed out", () => {
    const frontier = new Frontier(0n)
    for (let i = 0n; i < 5000n; i++) frontier.observe(i, 1)
    assert.strictEqual(frontier.span, 0)
    for (let i = 0n; i < 3000n; i++) frontier.handOut(i)
    for (let i = 1n; i < 3000n; i++) frontier.settle(i)
    assert.strictEqual(frontier.span, 3000)
    frontier.settle(0n)
    assert.strictEqual(frontier.span, 0)
    frontier.handOut(3000n)
    assert.strictEqual(frontier.span, 1)
  })
})
