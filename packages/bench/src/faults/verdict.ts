/**
 * The checker's verdict as a round.
 */
import * as Checker from "@effect-eventbus/core/testing/Checker"
import type { Round } from "./scenario.ts"

/** Violations of one round that are spelt out. */
const shown = 5

export const verdict = (
  input: Checker.Input,
  more: {
    readonly injected: number
    readonly violations?: ReadonlyArray<string>
    readonly notes?: Readonly<Record<string, number>>
  }
): Round => {
  const { figures, violations } = Checker.check(input)
  const broken = violations.map(({ invariant, message }) => `${invariant}: ${message}`)
  return {
    figures: {
      injected: more.injected,
      issued: figures.issued,
      acked: figures.acked,
      rejected: figures.rejected,
      unknown: figures.unknown,
      lost: figures.lost,
      unsettled: figures.unsettled,
      inversions: figures.inversions,
      duplicates: figures.duplicates,
      ghosts: figures.ghosts,
      longestGapMillis: figures.longestGapMillis
    },
    violations: [
      ...(more.violations ?? []),
      ...broken.slice(0, shown),
      ...(broken.length > shown ? [`and ${broken.length - shown} more of the checker's`] : [])
    ],
    notes: more.notes ?? {}
  }
}
