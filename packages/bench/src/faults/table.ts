/**
 * Results as a table, for a terminal and for a page.
 */
import type { Result } from "./runner.ts"
import type { Figures } from "./scenario.ts"

const integer = (value: number): string => Math.round(value).toLocaleString("en-US")

const seconds = (millis: number): string => `${(millis / 1000).toFixed(millis < 10_000 ? 2 : 1)}`

const sum = ({ rounds }: Result, what: keyof Figures): number =>
  rounds.reduce((total, { figures }) => total + figures[what], 0)

/** Median and maximum. */
export const middle = (values: ReadonlyArray<number>): { readonly median: number; readonly max: number } => {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: sorted[Math.floor((sorted.length - 1) / 2)] ?? 0, max: sorted.at(-1) ?? 0 }
}

const gaps = ({ rounds }: Result) => middle(rounds.map(({ figures }) => figures.longestGapMillis))

const figure = (value: number): string =>
  Number.isInteger(value) || Math.abs(value) >= 100 ? integer(value) : value.toFixed(1)

/** The scenario's own figures, `"<name> <median>/<max>"`. */
const notes = ({ rounds }: Result): string => {
  const names = [...new Set(rounds.flatMap((round) => Object.keys(round.notes)))]
  return names.map((name) => {
    const { max, median } = middle(rounds.flatMap((round) => round.notes[name] ?? []))
    const unit = / (ms|MB|kB)$/.exec(name)?.[1]
    const label = unit === undefined ? name : name.slice(0, -unit.length - 1)
    const values = median === max ? figure(max) : `${figure(median)}/${figure(max)}`
    return `${label} ${values}${unit === undefined ? "" : ` ${unit}`}`
  }).join(", ")
}

interface Column {
  readonly title: string
  readonly cell: (result: Result) => string
  readonly left?: true
}

const counts: ReadonlyArray<keyof Figures> = [
  "injected",
  "issued",
  "acked",
  "rejected",
  "unknown",
  "lost",
  "unsettled",
  "inversions",
  "duplicates",
  "ghosts"
]

const columns: ReadonlyArray<Column> = [
  { title: "fault", cell: ({ scenario }) => `${scenario.id} ${scenario.name}`, left: true },
  { title: "mode", cell: ({ scenario }) => scenario.mode ?? "", left: true },
  { title: "rounds", cell: ({ rounds }) => integer(rounds.length) },
  ...counts.map((what): Column => ({ title: what, cell: (result) => integer(sum(result, what)) })),
  {
    title: "longest gap s, median/max",
    cell: (result) => `${seconds(gaps(result).median)}/${seconds(gaps(result).max)}`
  },
  { title: "s a round", cell: ({ millis, rounds }) => rounds.length === 0 ? "" : seconds(millis / rounds.length) },
  {
    title: "verdict",
    cell: ({ rounds, violations }) => violations.length === 0 && rounds.length > 0 ? "ok" : "FAILED"
  },
  { title: "besides, median/max", cell: notes, left: true }
]

export const terminal = (results: ReadonlyArray<Result>): string => {
  const rows = [columns.map(({ title }) => title), ...results.map((result) => columns.map(({ cell }) => cell(result)))]
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows.map((row) =>
    row.map((cell, i) => columns[i]!.left === true ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ")
      .trimEnd()
  ).join("\n")
}

export const markdown = (results: ReadonlyArray<Result>): string =>
  [
    `| ${columns.map(({ title }) => title).join(" | ")} |`,
    `|${columns.map(({ left }) => left === true ? "---" : "---:").join("|")}|`,
    ...results.map((result) => `| ${columns.map(({ cell }) => cell(result)).join(" | ")} |`)
  ].join("\n")
