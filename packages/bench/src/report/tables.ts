/**
 * The figures behind the charts.
 */
import { labels } from "../brokers/target.ts"
import { leaksOf } from "../compare/figures.ts"
import type { Percentiles, Spread } from "../figures.ts"
import { modeLabels } from "../load/publishing.ts"
import { stageLabels, stageNames } from "../stages/figures.ts"
import { html, type Markup } from "./markup.ts"
import type { Report } from "./model.ts"
import { duration, integer, megabytes, percent, ratio } from "./numbers.ts"
import type { Target } from "./targets.ts"

interface Column {
  readonly name: string
  readonly numeric: boolean
}

const table = (
  summary: string,
  columns: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  texts = 1
): Markup => {
  const heads = columns.map((name, i): Column => ({ name, numeric: i >= texts }))
  return html`<details><summary>${summary}</summary><div class="card"><div class="scroll" tabindex="0" role="region" aria-label="${summary}"><table>
<thead><tr>${
    heads.map(({ name, numeric }) => html`<th scope="col"${numeric ? html` class="n"` : undefined}>${name}</th>`)
  }</tr></thead>
<tbody>${
    rows.map((row) =>
      html`<tr>${
        row.map((cell, i) => html`<td${heads[i]?.numeric === true ? html` class="n"` : undefined}>${cell}</td>`)
      }</tr>
`
    )
  }</tbody>
</table></div></div></details>
`
}

const range = ({ max, median, min }: Spread): string => `${integer(median)} (${integer(min)} to ${integer(max)})`

const percentiles = ({ max, p50, p90, p95, p99 }: Percentiles): string =>
  [p50, p90, p95, p99, max].map(duration).join(" / ")

export const cellsTable = ({ compare }: Report): Markup =>
  table(
    "Every cell as a table: throughput and latency",
    [
      "Level",
      "Broker",
      "Publish",
      "rounds",
      "messages/s to the last ack",
      "messages/s to the last handled",
      "CPU µs/message",
      "publish call P50 / 90 / 95 / 99 / max",
      "publish to ack P50 / 90 / 95 / 99 / max",
      "end to end P50 / 90 / 95 / 99 / max"
    ],
    (compare?.cells ?? []).map((cell) => {
      const name = [cell.level, labels[cell.broker], modeLabels[cell.mode]]
      return cell._tag === "Refused"
        ? [...name, "", `no figure: ${cell.problem}`, "", "", "", "", ""]
        : [
          ...name,
          integer(cell.rounds),
          range(cell.ackedPerSecond),
          range(cell.handledPerSecond),
          cell.cpuMicrosPerMessage.median.toFixed(1),
          percentiles(cell.callMs),
          percentiles(cell.ackMs),
          percentiles(cell.endToEndMs)
        ]
    }),
    3
  )

export const resourcesTable = ({ compare }: Report): Markup =>
  table(
    "Every cell as a table: correctness, memory, fibers, timers and handles",
    [
      "Level",
      "Broker",
      "Publish",
      "success",
      "order violations",
      "gaps",
      "duplicates",
      "heap before / peak / after",
      "RSS before / peak / after",
      "fibers before / peak / after",
      "timers before / peak / after",
      "handles before / peak / after",
      "left"
    ],
    (compare?.cells ?? []).flatMap((cell) => {
      if (cell._tag === "Refused") return []
      const { after, before, peak } = cell
      const three = (of: (holding: typeof before) => string): string => [before, peak, after].map(of).join(" / ")
      return [[
        cell.level,
        labels[cell.broker],
        modeLabels[cell.mode],
        percent(cell.successRate),
        integer(cell.orderViolations),
        integer(cell.gaps),
        integer(cell.duplicates),
        three(({ heapMb }) => megabytes(heapMb)),
        three(({ rssMb }) => megabytes(rssMb)),
        three(({ fibers }) => integer(fibers)),
        three(({ timers }) => integer(timers)),
        three(({ handles }) => integer(handles)),
        integer(Object.values(leaksOf(cell)).reduce((sum, left) => sum + Math.max(0, left), 0))
      ]]
    }),
    3
  )

