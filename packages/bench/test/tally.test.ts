import { assert, describe, it } from "@effect/vitest"
import { Tally } from "../src/load/tally.ts"
import { problemOf } from "../src/load/verdict.ts"

/** Of 6 messages over 2 aggregates: 0 2 4, and 1 3 5. */
const seen = (...indices: ReadonlyArray<number>) => {
  const tally = new Tally({ messages: 6, aggregates: 2 })
  for (const index of indices) tally.note(index)
  return tally.seen
}

const fine = { distinct: 6, orderViolations: 0, gaps: 0, duplicates: 0, strangers: 0 }

describe("a tally", () => {
  it("does not mind in which order different aggregates come", () => {
    assert.deepStrictEqual(seen(0, 1, 2, 3, 4, 5), fine)
    assert.deepStrictEqual(seen(1, 3, 5, 0, 2, 4), fine)
  })

  it("keeps three kinds of wrong apart", () => {
    assert.deepStrictEqual(seen(0, 4, 2, 1, 3, 5), { ...fine, orderViolations: 1 })
    assert.deepStrictEqual(seen(0, 4, 1, 3, 5), { ...fine, distinct: 5, gaps: 1 })
    assert.deepStrictEqual(seen(0, 2, 2, 4, 1, 3, 5), { ...fine, duplicates: 1 })
    assert.deepStrictEqual(seen(0, 2, 4, 0, 1, 3, 5), { ...fine, duplicates: 1 })
    assert.deepStrictEqual(seen(0, 2, 4, 6, -1, Number.NaN, 1, 3, 5), { ...fine, strangers: 3 })
  })

  it("sees a last message that is missing", () => {
    assert.deepStrictEqual(seen(0, 1, 2, 3, 4), { ...fine, distinct: 5, gaps: 1 })
  })
})

describe("the verdict", () => {
  const good = { published: 6, acked: 6, failed: 0, unknown: 0, stored: fine, handled: fine }

  it("is nothing where nothing is wrong", () => {
    assert.isUndefined(problemOf(good))
    assert.isUndefined(problemOf({ ...good, handled: undefined }))
  })

  it.each(
    [
      [{ ...good, acked: 5, unknown: 1 }, "5 of 6 acknowledged (0 rejected, 1 unknown)"],
      [{ ...good, stored: seen(0, 1, 2, 3, 4) }, "in the broker: 1 of 6 missing"],
      [{ ...good, stored: seen(0, 4, 2, 1, 3, 5) }, "in the broker: 1 out of order"],
      [{ ...good, handled: seen(0, 0, 1, 2, 3, 4, 5) }, "at the handlers: 1 twice"],
      [{ ...good, stored: seen(0, 1, 2, 3, 4, 5, 6) }, "in the broker: 1 that nobody published"]
    ] as const
  )("is against %#: %s", (outcome, problem) => {
    assert.strictEqual(problemOf(outcome), problem)
  })
})
