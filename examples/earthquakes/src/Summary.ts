/**
 * A run in figures, and what is wrong with them.
 */
import { Effect } from "effect"
import { Alerts } from "./Alerts.ts"
import type { Catalogue } from "./Catalogue.ts"
import * as Direct from "./Direct.ts"
import type { Quake } from "./Earthquake.ts"
import type { Groups } from "./Groups.ts"
import type { Percentiles } from "./Latency.ts"
import type { Run } from "./Run.ts"
import { integer } from "./Style.ts"
import { type Table, Tally } from "./Tally.ts"

/** How a run came to its end. */
export type Ending =
  | { readonly _tag: "Complete" }
  | { readonly _tag: "Interrupted" }
  | { readonly _tag: "Failed"; readonly problem: string }

export interface Summary {
  readonly in: number
  readonly rejected: number
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  readonly handled: { readonly tally: number; readonly alerts: number }
  readonly alerts: number
  readonly orderViolations: number
  readonly messagesPerSecond: number
  readonly publishToAckMs: Percentiles
  readonly endToEndMs: Percentiles
  readonly table: Table

  /** Acknowledged as stored before. */
  readonly repeated: number
  /** First reasons of what was not acknowledged. */
  readonly reasons: ReadonlyArray<string>
  readonly strongest: Quake | undefined
  readonly expected: Direct.Expected
  /** What is wrong, in words: the exit code is 1 where this is not empty. */
  readonly problems: ReadonlyArray<string>
  /** How many events there would have been, where somebody stopped the run. */
  readonly interruptedOf: number | undefined
}

/** Once a run is over, for whatever reason. */
export const summarise = Effect.fnUntraced(function*(options: {
  readonly run: Run
  readonly catalogue: Catalogue
  readonly repeat: number
  readonly groups: Groups
  readonly ending: Ending
}) {
  const { catalogue, ending, groups, run } = options
  const alerts = yield* Alerts
  const total = catalogue.quakes.length * options.repeat
  const interrupted = ending._tag === "Interrupted"
  const actual: Direct.Actual = {
    table: (yield* Tally).table(),
    alerts: alerts.raised(),
    handled: { tally: groups.tally.handled, alerts: groups.alerts.handled }
  }
  const expected = Direct.compute(catalogue, (place) => interrupted ? run.ackedAt[place]! : options.repeat)
  const orderViolations = groups.tally.order.violations + groups.alerts.order.violations
  const elapsed = run.lastHandledAt - run.startedAt
  const summary: Summary = {
    in: run.in,
    rejected: catalogue.rejections.length,
    acked: run.acked,
    failed: run.failed,
    unknown: run.unknown,
    ...actual,
    orderViolations,
    messagesPerSecond: elapsed > 0 ? run.handledByAll / elapsed * 1000 : 0,
    publishToAckMs: run.publishToAck.percentiles,
    endToEndMs: run.endToEnd.percentiles,
    repeated: run.repeated,
    reasons: run.reasons,
    strongest: alerts.strongest(),
    expected,
    problems: [
      ...ending._tag === "Failed" ? [ending.problem] : [],
      ...run.failed + run.unknown === 0 ? [] : [`${integer(run.failed + run.unknown)} events were not acknowledged`],
      ...orderViolations === 0 ? [] : [`${integer(orderViolations)} order violations`],
      ...interrupted
        ? Direct.completeDifferences(actual.table, expected.table)
        : Direct.differences(actual, expected)
    ],
    interruptedOf: interrupted ? total : undefined
  }
  return summary
})
