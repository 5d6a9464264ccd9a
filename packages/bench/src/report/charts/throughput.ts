/**
 * Messages a second: by level, and by the way to publish.
 */
import { type BrokerName, labels } from "../../brokers/target.ts"
import type { MeasuredCell } from "../../compare/figures.ts"
import { extreme, levels } from "../../compare/levels.ts"
import { modeLabels, modes } from "../../load/publishing.ts"
import { colour } from "../colours.ts"
import { categoryAxis, type Chart, legend, levelLabel, type Size, valueAxis } from "../draw.ts"
import type { Report } from "../model.ts"
import { rounded, short } from "../numbers.ts"
import { brokersOf, cellsAt, fastest, levelsOf } from "../select.ts"
import { whiskers } from "../whiskers.ts"

const barGap = 0.15

interface Group {
  readonly label: string
  readonly cellOf: (broker: BrokerName) => MeasuredCell | undefined
}

const bars = (groups: ReadonlyArray<Group>, brokers: ReadonlyArray<BrokerName>, wordy = false) => (size: Size) => {
  const room = (size.width - 60) / Math.max(groups.length, 2)
  const barWidth = Math.max(4, Math.min(26, room * 0.78 / (brokers.length * (1 + barGap))))
  return {
    legend: legend(size),
    grid: { left: 4, right: 8, top: size.narrow ? 78 : 62, bottom: 4, containLabel: true },
    xAxis: categoryAxis(
      size,
      groups.map(({ label }) => wordy && size.narrow ? label.replaceAll(" ", "\n") : levelLabel(size, label))
    ),
    yAxis: valueAxis(size, "messages/s", short),
    series: brokers.flatMap((broker, place) => {
      const cells = groups.map(({ cellOf }) => cellOf(broker))
      return [
        {
          type: "bar" as const,
          name: labels[broker],
          barWidth,
          barGap: `${barGap * 100}%`,
          itemStyle: { color: colour(`broker-${broker}`), borderRadius: [2, 2, 0, 0] },
          data: cells.map((cell) => cell === undefined ? null : Math.round(cell.ackedPerSecond.median))
        },
        whiskers(cells.map((cell) => cell?.ackedPerSecond), {
          count: brokers.length,
          place,
          barWidth,
          barGap,
          lying: false
        })
      ]
    })
  }
}

const height = ({ narrow }: Size): number => narrow ? 320 : 380

const sentence = (groups: ReadonlyArray<Group>, brokers: ReadonlyArray<BrokerName>): string =>
  groups.map(({ cellOf, label }) =>
    `${label}: ${
      brokers.flatMap((broker) => {
        const cell = cellOf(broker)
        return cell === undefined ? [] : [`${labels[broker]} ${rounded(cell.ackedPerSecond.median)}`]
      }).join(", ")
    }`
  ).join(". ")

export const byLevel = (report: Report): Chart => {
  const brokers = brokersOf(report)
  const groups = levelsOf(report).map((level): Group => ({
    label: level,
    cellOf: (broker) => fastest(report, { broker, level })
  }))
  const sizes = levels.filter(({ name }) => groups.some(({ label }) => label === name))
  return {
    id: "throughput",
    title: "Messages a second, from the first publish to the last acknowledgement",
    alt: `Bars, one group for each level, messages a second. ${sentence(groups, brokers)}.`,
    note:
      `${
        sizes.map(({ messages, name }) => `${name}: ${messages.toLocaleString("en-US")} messages`).join(". ")
      }. Bars are medians over the rounds in the fastest way to publish, whiskers the slowest and the fastest round. `
      + "While it runs, the same process consumes and handles all of it.",
    height,
    option: bars(groups, brokers)
  }
}

export const byMode = (report: Report): Chart | undefined => {
  const brokers = brokersOf(report)
  const present = modes.filter((mode) => cellsAt(report, { level: extreme.name, mode }).length > 0)
  if (present.length < 2) return undefined
  const groups = present.map((mode): Group => ({
    label: modeLabels[mode],
    cellOf: (broker) => fastest(report, { broker, level: extreme.name, mode })
  }))
  return {
    id: "modes",
    title: "Three ways to publish 10,000 messages",
    alt: `Bars, one group for each way to publish, messages a second. ${sentence(groups, brokers)}.`,
    note:
      "Each ack awaited: 1,000 callers, each waits for the acknowledgement of its message before it sends the next. "
      + "Async window: one caller, which waits only while 8,192 messages are pending. Batch: five callers, 500 at a time.",
    height,
    option: bars(groups, brokers, true)
  }
}
