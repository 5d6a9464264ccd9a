/**
 * What a fault scenario is. A scenario runs one round by itself, with a broker of its own; the runner repeats it.
 */
import type { Effect, Scope } from "effect"

/** The invariants of `core/testing/Checker`, and those that only a run can see. */
export type Invariant =
  /** Nothing acknowledged is lost. */
  | "I1"
  /** One outcome for each accepted publish. */
  | "I2"
  /** Rejected means absent. */
  | "I3"
  /** Order of an aggregate. */
  | "I4"
  /** Duplicates can be told, and are none where the broker deduplicates. */
  | "I5"
  /** Bounded memory. */
  | "I6"
  /** Recovers by itself. */
  | "I7"
  /** No leak, and a process that ends by itself. */
  | "I8"
  /** Nothing stored is skipped by a group. */
  | "I9"
  /** Nothing is silent. */
  | "I10"

/** What one round came to. */
export interface Figures {
  /** How often the fault really happened. 0 fails the round. */
  readonly injected: number
  readonly issued: number
  readonly acked: number
  readonly rejected: number
  readonly unknown: number
  /** Acknowledged and absent. */
  readonly lost: number
  /** Told nothing. */
  readonly unsettled: number
  /** Stored, or first handled, behind a later one of their aggregate. */
  readonly inversions: number
  /** Copies beyond the first. */
  readonly duplicates: number
  /** Rejected and present. */
  readonly ghosts: number
  /** The longest time without an acknowledgement between the first and the last. */
  readonly longestGapMillis: number
}

export interface Round {
  readonly figures: Figures
  /** What broke. Empty in a good round. */
  readonly violations: ReadonlyArray<string>
  /** Further figures of this scenario, by name and unit: `"recovery ms"`. The table shows median and maximum. */
  readonly notes: Readonly<Record<string, number>>
}

export interface Scenario {
  /** Of the catalogue: `"F02"`. Several scenarios may share one. */
  readonly id: string
  readonly name: string
  /** The way of publishing, the engine: what tells rows of one fault apart. */
  readonly mode?: string | undefined
  /** What is done to whom, in words. */
  readonly injects: string
  /** Which invariants a round asserts. */
  readonly asserts: ReadonlyArray<Invariant>
  /** A longer time without an acknowledgement is a violation. */
  readonly longestGapMillis: number
  /** Short enough for every pull request. */
  readonly quick: boolean
  /** Measures its own process, so the command gives it one, with `--expose-gc`. */
  readonly alone?: boolean | undefined
  /** Why it cannot run on this machine; then it is named as left out, and fails nothing. */
  readonly leftOut?: string | undefined
  /** How long a round may take before it counts as stuck. Default 3 minutes. */
  readonly patienceMillis?: number | undefined
  /** One round, from nothing to nothing. A failure or a defect is a violation. */
  readonly run: Effect.Effect<Round, unknown, Scope.Scope>
}

export interface Suite {
  /** The word on the command line. */
  readonly name: string
  readonly description: string
  /** Of the broker and its clients. */
  readonly versions: Effect.Effect<Readonly<Record<string, string>>>
  readonly scenarios: ReadonlyArray<Scenario>
  /** Ends what rounds leave running for the rounds that follow. */
  readonly close?: Effect.Effect<void> | undefined
}

export const none: Figures = {
  injected: 0,
  issued: 0,
  acked: 0,
  rejected: 0,
  unknown: 0,
  lost: 0,
  unsettled: 0,
  inversions: 0,
  duplicates: 0,
  ghosts: 0,
  longestGapMillis: 0
}

/** Its name in a table. */
export const titleOf = ({ id, mode, name }: Scenario): string => `${id} ${name}${mode === undefined ? "" : `, ${mode}`}`
