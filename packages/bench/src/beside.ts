/**
 * What is said of a row beside a raw client's.
 */
import type { Check, Spread } from "./figures.ts"
import type { Measured } from "./rounds.ts"

export const times = (value: number): string => `${value.toFixed(2)} x`

export const spread = ({ max, median, min }: Spread): string => `${times(median)} (${times(min)} to ${times(max)})`

const p50 = ({ row }: Measured): number => row.publishToAckMs?.p50 ?? Number.NaN

export const latencyTarget = (own: Measured, raw: Measured): Check => ({
  name: `P50, ${own.row.name} / ${raw.row.name}: at most 1.3 x`,
  ok: p50(own) <= 1.3 * p50(raw),
  detail: `${times(p50(own) / p50(raw))} (${p50(own).toFixed(3)} ms and ${p50(raw).toFixed(3)} ms)`
})
