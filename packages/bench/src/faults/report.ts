/**
 * A run as data and as a page.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { type Machine, machine, type Versions } from "../machine.ts"
import { reports } from "./reports.ts"
import { problems, type Result } from "./runner.ts"
import type { Figures, Invariant } from "./scenario.ts"
import { markdown, middle, terminal } from "./table.ts"

interface Row {
  readonly id: string
  readonly name: string
  readonly mode: string | undefined
  readonly injects: string
  readonly asserts: ReadonlyArray<Invariant>
  readonly rounds: number
  /** Sums over the rounds; of the gap the maximum. */
  readonly figures: Figures
  readonly longestGapMillis: { readonly median: number; readonly max: number }
  readonly notes: Readonly<Record<string, { readonly median: number; readonly max: number }>>
  readonly millis: number
  readonly violations: Result["violations"]
}

export interface Report {
  readonly suite: string
  readonly date: string
  readonly machine: Machine
  readonly versions: Versions & Readonly<Record<string, string>>
  readonly rows: ReadonlyArray<Row>
  readonly ok: boolean
}

const total = (rounds: Result["rounds"]): Figures => {
  const sum = (what: keyof Figures) => rounds.reduce((all, { figures }) => all + figures[what], 0)
  return {
    injected: sum("injected"),
    issued: sum("issued"),
    acked: sum("acked"),
    rejected: sum("rejected"),
    unknown: sum("unknown"),
    lost: sum("lost"),
    unsettled: sum("unsettled"),
    inversions: sum("inversions"),
    duplicates: sum("duplicates"),
    ghosts: sum("ghosts"),
    longestGapMillis: Math.max(0, ...rounds.map(({ figures }) => figures.longestGapMillis))
  }
}

const rowOf = ({ millis, rounds, scenario, violations }: Result): Row => {
  const names = [...new Set(rounds.flatMap((round) => Object.keys(round.notes)))]
  return {
    id: scenario.id,
    name: scenario.name,
    mode: scenario.mode,
    injects: scenario.injects,
    asserts: scenario.asserts,
    rounds: rounds.length,
    figures: total(rounds),
    longestGapMillis: middle(rounds.map(({ figures }) => figures.longestGapMillis)),
    notes: Object.fromEntries(
      names.map((name) => [name, middle(rounds.flatMap((round) => round.notes[name] ?? []))])
    ),
    millis,
    violations
  }
}

export const reportOf = (
  suite: string,
  results: ReadonlyArray<Result>,
  all: Versions & Readonly<Record<string, string>>,
  date: Date
): Report => ({
  suite,
  date: date.toISOString(),
  machine: machine(),
  versions: all,
  rows: results.map(rowOf),
  ok: problems(results).length === 0
})

const versionsLine = ({ versions: all }: Report): string =>
  Object.entries(all).map(([name, version]) => `${name} ${version}`).join(", ")

const machineLine = ({ date, machine: { cores, cpu, load, memoryGb, os } }: Report): string =>
  `${date.slice(0, 16).replace("T", " ")} UTC, ${cpu}, ${cores} cores, ${memoryGb} GB, ${os}, load ${load} at the end`

/** For a terminal. */
export const page = (report: Report, results: ReadonlyArray<Result>): string => {
  const wrong = problems(results)
  return [
    "",
    `faults ${report.suite}`,
    `  ${versionsLine(report)}`,
    `  ${machineLine(report)}`,
    "",
    terminal(results),
    "",
    ...(wrong.length === 0 ? ["every invariant held"] : ["FAILED", ...wrong.map((message) => `  ${message}`)]),
    ""
  ].join("\n")
}

/** For a README. */
export const document = (report: Report, results: ReadonlyArray<Result>): string =>
  [versionsLine(report), "", machineLine(report), "", markdown(results), ""].join("\n")

/** Leaves `.reports/faults-<suite>.json` and `.md`. */
export const write = (report: Report, results: ReadonlyArray<Result>): void => {
  mkdirSync(reports, { recursive: true })
  const base = path.join(reports, `faults-${report.suite}`)
  writeFileSync(`${base}.json`, `${JSON.stringify(report, null, 2)}\n`)
  writeFileSync(`${base}.md`, document(report, results))
}
