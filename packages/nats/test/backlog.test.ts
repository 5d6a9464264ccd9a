import { Effect } from "effect"
import { describe, expect, test } from "vitest"
import { lagOf, type Told } from "../src/internal/backlog.ts"

const told: Told = { lag: 0, floor: 81, end: 321, apart: true }

describe("the lag of a partition", () => {
  const table: ReadonlyArray<readonly [what: string, Told, last: number | undefined, lag: number, asks: number]> = [
    ["a returned server leads the consumer, and has not got the end", told, 321, 1, 1],
    ["what is behind is of another partition", told, 81, 0, 1],
    ["nothing of the partition is left", told, undefined, 0, 1],
    ["the consumer says more than none", { ...told, lag: 5 }, 321, 5, 0],
    ["all of the stream is acknowledged", { ...told, floor: 321 }, 321, 0, 0],
    ["the leader of the stream leads the consumer", { ...told, apart: false }, 321, 0, 0]
  ]
  test.each(table)("%s", async (_, state, last, lag, asks) => {
    let asked = 0
    const ask = Effect.sync(() => {
      asked++
      return last
    })
    expect(await Effect.runPromise(lagOf(state, ask))).toBe(lag)
    expect(asked).toBe(asks)
  })
})
