import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { noCounts } from "../src/figures.ts"
import { interleave, type Measure } from "../src/rounds.ts"
import { ratioOf, spreadOf } from "../src/spread.ts"

describe("spread", () => {
  it("is the middle one, the least and the most", () => {
    assert.deepStrictEqual(spreadOf([3, 1, 100]), { median: 3, min: 1, max: 100 })
    assert.deepStrictEqual(spreadOf([4, 2]), { median: 3, min: 2, max: 4 })
    assert.deepStrictEqual(spreadOf([7]), { median: 7, min: 7, max: 7 })
  })

  it("of ratios compares round with round", () => {
    assert.deepStrictEqual(ratioOf([10, 40, 90], [10, 20, 30]), { median: 2, min: 1, max: 3 })
  })
})

describe("interleave", () => {
  const measure = (name: string, millis: number): Measure<never> => ({
    name,
    messages: 1000,
    round: (count) =>
      Effect.succeed({
        messages: count,
        millis: millis * count / 1000,
        cpuMillis: count / 1000,
        counts: { ...noCounts, acked: count }
      })
  })

  it.effect("warms up first, then runs all of them in each round, never in the same order", () =>
    Effect.gen(function*() {
      const said: Array<string> = []
      const measured = yield* interleave([measure("a", 10), measure("b", 20), measure("c", 40)], {
        rounds: 3,
        onRound: (name, round) => Effect.sync(() => said.push(`${round}${name}`))
      })
      assert.strictEqual(said.join(" "), "0a 0b 0c 1b 1c 1a 2c 2a 2b 3a 3b 3c")
      const [first, second] = measured
      assert.deepStrictEqual(first?.row, {
        name: "a",
        messages: 1000,
        messagesPerSecond: { median: 100_000, min: 100_000, max: 100_000 },
        cpuNanosPerMessage: { median: 1000, min: 1000, max: 1000 },
        ...noCounts,
        acked: 3000
      })
      assert.deepStrictEqual(second?.nanos, [20_000, 20_000, 20_000])
    }))
})
