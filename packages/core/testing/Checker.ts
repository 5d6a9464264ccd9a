/**
 * The verdict over a history and what was read back: pure, without a broker. The invariants:
 *
 * - **I1** nothing that was acknowledged is lost;
 * - **I2** every publish is told exactly one outcome, and `results` tells the same, once;
 * - **I3** what was rejected is absent;
 * - **I4** in every partition, the first copies of an aggregate's acknowledged events stand in the order of issue; and a
 *   group handles them in that order, one at a time;
 * - **I5** duplicates carry the same event id and the same bytes;
 * - **I9** what is stored is handled or dead-lettered by every group that has caught up: nothing is skipped;
 * - **I10** nothing is silent: a run that was to inject faults has injected some.
 *
 * @since 0.1.0
 */
import type { Entry } from "./History.ts"
import * as consuming from "./internal/checkConsuming.ts"
import * as publishing from "./internal/checkPublishing.ts"
import type { Stored } from "./ReadBack.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Invariant = "I1" | "I2" | "I3" | "I4" | "I5" | "I9" | "I10"

/**
 * @category models
 * @since 0.1.0
 */
export interface Violation {
  readonly invariant: Invariant
  readonly message: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Input {
  readonly entries: ReadonlyArray<Entry>
  /** Everything stored, by `ReadBack`. Without it I1, I3, I4 of the store, I5 and I9 cannot be judged, and are not. */
  readonly stored?: ReadonlyArray<Stored> | undefined
  /** Groups that have caught up: they must have dealt with everything stored. */
  readonly caughtUp?: ReadonlyArray<string> | undefined
  /** The topic promises no order. Default false. */
  readonly unordered?: boolean | undefined
  /** Whether a second copy of an event in the store is an error. Default false: it only has to be the same. */
  readonly noDuplicates?: boolean | undefined
  /** `results` was followed from the first publish to the end of every bus, so that it has to tell everything. Default false. */
  readonly reported?: boolean | undefined
  /** Faults that this run was to inject, by the name of their `Happened` entries: each has to be there. */
  readonly faults?: ReadonlyArray<string> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Figures {
  readonly issued: number
  readonly acked: number
  readonly rejected: number
  readonly unknown: number
  /** Interrupted before they were accepted. */
  readonly withdrawn: number
  /** Told nothing. Has to be 0. */
  readonly unsettled: number
  readonly stored: number
  /** Acknowledged and absent. Has to be 0. */
  readonly lost: number
  /** Rejected and present. Has to be 0. */
  readonly ghosts: number
  /** Unknown and present. */
  readonly unknownStored: number
  /** Copies beyond the first of an event. */
  readonly duplicates: number
  /** Acknowledged events that stand, or were first handled, behind a later one of their aggregate. Has to be 0. */
  readonly inversions: number
  /** The longest time without an acknowledgement between the first and the last. */
  readonly longestGapMillis: number
  readonly groups: Readonly<Record<string, GroupFigures>>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface GroupFigures {
  /** Handlers started. */
  readonly runs: number
  /** Different events handled with success. */
  readonly handled: number
  readonly deadLettered: number
  /** Successful runs beyond the first of an event. */
  readonly repeated: number
  /** Stored and never dealt with. Has to be 0 once the group has caught up. */
  readonly skipped: number
  /** Handlers of one aggregate that ran at the same time. Has to be 0. */
  readonly overlaps: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly violations: ReadonlyArray<Violation>
  readonly figures: Figures
}

/**
 * Judges a run.
 *
 * @category running
 * @since 0.1.0
 */
export const check = (input: Input): Report => {
  const issuing = publishing.check(input)
  const groups = consuming.check(input)
  const happened = new Set(input.entries.flatMap((entry) => entry._tag === "Happened" ? [entry.what] : []))
  const missing = (input.faults ?? []).filter((fault) => !happened.has(fault))
  return {
    violations: [
      ...issuing.violations,
      ...groups.violations,
      ...missing.map((fault): Violation => ({
        invariant: "I10",
        message: `nothing was injected: no "${fault}" in the history, so this run has tested nothing`
      }))
    ],
    figures: {
      ...issuing.figures,
      inversions: issuing.figures.inversions + groups.inversions,
      groups: groups.figures
    }
  }
}

/**
 * The violations as text, the first `limit` (default 10) of them; empty where there are none.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (report: Report, limit = 10): string => {
  const { violations } = report
  const lines = violations.slice(0, limit).map(({ invariant, message }) => `${invariant}: ${message}`)
  return [...lines, ...(violations.length > limit ? [`and ${violations.length - limit} more`] : [])].join("\n")
}
