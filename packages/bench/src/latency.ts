import { build, type Histogram } from "hdr-histogram-js"
import type { Percentiles } from "./figures.ts"

/** Durations in milliseconds, to three digits. */
export class Latency {
  readonly #microseconds: Histogram = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 })

  record(millis: number): void {
    this.#microseconds.recordValue(Math.max(1, Math.round(millis * 1000)))
  }

  add(other: Latency): void {
    this.#microseconds.add(other.#microseconds)
  }

  reset(): void {
    this.#microseconds.reset()
  }

  /** Milliseconds; 0 of nothing. */
  get mean(): number {
    return this.#microseconds.totalCount === 0 ? 0 : this.#microseconds.mean / 1000
  }

  /** `undefined` of nothing. */
  get percentiles(): Percentiles | undefined {
    if (this.#microseconds.totalCount === 0) return undefined
    const at = (percentile: number) => this.#microseconds.getValueAtPercentile(percentile) / 1000
    return { p50: at(50), p90: at(90), p95: at(95), p99: at(99), max: at(100) }
  }
}
