/**
 * Durations, kept as a histogram: three significant digits, whatever their number.
 */
import { build, type Histogram } from "hdr-histogram-js"

/** In milliseconds. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

export class Latency {
  readonly #microseconds: Histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 })

  record(millis: number): void {
    this.#microseconds.recordValue(Math.max(1, Math.round(millis * 1000)))
  }

  get percentiles(): Percentiles {
    const at = (percentile: number) =>
      this.#microseconds.totalCount === 0 ? 0 : this.#microseconds.getValueAtPercentile(percentile) / 1000
    return { p50: at(50), p90: at(90), p99: at(99) }
  }
}
