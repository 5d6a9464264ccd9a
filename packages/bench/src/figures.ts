/**
 * What a suite comes to: the object that `--json` prints last.
 */
import type { Machine, Versions } from "./machine.ts"

/** The middle one of several rounds, and how far they were apart. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** What became of the messages of a round; the last three of what the broker holds at its end. */
export interface Counts {
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  readonly orderViolations: number
  readonly gaps: number
  readonly duplicates: number
}

export const noCounts: Counts = { acked: 0, failed: 0, unknown: 0, orderViolations: 0, gaps: 0, duplicates: 0 }

export const totalOf = (all: ReadonlyArray<Counts>): Counts =>
  all.reduce((sum, { acked, duplicates, failed, gaps, orderViolations, unknown }) => ({
    acked: sum.acked + acked,
    failed: sum.failed + failed,
    unknown: sum.unknown + unknown,
    orderViolations: sum.orderViolations + orderViolations,
    gaps: sum.gaps + gaps,
    duplicates: sum.duplicates + duplicates
  }), noCounts)

/** Counts are sums over the rounds, `messages` is of one round. */
export interface Row extends Counts {
  readonly name: string
  readonly messages: number
  readonly messagesPerSecond: Spread
  /**
   * Processor time of the whole process, garbage collection in its other threads included. Others on the machine make a
   * round longer, and this hardly at all.
   */
  readonly cpuNanosPerMessage?: Spread
  readonly publishToAckMs?: Percentiles
  readonly rssGrowthMb?: number
}

/** Something that was to be shown, and whether it was. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

export interface Figures {
  readonly suite: string
  readonly machine: Machine
  readonly versions: Versions
  readonly rows: ReadonlyArray<Row>
  readonly ratios: Readonly<Record<string, Spread>>
  /** How it was made sure that the figures are of rounds in which nothing went wrong. */
  readonly sound: string
  /** What must hold whatever the machine: a failed one ends the suite with exit code 1. */
  readonly checks: ReadonlyArray<Check>
  /** What was aimed at on the machine that the README names. */
  readonly targets: ReadonlyArray<Check>
}
