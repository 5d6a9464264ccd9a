/**
 * The row of a long run.
 */
import type { Row } from "./figures.ts"
import { spreadOf } from "./spread.ts"
import type { Flat } from "./workload/flat.ts"

export const flatName = (messages: number): string => `${messages.toLocaleString("en-US")} messages`

export const flatRow = (flats: ReadonlyArray<Flat>, messages: number, name = flatName(messages)): Row => {
  const own = flats.filter((flat) => flat.messages === messages)
  const total = (key: keyof Flat["counts"]) => own.reduce((sum, { counts }) => sum + counts[key], 0)
  return {
    name,
    messages,
    messagesPerSecond: spreadOf(own.map(({ millis }) => messages / millis * 1000)),
    cpuNanosPerMessage: spreadOf(own.map(({ cpuMillis }) => cpuMillis / messages * 1e6)),
    rssGrowthMb: Math.max(...own.map(({ rssGrowthMb }) => rssGrowthMb)),
    acked: total("acked"),
    failed: total("failed"),
    unknown: total("unknown"),
    orderViolations: total("orderViolations"),
    gaps: total("gaps"),
    duplicates: total("duplicates")
  }
}
