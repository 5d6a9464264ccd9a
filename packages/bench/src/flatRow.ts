/**
 * The row of a long run.
 */
import { type Row, totalOf } from "./figures.ts"
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
