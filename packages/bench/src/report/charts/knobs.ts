/**
 * One curve for each setting and broker.
 */
import { labels } from "../../brokers/target.ts"
import type { Sweep } from "../../knobs/figures.ts"
import { colour } from "../colours.ts"
import { categoryAxis, type Chart, legend, type Size, valueAxis } from "../draw.ts"
import type { Report } from "../model.ts"
import { rounded, short } from "../numbers.ts"

const symbols = ["rect", "diamond", "circle", "triangle"]

const chartOf = (knob: string, sweeps: ReadonlyArray<Sweep>): Chart => {
  const [first] = sweeps
  const points = first?.points ?? []
  const other = points.find(({ isDefault }) => isDefault)?.label
  return {
    id: `knob-${knob.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`,
    title: knob,
    alt: `Lines, messages a second by ${first?.unit ?? knob}. ${
      sweeps.map(({ broker, points: own }) =>
        `${labels[broker]}: ${own.map(({ label, perSecond }) => `${label} ${rounded(perSecond.median)}`).join(", ")}`
      ).join(". ")
    }.`,
    note: `${first?.unit ?? ""}${other === undefined ? "" : `; default ${other}`}`,
    height: ({ narrow }) => narrow ? 250 : 250,
    option: (size: Size) => ({
      legend: legend(size),
      grid: { left: 4, right: 12, top: 58, bottom: 4, containLabel: true },
      xAxis: {
        ...categoryAxis(size, points.map(({ label }) => label)),
        boundaryGap: points.length < 3
      },
      yAxis: valueAxis(size, "messages/s", short),
      series: sweeps.map(({ broker, points: own }, i) => ({
        type: points.length < 3 ? "bar" as const : "line" as const,
        barMaxWidth: 26,
        name: labels[broker],
        symbol: symbols[i % symbols.length] ?? "circle",
        symbolSize: 8,
        itemStyle: { color: colour(`broker-${broker}`) },
        lineStyle: { color: colour(`broker-${broker}`), width: 2.5 },
        data: own.map(({ perSecond }) => Math.round(perSecond.median))
      }))
    })
  }
}

export const knobCharts = ({ knobs }: Report): ReadonlyArray<Chart> => {
  const sweeps = knobs?.sweeps ?? []
  return [...new Set(sweeps.map(({ knob }) => knob))].map((knob) =>
    chartOf(knob, sweeps.filter((sweep) => sweep.knob === knob))
  )
}
