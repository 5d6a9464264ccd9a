/**
 * Memory while the longest load runs.
 */
import { labels } from "../../brokers/target.ts"
import { colour } from "../colours.ts"
import { axisText, type Chart, legend, type Size, splitLine, valueAxis } from "../draw.ts"
import type { Report } from "../model.ts"
import { integer, megabytes } from "../numbers.ts"
import { brokersOf, cellsAt, levelsOf } from "../select.ts"

export const memoryChart = (report: Report): Chart | undefined => {
  const level = levelsOf(report).at(-1)
  if (level === undefined) return undefined
  const cells = brokersOf(report).flatMap((broker) => {
    const cell = cellsAt(report, { broker, level, mode: "window" })[0]
    return cell === undefined || cell.memory.length < 2 ? [] : [cell]
  })
  if (cells.length === 0) return undefined
  const messages = cells[0]?.messages ?? 0
  return {
    id: "memory",
    title: `Memory of the process while ${integer(messages)} messages go through`,
    alt: `Lines over time, resident set size and heap. ${
      cells.map(({ after, before, broker, peak }) =>
        `${labels[broker]}: ${megabytes(before.rssMb)} before, ${megabytes(peak.rssMb)} at the peak; heap ${
          megabytes(before.heapMb)
        }, ${megabytes(peak.heapMb)}, ${megabytes(after.heapMb)} after a collection`
      ).join(". ")
    }.`,
    note:
      "Solid: the whole process (RSS). Thin: its JavaScript heap. Publisher, consumer and handlers are in it; the broker "
      + "in memory keeps every record in it as well, which is why that one grows.",
    height: ({ narrow }) => narrow ? 320 : 340,
    option: (size: Size) => ({
      legend: { ...legend(size), data: cells.map(({ broker }) => labels[broker]) },
      grid: { left: 4, right: 12, top: size.narrow ? 78 : 62, bottom: 4, containLabel: true },
      xAxis: {
        type: "value" as const,
        axisLabel: { ...axisText(size), formatter: (value: number) => `${value} s` },
        splitLine: { show: false }
      },
      yAxis: { ...valueAxis(size, "megabytes", integer), splitLine },
      series: cells.flatMap(({ broker, memory }) => [
        {
          type: "line" as const,
          name: labels[broker],
          showSymbol: false,
          itemStyle: { color: colour(`broker-${broker}`) },
          lineStyle: { color: colour(`broker-${broker}`), width: 2.5 },
          data: memory.map(([millis, , rss]) => [millis / 1000, rss])
        },
        {
          type: "line" as const,
          name: `${labels[broker]} heap`,
          showSymbol: false,
          itemStyle: { color: colour(`broker-${broker}`) },
          lineStyle: { color: colour(`broker-${broker}`), width: 1, opacity: 0.7 },
          data: memory.map(([millis, heap]) => [millis / 1000, heap])
        }
      ])
    })
  }
}
