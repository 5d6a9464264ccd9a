/**
 * The report for a terminal.
 */
import { labels } from "../brokers/target.ts"
import { leaksOf } from "../compare/figures.ts"
import { modeLabels } from "../load/publishing.ts"
import { stageLabels, stageNames } from "../stages/figures.ts"
import type { Report } from "./model.ts"
import { duration, integer, megabytes, percent, ratio } from "./numbers.ts"
import { targetsOf } from "./targets.ts"

type Rows = ReadonlyArray<ReadonlyArray<string>>

/** The first columns are text, the others are numbers. */
export const grid = (rows: Rows, texts = 1): Array<string> => {
  const columns = Math.max(0, ...rows.map(({ length }) => length))
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)))
  return rows.map((row) =>
    `  ${row.map((cell, i) => i < texts ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ")}`.trimEnd()
  )
}

const compareLines = ({ compare }: Report): Array<string> =>
  compare === undefined ? [] : [
    "compare",
    ...grid([
      [
        "level",
        "broker",
        "publish",
        "acked/s",
        "min to max",
        "handled/s",
        "success",
        "order",
        "gaps",
        "twice",
        "ack P50",
        "P99",
        "e2e P50",
        "P99",
        "heap +",
        "RSS peak",
        "left"
      ],
      ...compare.cells.map((cell) => {
        const name = [cell.level, labels[cell.broker], modeLabels[cell.mode]]
        return cell._tag === "Refused" ? [...name, "no figure"] : [
          ...name,
          integer(cell.ackedPerSecond.median),
          `${integer(cell.ackedPerSecond.min)} to ${integer(cell.ackedPerSecond.max)}`,
          integer(cell.handledPerSecond.median),
          percent(cell.successRate),
          integer(cell.orderViolations),
          integer(cell.gaps),
          integer(cell.duplicates),
          duration(cell.ackMs.p50),
          duration(cell.ackMs.p99),
          duration(cell.endToEndMs.p50),
          duration(cell.endToEndMs.p99),
          megabytes(cell.after.heapMb - cell.before.heapMb),
          megabytes(cell.peak.rssMb),
          integer(Object.values(leaksOf(cell)).reduce((sum, left) => sum + Math.max(0, left), 0))
        ]
      })
    ], 3),
    ...compare.cells.flatMap((cell) =>
      cell._tag === "Refused"
        ? [`  no figure for ${cell.level}, ${labels[cell.broker]}, ${modeLabels[cell.mode]}: ${cell.problem}`]
        : []
    ),
    ""
  ]

const stagesLines = ({ stages }: Report): Array<string> =>
  stages === undefined ? [] : [
    "stages: P50 / P99",
    ...grid([
      ["broker", "load", ...stageNames.map((name) => stageLabels[name]), "total"],
      ...stages.loads.map((load) => [
        labels[load.broker],
        load.load,
        ...[...stageNames.map((name) => load.stages[name]), load.total].map(({ p50, p99 }) =>
          `${duration(p50)} / ${duration(p99)}`
        )
      ])
    ], 2),
    ...stages.costs.map(({ broker, offCpuMicros, onCpuMicros }) =>
      `  recording every message on ${labels[broker]}: ${offCpuMicros.median.toFixed(2)} -> ${
        onCpuMicros.median.toFixed(2)
      } us of processor time a message`
    ),
    ""
  ]

const peersLines = ({ peers }: Report): Array<string> =>
  (peers?.groups ?? []).flatMap(({ broker, contest, peers: rows, rounds }) => [
    `peers: ${broker}, ${contest}, ${rounds} rounds`,
    ...grid([
      ["", "messages", "messages/s", "min to max", "CPU us", "P50", "ours / this", "min to max"],
      ...rows.map((peer) => [
        peer.ours ? `${peer.name} (ours)` : peer.name,
        integer(peer.messages),
        integer(peer.messagesPerSecond.median),
        `${integer(peer.messagesPerSecond.min)} to ${integer(peer.messagesPerSecond.max)}`,
        peer.cpuNanosPerMessage === undefined ? "" : (peer.cpuNanosPerMessage.median / 1000).toFixed(1),
        peer.publishToAckMs === undefined ? "" : duration(peer.publishToAckMs.p50),
        peer.ours ? "" : ratio(peer.ratio.median),
        peer.ours ? "" : `${ratio(peer.ratio.min)} to ${ratio(peer.ratio.max)}`
      ])
    ]),
    ""
  ])

const knobsLines = ({ knobs }: Report): Array<string> =>
  knobs === undefined || knobs.sweeps.length === 0 ? [] : [
    "knobs: messages/s",
    ...knobs.sweeps.flatMap(({ broker, knob, points }) => [
      `  ${knob}, ${labels[broker]}`,
      ...grid([
        points.map(({ isDefault, label }) => isDefault ? `${label}*` : label),
        points.map(({ perSecond }) => integer(perSecond.median))
      ], 0).map((text) => `  ${text}`)
    ]),
    "  * default",
    ""
  ]

const marks = { "stretch": "ok+", "met": "ok", "missed": "MISSED", "not measured": "-" }

const targetLines = (report: Report): Array<string> => [
  "aims (ok+: the stretch too)",
  ...targetsOf(report).flatMap(({ figure, least, verdict, what, why }) => [
    `  ${marks[verdict].padEnd(6)}  ${what}: ${figure === "" ? "" : `${figure}; `}aim ${least}`,
    ...(verdict === "missed" && why !== "" ? [`          ${why}`] : [])
  ]),
  ""
]

export const terminal = (report: Report): string => {
  const { machine, versions } = report
  return [
    "",
    `bench${report.quick ? ", quick: to see that it works, not for figures" : ""}`,
    `  ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.os}; load ${machine.load} at the start`,
    `  ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")}`,
    "",
    ...compareLines(report),
    ...stagesLines(report),
    ...peersLines(report),
    ...knobsLines(report),
    ...targetLines(report)
  ].join("\n")
}
