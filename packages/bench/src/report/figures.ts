/**
 * A report as what `--json` prints for any suite.
 */
import { labels } from "../brokers/target.ts"
import { noCounts, type Row, type Spread } from "../figures.ts"
import { modeLabels } from "../load/publishing.ts"
import type { Report } from "./model.ts"
import { brokersOf, cellsOf, fastest, levelsOf } from "./select.ts"
import { type Target, targetsOf } from "./targets.ts"

export interface ReportFigures {
  readonly suite: string
  readonly machine: Report["machine"]
  readonly versions: Report["versions"]
  readonly rows: ReadonlyArray<Row>
  readonly ratios: Readonly<Record<string, Spread>>
  readonly targets: ReadonlyArray<Target>
  /** These have no messages per second, but times per stage. */
  readonly stages: Report["stages"]
}

const rowsOf = (report: Report): ReadonlyArray<Row> => [
  ...cellsOf(report).map((cell): Row => ({
    name: `${cell.level}, ${labels[cell.broker]}, ${modeLabels[cell.mode]}`,
    messages: cell.messages,
    messagesPerSecond: cell.ackedPerSecond,
    publishToAckMs: cell.ackMs,
    rssGrowthMb: cell.peak.rssMb - cell.before.rssMb,
    acked: cell.acked,
    failed: cell.failed,
    unknown: cell.unknown,
    orderViolations: cell.orderViolations,
    gaps: cell.gaps,
    duplicates: cell.duplicates
  })),
  ...(report.peers?.groups ?? []).flatMap(({ broker, contest, peers }) =>
    peers.map((peer): Row => ({ ...peer, name: `${broker}, ${contest}: ${peer.name}` }))
  ),
  ...(report.knobs?.sweeps ?? []).flatMap(({ broker, knob, points }) =>
    points.map(({ label, messages, perSecond }): Row => ({
      name: `${knob} ${label}, ${labels[broker]}`,
      messages,
      messagesPerSecond: perSecond,
      ...noCounts,
      acked: messages
    }))
  )
]

const ratiosOf = (report: Report): ReadonlyArray<readonly [string, Spread]> => [
  ...(report.peers?.groups ?? []).flatMap(({ broker, contest, peers }) => {
    const own = peers.find(({ ours }) => ours)
    return peers.filter((peer) => peer !== own).map((peer) =>
      [`${broker}, ${contest}: ${own?.name ?? "ours"}/${peer.name}`, peer.ratio] as const
    )
  }),
  ...levelsOf(report).flatMap((level) =>
    brokersOf(report).flatMap((broker) => {
      const cell = fastest(report, { broker, level })
      const memory = fastest(report, { broker: "memory", level })
      if (cell === undefined || memory === undefined || broker === "memory") return []
      const ratio = cell.ackedPerSecond.median / memory.ackedPerSecond.median
      return [[`${level}: ${labels[broker]}/Memory`, { median: ratio, min: ratio, max: ratio }] as const]
    })
  )
]

export const figuresOf = (report: Report, suite: string): ReportFigures => ({
  suite,
  machine: report.machine,
  versions: report.versions,
  rows: rowsOf(report),
  ratios: Object.fromEntries(ratiosOf(report)),
  targets: targetsOf(report),
  stages: report.stages
})
