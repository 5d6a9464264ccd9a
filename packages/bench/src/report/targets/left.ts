/**
 * Nothing lost, nothing left.
 */
import { type BrokerName, labels } from "../../brokers/target.ts"
import { leaksOf, type MeasuredCell } from "../../compare/figures.ts"
import { extreme, longest } from "../../compare/levels.ts"
import { modeLabels } from "../../load/publishing.ts"
import type { Report } from "../model.ts"
import { integer, megabytes, percent } from "../numbers.ts"
import { cellsAt, cellsOf } from "../select.ts"
import { notRun, type Target, unmeasured, verdictOf } from "./target.ts"

const nameOf = (
  { broker, level, mode }: {
    readonly broker: BrokerName
    readonly level: string
    readonly mode: keyof typeof modeLabels
  }
): string => `${labels[broker]}, ${level}, ${modeLabels[mode]}`

const list = (items: ReadonlyArray<string>): string =>
  items.length <= 4 ? items.join("; ") : `${items.slice(0, 4).join("; ")}; and ${items.length - 4} more`

export const everywhere = (report: Report): ReadonlyArray<Target> => {
  const what = {
    success: "success at every level on every broker: acknowledged, stored and handled",
    wrong: "order inversions, acked and lost, stored twice (this suite: without faults)",
    left: "fibers, timers and handles after close = before"
  }
  if (report.compare === undefined) {
    return [
      unmeasured(what.success, "100 %", "", notRun("compare")),
      unmeasured(what.wrong, "0", "0", notRun("compare")),
      unmeasured(what.left, "0", "0", notRun("compare"))
    ]
  }
  const cells = cellsOf(report)
  const refused = report.compare.cells.flatMap((cell) => cell._tag === "Refused" ? [cell] : [])
  const total = (of: (cell: MeasuredCell) => number): number => cells.reduce((sum, cell) => sum + of(cell), 0)
  const messages = total((cell) => cell.published)
  const unsuccessful = cells.filter(({ successRate }) => successRate < 1)
  const [inverted, gaps, twice] = [
    total((cell) => cell.orderViolations),
    total((cell) => cell.gaps),
    total((cell) => cell.duplicates)
  ]
  const leaking = cells.filter((cell) => Object.values(leaksOf(cell)).some((left) => left > 0))
  const lost = refused.filter(({ problem }) => !/warm|cold/.test(problem))
  const complaints = refused.map((cell) => `no figure for ${nameOf(cell)}: ${cell.problem}`)
  return [
    {
      what: what.success,
      least: "100 %",
      stretch: "",
      figure: cells.length === 0
        ? "no cell has a figure"
        : `${percent(Math.min(...cells.map(({ successRate }) => successRate)))} in ${cells.length} cells, ${
          integer(messages)
        } messages`,
      verdict: verdictOf(cells.length > 0 && unsuccessful.length === 0 && refused.length === 0, false),
      why: list([...unsuccessful.map((cell) => `${nameOf(cell)}: ${percent(cell.successRate)}`), ...complaints])
    },
    {
      what: what.wrong,
      least: "0",
      stretch: "0",
      figure: `${inverted} out of order, ${gaps} lost, ${twice} twice`,
      verdict: verdictOf(false, inverted + gaps + twice === 0 && lost.length === 0 && cells.length > 0),
      why: list(lost.map((cell) => `${nameOf(cell)}: ${cell.problem}`))
    },
    {
      what: what.left,
      least: "0",
      stretch: "0",
      figure: `${leaking.length} of ${cells.length} cells left something behind`,
      verdict: verdictOf(false, leaking.length === 0 && cells.length > 0),
      why: list(leaking.map((cell) => {
        const { fibers, handles, timers } = leaksOf(cell)
        return `${nameOf(cell)}: ${fibers} fibers, ${timers} timers, ${handles} handles more than before`
      }))
    }
  ]
}

const heapOf = (cell: MeasuredCell): number => cell.after.heapMb - cell.before.heapMb
const rssOf = (cell: MeasuredCell): number => cell.peak.rssMb - cell.before.rssMb

export const heapGrowth = (report: Report): Target => {
  const aims = ["heap growth over a run at Extreme, after a collection", "<= 3 MB", ""] as const
  if (report.compare === undefined) return unmeasured(...aims, notRun("compare"))
  const cells = cellsAt(report, { level: extreme.name })
  if (cells.length === 0) return unmeasured(...aims, "there is no such cell")
  const over = cells.filter((cell) => heapOf(cell) > 3)
  const worst = cells.toSorted((a, b) => heapOf(b) - heapOf(a))[0]!
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: `${megabytes(heapOf(worst))} at most (${nameOf(worst)})`,
    verdict: verdictOf(over.length === 0, false),
    why: list(
      over.map((cell) =>
        `${nameOf(cell)}: ${megabytes(cell.before.heapMb)} before, ${megabytes(cell.peak.heapMb)} at the peak, ${
          megabytes(cell.after.heapMb)
        } after`
      )
    )
  }
}

export const rssGrowth = (report: Report): Target => {
  const aims = ["RSS growth over 1,000,000 messages at 8,192 pending, NATS and Kafka", "200 MB", "80 MB"] as const
  if (report.compare === undefined) return unmeasured(...aims, notRun("compare"))
  const cells = cellsAt(report, { level: longest.name, mode: "window" }).filter(({ broker }) => broker !== "memory")
  if (cells.length === 0) return unmeasured(...aims, "a million messages were not part of this run")
  const most = Math.max(...cells.map(rssOf))
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: cells.map((cell) => `${labels[cell.broker]} ${megabytes(rssOf(cell))}`).join(", "),
    verdict: verdictOf(most <= 200, most <= 80),
    why: most <= 200 ?
      "" :
      list(
        cells.filter((cell) => rssOf(cell) > 200).map((cell) =>
          `${labels[cell.broker]}: of it ${
            megabytes(cell.peak.heapMb - cell.before.heapMb)
          } heap between collections; publisher and consumer of all five topics share the process`
        )
      )
  }
}
