/**
 * Where the time of a publish goes.
 */
import { labels } from "../../brokers/target.ts"
import { stageLabels, type StageName, stageNames, type StagesOfLoad } from "../../stages/figures.ts"
import { colour } from "../colours.ts"
import { axisText, type Chart, legend, lyingAxis, type Size } from "../draw.ts"
import type { Report } from "../model.ts"
import { duration } from "../numbers.ts"

const shareOf = ({ stages }: StagesOfLoad, name: StageName): number => {
  const total = stageNames.reduce((sum, stage) => sum + stages[stage].mean, 0)
  return total === 0 ? 0 : stages[name].mean / total * 100
}

const nameOf = ({ broker, load, total }: StagesOfLoad, size: Size): string =>
  size.narrow
    ? `${labels[broker]}, ${load}: ${duration(total.mean)}`
    : `${labels[broker]}, ${load}   ${duration(total.mean)}`

export const stagesChart = ({ stages }: Report): Chart | undefined => {
  const loads = stages?.loads ?? []
  if (loads.length === 0) return undefined
  // Drawn from below.
  const rows = loads.toReversed()
  return {
    id: "stages",
    title: "Where the time of a publish goes",
    alt: `Stacked bars of the mean time of a message. ${
      loads.map((load) =>
        `${labels[load.broker]}, ${load.load}, ${duration(load.total.mean)}: ${
          stageNames.map((name) => `${stageLabels[name]} ${shareOf(load, name).toFixed(0)} %`).join(", ")
        }`
      ).join(". ")
    }.`,
    note:
      "Share of each stage in the mean time from the call to the settlement, which stands beside the name. At a fixed "
      + "rate the times are what a message takes; with the window full most of it is waiting in line behind 8,192 others.",
    height: ({ narrow }) => (narrow ? 112 : 76) + loads.length * (narrow ? 40 : 30),
    option: (size) => ({
      legend: legend(size),
      grid: { left: 4, right: 16, top: size.narrow ? 84 : 52, bottom: 4, containLabel: true },
      yAxis: lyingAxis(size, rows.map((row) => nameOf(row, size))),
      xAxis: {
        type: "value" as const,
        max: 100,
        axisLabel: { ...axisText(size), formatter: "{value} %" },
        splitLine: { show: false }
      },
      series: stageNames.map((name) => ({
        type: "bar" as const,
        name: stageLabels[name],
        stack: "mean",
        barWidth: size.narrow ? 14 : 16,
        itemStyle: { color: colour(`stage-${name}`), borderColor: colour("paper"), borderWidth: 1 },
        data: rows.map((row) => Number(shareOf(row, name).toFixed(2)))
      }))
    })
  }
}
