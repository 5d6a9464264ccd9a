/**
 * The row of a long run, and what is aimed at for the rows of several sizes.
 */
import { times } from "./beside.ts"
import { type Check, type Row, totalOf } from "./figures.ts"
import { spreadOf } from "./spread.ts"
import type { Flat } from "./workload/flat.ts"

export const flatName = (messages: number): string => `${messages.toLocaleString("en-US")} messages`

export const flatRow = (flats: ReadonlyArray<Flat>, messages: number, name = flatName(messages)): Row => {
  const own = flats.filter((flat) => flat.messages === messages)
  return {
    name,
    messages,
    messagesPerSecond: spreadOf(own.map(({ millis }) => messages / millis * 1000)),
    cpuNanosPerMessage: spreadOf(own.map(({ cpuMillis }) => cpuMillis / messages * 1e6)),
    rssGrowthMb: Math.max(...own.map(({ rssGrowthMb }) => rssGrowthMb)),
    ...totalOf(own.map(({ counts }) => counts))
  }
}

/** `rows`: by size, the smallest first. `what`: is said first, where there is more than one way. */
export const flatTargets = (rows: ReadonlyArray<Row>, what = ""): ReadonlyArray<Check> => {
  const speeds = rows.map(({ messagesPerSecond }) => messagesPerSecond.median)
  const smaller = Math.max(...speeds.slice(0, -1))
  const largest = speeds.at(-1) ?? Number.NaN
  const growth = Math.max(...rows.map(({ rssGrowthMb }) => rssGrowthMb ?? 0))
  return [
    ...(rows.length < 2 ? [] : [{
      name: `${what}throughput does not fall: the largest run at least 0.9 x the fastest of the smaller ones`,
      ok: largest >= 0.9 * smaller,
      detail: times(largest / smaller)
    }]),
    {
      name: `${what}8,192 in flight: RSS growth at most 200 MB`,
      ok: growth <= 200,
      detail: `${Math.round(growth)} MB at most`
    }
  ]
}