export const stagesTable = ({ stages }: Report): Markup =>
  table(
    "Stages as a table: P50 / P90 / P95 / P99",
    ["Broker", "Load", ...stageNames.map((name) => stageLabels[name]), "total"],
    (stages?.loads ?? []).map((load) => [
      labels[load.broker],
      load.load,
      ...[...stageNames.map((name) => load.stages[name]), load.total].map(({ p50, p90, p95, p99 }) =>
        [p50, p90, p95, p99].map(duration).join(" / ")
      )
    ]),
    2
  )

export const costTable = ({ stages }: Report): Markup =>
  table(
    "What the measuring itself costs",
    [
      "Broker",
      "CPU µs/message, recorder off",
      "recorder on, every message",
      "difference",
      "messages/s, off",
      "messages/s, on"
    ],
    (stages?.costs ?? []).map(({ broker, offCpuMicros, offPerSecond, onCpuMicros, onPerSecond }) => [
      labels[broker],
      `${offCpuMicros.median.toFixed(2)} (${offCpuMicros.min.toFixed(2)} to ${offCpuMicros.max.toFixed(2)})`,
      `${onCpuMicros.median.toFixed(2)} (${onCpuMicros.min.toFixed(2)} to ${onCpuMicros.max.toFixed(2)})`,
      (onCpuMicros.median - offCpuMicros.median).toFixed(2),
      range(offPerSecond),
      range(onPerSecond)
    ])
  )

export const peersTable = ({ peers }: Report): Markup =>
  table(
    "Peers as a table",
    ["Broker", "Contest", "Peer", "Client", "messages", "messages/s", "ours / this", "CPU µs/message", "P50", "P99"],
    (peers?.groups ?? []).flatMap(({ broker, contest, peers: rows }) =>
      rows.map((peer) => [
        broker,
        contest,
        peer.ours ? `${peer.name} (ours)` : peer.name,
        peer.client,
        integer(peer.messages),
        range(peer.messagesPerSecond),
        peer.ours ? "" : `${ratio(peer.ratio.median)} (${ratio(peer.ratio.min)} to ${ratio(peer.ratio.max)})`,
        peer.cpuNanosPerMessage === undefined ? "" : (peer.cpuNanosPerMessage.median / 1000).toFixed(1),
        peer.publishToAckMs === undefined ? "" : duration(peer.publishToAckMs.p50),
        peer.publishToAckMs === undefined ? "" : duration(peer.publishToAckMs.p99)
      ])
    ),
    4
  )

export const knobsTable = ({ knobs }: Report): Markup =>
  table(
    "Sweeps as a table",
    ["Setting", "Value", "Broker", "messages", "messages/s", "MB/s", "publish to ack P99", "CPU µs/message"],
    (knobs?.sweeps ?? []).flatMap(({ broker, knob, points }) =>
      points.map((point) => [
        knob,
        `${point.label}${point.isDefault ? " (default)" : ""}`,
        labels[broker],
        integer(point.messages),
        range(point.perSecond),
        point.megabytesPerSecond.toFixed(1),
        duration(point.ackP99Ms),
        point.cpuMicrosPerMessage.median.toFixed(1)
      ])
    ),
    3
  )

const words = { stretch: "met, stretch too", met: "met", missed: "missed", "not measured": "not measured" }

/** The rows of the aims, each with what this run has to say. */
export const targetsTable = (targets: ReadonlyArray<Target>): Markup =>
  html`<div class="card targets"><table>
<thead><tr><th scope="col">Aim</th><th scope="col">at least</th><th scope="col">stretch</th><th scope="col">this run</th><th scope="col">verdict</th></tr></thead>
<tbody>${
    targets.map(({ figure, least, stretch, verdict, what, why }) =>
      html`<tr${
        why === "" ? undefined : html` class="has-why"`
      }><td>${what}</td><td data-name="at least">${least}</td>${
        stretch === "" ? html`<td></td>` : html`<td data-name="stretch">${stretch}</td>`
      }${figure === "" ? html`<td></td>` : html`<td data-name="this run">${figure}</td>`}<td><span class="verdict ${
        verdict.replace(" ", "-")
      }">${words[verdict]}</span></td></tr>
${
        why === "" ? undefined : html`<tr class="why"><td colspan="5">${why}</td></tr>
`
      }`
    )
  }</tbody>
</table></div>
`
