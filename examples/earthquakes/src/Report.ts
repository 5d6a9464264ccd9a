/**
 * What a run came to: as one JSON object for programs, as a page for people.
 */
import { threshold } from "./Alerts.ts"
import { rowDifferences } from "./Direct.ts"
import type { Percentiles } from "./Latency.ts"
import { fit, integer, millis, type Style } from "./Style.ts"
import type { Summary } from "./Summary.ts"
import type { Table } from "./Tally.ts"

const rounded = ({ p50, p90, p99 }: Percentiles): Percentiles => ({
  p50: Number(p50.toFixed(3)),
  p90: Number(p90.toFixed(3)),
  p99: Number(p99.toFixed(3))
})

const byName = (table: Table) => Array.from(table).toSorted(([a], [b]) => a < b ? -1 : 1)

export const json = (summary: Summary): string =>
  JSON.stringify({
    in: summary.in,
    rejected: summary.rejected,
    acked: summary.acked,
    failed: summary.failed,
    unknown: summary.unknown,
    handled: summary.handled,
    alerts: summary.alerts,
    orderViolations: summary.orderViolations,
    messagesPerSecond: Math.round(summary.messagesPerSecond),
    publishToAckMs: rounded(summary.publishToAckMs),
    endToEndMs: rounded(summary.endToEndMs),
    tally: Object.fromEntries(byName(summary.table))
  })

/** Who they are. https://earthquake.usgs.gov/data/comcat/contributor/ */
const networks: Readonly<Record<string, string>> = {
  ak: "Alaska",
  ci: "Southern California",
  hv: "Hawaii",
  mb: "Montana",
  nc: "Northern California",
  nm: "New Madrid",
  nn: "Nevada",
  pr: "Puerto Rico",
  se: "Southeastern US",
  us: "USGS, worldwide",
  uu: "Utah",
  uw: "Pacific Northwest"
}

const columns = 78

/** A number with its name, and what it means. */
const figure = (style: Style, name: string, value: string, note = ""): string =>
  `  ${name.padEnd(20)} ${value.padStart(11)}${note === "" ? "" : `   ${style.dim(fit(note, columns - 37))}`}`

/** A number that should be 0. */
const fault = (style: Style, name: string, value: number, note: string): string => {
  const text = figure(style, name, integer(value), note)
  return value === 0 ? text : style.bad(text)
}

const latency = (style: Style, name: string, { p50, p90, p99 }: Percentiles, note: string): string =>
  `  ${name.padEnd(20)} ${[p50, p90, p99].map((value) => millis(value).padStart(11)).join("")}   ${style.dim(note)}`

const tableRows = ({ expected, interruptedOf, table }: Summary, style: Style): Array<string> =>
  byName(new Map([...expected.table, ...table])).map(([network]) => {
    const row = table.get(network)
    const should = expected.table.get(network)
    const equal = rowDifferences(network, row, should).length === 0
    // What was stopped half-way is no mistake.
    const partial = interruptedOf !== undefined && row?.count !== should?.count
    const cells = [
      `  ${fit(network, 8).padEnd(8)} ${fit(networks[network] ?? "", 22).padEnd(22)}`,
      integer(row?.count ?? 0).padStart(11),
      (row === undefined ? "-" : row.maxMagnitude.toFixed(1)).padStart(11),
      (row === undefined ? "-" : `${row.meanDepthKm.toFixed(1)} km`).padStart(14)
    ]
    const verdict = partial ? style.warn("part") : equal ? style.good(style.tick) : style.bad(style.cross)
    return `${cells.join("")}  ${verdict}`
  })

const verdict = ({ expected, interruptedOf, problems }: Summary, style: Style): Array<string> => {
  if (problems.length > 0) return problems.map((problem) => style.bad(`${style.cross} ${problem}`))
  const found = `all ${integer(expected.table.size)} networks, ${integer(expected.alerts)} alerts`
  return [
    style.good(
      interruptedOf === undefined
        ? `${style.tick} Equal to a direct computation over the file: ${found}.`
        : `${style.tick} Complete rows equal a direct computation over what was acknowledged.`
    )
  ]
}

export const page = (summary: Summary, style: Style): string => {
  const { interruptedOf, reasons, strongest } = summary
  const heading = (text: string, ...more: ReadonlyArray<string>) => [style.bold(text), ...more]
  const lines = [
    "",
    ...interruptedOf === undefined
      ? []
      : [
        style.warn(`Interrupted: ${integer(summary.in)} of ${integer(interruptedOf)} events were published.`),
        ""
      ],
    ...heading("Published"),
    figure(style, "events in", integer(summary.in)),
    figure(
      style,
      "lines rejected",
      integer(summary.rejected),
      summary.rejected === 0 ? "" : "not an earthquake; reported above"
    ),
    figure(style, "acked", integer(summary.acked), "stored by the broker, which said so"),
    ...summary.repeated === 0
      ? []
      : [figure(style, "  of them repeated", integer(summary.repeated), "recognised by their event id")],
    fault(style, "failed", summary.failed, "proved not to be stored"),
    fault(style, "unknown", summary.unknown, "may be stored: the answer was lost"),
    ...reasons.map((reason) => style.bad(`    ${fit(reason, columns - 4)}`)),
    "",
    ...heading("Handled"),
    figure(style, "by group tally", integer(summary.handled.tally)),
    figure(style, "by group alerts", integer(summary.handled.alerts)),
    fault(style, "order violations", summary.orderViolations, "within a network"),
    figure(style, "alerts raised", integer(summary.alerts), `magnitude ${threshold} and above`),
    ...strongest === undefined
      ? []
      : [figure(style, "strongest", `M ${strongest.magnitude.toFixed(1)}`, strongest.place)],
    "",
    ...heading("Speed"),
    figure(style, "messages per second", integer(summary.messagesPerSecond), "first publish to last handled"),
    style.dim(`  ${"".padEnd(20)} ${["P50", "P90", "P99"].map((name) => name.padStart(11)).join("")}`),
    latency(style, "publish to ack", summary.publishToAckMs, ""),
    latency(style, "end to end", summary.endToEndMs, "to both groups"),
    "",
    ...heading("Tally"),
    style.dim(`  ${"network".padEnd(31)}${"quakes".padStart(11)}${"largest".padStart(11)}${"mean depth".padStart(14)}`),
    ...tableRows(summary, style),
    "",
    ...verdict(summary, style),
    ""
  ]
  return lines.map((text) => text.trimEnd()).join("\n")
}
