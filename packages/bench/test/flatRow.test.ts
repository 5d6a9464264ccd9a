import { describe, expect, test } from "vitest"
import { noCounts, type Row } from "../src/figures.ts"
import { flatTargets } from "../src/flatRow.ts"

const rowsOf = (speeds: ReadonlyArray<number>, rssGrowthMb = 100): ReadonlyArray<Row> =>
  speeds.map((median, i) => ({
    ...noCounts,
    name: `${i}`,
    messages: 10 ** (4 + i),
    messagesPerSecond: { median, min: median, max: median },
    rssGrowthMb
  }))

describe("what is aimed at over the sizes", () => {
  const table: ReadonlyArray<readonly [speeds: ReadonlyArray<number>, ok: boolean]> = [
    [[60, 90, 100], true],
    [[100, 100, 90], true],
    [[100, 100, 89], false],
    [[60, 100, 89], false]
  ]
  test.each(table)("%j: %s", (speeds, ok) => {
    expect(flatTargets(rowsOf(speeds))[0]?.ok).toBe(ok)
  })

  test("memory is the most of any", () => {
    expect(flatTargets([...rowsOf([1], 201), ...rowsOf([1], 10)])[1]).toMatchObject({
      ok: false,
      detail: "201 MB at most"
    })
  })
})
