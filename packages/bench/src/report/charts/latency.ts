/**
 * How long a message takes, by level.
 */
import { labels } from "../../brokers/target.ts"
import type { MeasuredCell } from "../../compare/figures.ts"
import type { Percentiles } from "../../figures.ts"
import type { Mode } from "../../load/publishing.ts"
import { colour } from "../colours.ts"
import { axisText, categoryAxis, type Chart, legend, levelLabel, type Size, splitLine } from "../draw.ts"
import type { Report } from "../model.ts"
import { duration, tick } from "../numbers.ts"
import { brokersOf, cellsAt, levelsOf } from "../select.ts"

const symbols: Readonly<Record<string, string>> = {
  "memory": "circle",
  "nats-memory": "triangle",
  "nats-file": "rect",
  "kafka": "diamond"
}

const chart = (
  report: Report,
  fields: {
    readonly id: string
    readonly title: string
    readonly note: string
    readonly mode: Mode
    readonly of: (cell: MeasuredCell) => Percentiles
  }
): Chart | undefined => {
  const { id, mode, note, of, title } = fields
  const levels = levelsOf(report).filter((level) => cellsAt(report, { level, mode }).length > 0)
  const brokers = brokersOf(report).filter((broker) => cellsAt(report, { broker, mode }).length > 0)
  if (brokers.length === 0) return undefined
  const percentileOf = (broker: typeof brokers[number], level: string) => {
    const cell = cellsAt(report, { broker, level, mode })[0]
    return cell === undefined ? undefined : of(cell)
  }
  return {
    id,
    title,
    note,
    alt: `Lines, by level, P50 and P99. ${
      levels.map((level) =>
        `${level}: ${
          brokers.flatMap((broker) => {
            const found = percentileOf(broker, level)
            return found === undefined
              ? []
              : [`${labels[broker]} P50 ${duration(found.p50)}, P99 ${duration(found.p99)}`]
          }).join("; ")
        }`
      ).join(". ")
    }.`,
    height: ({ narrow }) => narrow ? 330 : 360,
    option: (size: Size) => ({
      legend: { ...legend(size), data: brokers.map((broker) => labels[broker]) },
      grid: { left: 4, right: 12, top: size.narrow ? 64 : 44, bottom: 4, containLabel: true },
      xAxis: categoryAxis(size, levels.map((level) => levelLabel(size, level))),
      yAxis: {
        type: "log" as const,
        axisLabel: { ...axisText(size), formatter: tick },
        splitLine
      },
      series: brokers.flatMap((broker) => {
        const own = levels.map((level) => percentileOf(broker, level))
        const common = {
          type: "line" as const,
          symbol: symbols[broker] ?? "circle",
          symbolSize: 8,
          itemStyle: { color: colour(`broker-${broker}`) }
        }
        return [
          {
            ...common,
            name: labels[broker],
            lineStyle: { color: colour(`broker-${broker}`), width: 2.5 },
            data: own.map((found) => found === undefined ? null : Math.max(0.001, found.p50))
          },
          {
            ...common,
            name: `${labels[broker]} P99`,
            symbolSize: 5,
            lineStyle: { color: colour(`broker-${broker}`), width: 1.5, type: "dashed" as const },
            data: own.map((found) => found === undefined ? null : Math.max(0.001, found.p99))
          }
        ]
      })
    })
  }
}

export const latencies = (report: Report): ReadonlyArray<Chart> => {
  const awaited = cellsAt(report, { mode: "awaited" }).length > 0
  const mode: Mode = awaited ? "awaited" : "window"
  const queue = awaited
    ? "As many callers as there are aggregates (50 to 1,000) publish at the same time, so this is the time that a "
      + "message takes in their midst."
    : "The whole level is published at once, so most of it is waiting for what came before."
  return [
    chart(report, {
      id: "publish-to-ack",
      title: "From the publish call to the broker's acknowledgement",
      note: `Solid: half of the messages are quicker (P50). Dashed: 99 of 100 are (P99). ${queue}`,
      mode,
      of: ({ ackMs }) => ackMs
    }),
    chart(report, {
      id: "end-to-end",
      title: "From the publish call to the handler",
      note: "Solid P50, dashed P99. Published, stored, delivered and decoded, in the same process.",
      mode,
      of: ({ endToEndMs }) => endToEndMs
    })
  ].filter((one) => one !== undefined)
}
