import type { Spread } from "./figures.ts"

/** Of at least one value. With an even number of values the median is the mean of the two in the middle. */
export const spreadOf = (values: ReadonlyArray<number>): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
  const high = sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN
  return { median: (low + high) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}

/** Round by round, so that what both rounds had to suffer from the machine cancels out. */
export const ratioOf = (values: ReadonlyArray<number>, baseline: ReadonlyArray<number>): Spread =>
  spreadOf(values.map((value, round) => value / (baseline[round] ?? Number.NaN)))
