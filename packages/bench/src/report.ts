/**
 * Figures as a page.
 */
import type { Check, Figures, Row, Spread } from "./figures.ts"

const integer = (value: number): string => Math.round(value).toLocaleString("en-US")

const millis = (value: number): string => value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)

const nanos = ({ messagesPerSecond: { median } }: Row): string => integer(1e9 / median)

const range = ({ max, min }: Spread): string => `${integer(min)} to ${integer(max)}`

const columns: ReadonlyArray<readonly [title: string, cell: (row: Row) => string]> = [
  ["messages", (row) => integer(row.messages)],
  ["messages/s", (row) => integer(row.messagesPerSecond.median)],
  ["min to max", (row) => range(row.messagesPerSecond)],
  ["ns/message", nanos],
  ["CPU ns", ({ cpuNanosPerMessage }) => cpuNanosPerMessage === undefined ? "" : integer(cpuNanosPerMessage.median)],
  ["P50 ms", ({ publishToAckMs }) => publishToAckMs === undefined ? "" : millis(publishToAckMs.p50)],
  ["P99 ms", ({ publishToAckMs }) => publishToAckMs === undefined ? "" : millis(publishToAckMs.p99)],
  ["RSS growth", ({ rssGrowthMb }) => rssGrowthMb === undefined ? "" : `${integer(rssGrowthMb)} MB`]
]

const table = (rows: ReadonlyArray<Row>): Array<string> => {
  const cells = [
    ["", ...columns.map(([title]) => title)],
    ...rows.map((row) => [row.name, ...columns.map(([, cell]) => cell(row))])
  ]
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  return cells.map((row) =>
    `  ${row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ")}`.trimEnd()
  )
}

const verdicts = (checks: ReadonlyArray<Check>, failed: string): Array<string> =>
  checks.map(({ detail, name, ok }) => `  ${(ok ? "ok" : failed).padEnd(failed.length)}  ${name}: ${detail}`)

export const page = ({ checks, machine, rows, sound, suite, targets, versions }: Figures): string =>
  [
    "",
    `bench ${suite}`,
    `  ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.os}; load ${machine.load} at the start`,
    `  node ${versions.node}, effect ${versions.effect}, core ${versions.core}, commit ${versions.commit}`,
    "",
    ...table(rows),
    "",
    `  ${sound}`,
    "",
    ...verdicts(checks, "FAILED"),
    ...(checks.length > 0 ? [""] : []),
    "Targets",
    ...verdicts(targets, "missed"),
    ""
  ].join("\n")
