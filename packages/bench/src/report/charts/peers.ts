/**
 * Ours beside what one would pick instead.
 */
import type { Peer, PeerGroup } from "../../peers/figures.ts"
import { colour } from "../colours.ts"
import { axisText, type Chart, lyingAxis, type Size, splitLine } from "../draw.ts"
import type { Report } from "../model.ts"
import { ratio, rounded, short } from "../numbers.ts"
import { whiskers } from "../whiskers.ts"

const idOf = ({ broker, contest }: PeerGroup): string =>
  `peers-${`${broker}-${contest}`.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`

const wrapped = (text: string, most: number): string => {
  const lines: Array<string> = [""]
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? ""
    if (last !== "" && last.length + word.length >= most) lines.push(word)
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`
  }
  return lines.join("\n")
}

/** Two digits, so that the axis ends at a round number. */
const niceMax = (value: number): number => {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 1)
  return Math.ceil(value / unit) * unit
}

const label = (peer: Peer, size?: Size): string =>
  `${rounded(peer.messagesPerSecond.median)}${
    peer.ours ? "" : `  ·  ${size?.narrow === true ? "ours" : "ours is"} ${ratio(peer.ratio.median)}`
  }`

const chartOf = (group: PeerGroup): Chart => {
  const rows = group.peers.toSorted((a, b) => a.messagesPerSecond.median - b.messagesPerSecond.median)
  return {
    id: idOf(group),
    title: `${group.broker}, ${group.contest}: ours and what one would pick instead`,
    alt: `Bars, messages a second. ${
      rows.toReversed().map((peer) => `${peer.name}${peer.ours ? " (ours)" : ""} ${label(peer)}`).join("; ")
    }.`,
    note:
      `The same bytes and the same guarantees, ${group.rounds} rounds in turn. Bars are medians, whiskers the slowest `
      + "and the fastest round; ratios are medians of the ratios round by round."
      + (rows.some(({ name }) => name.includes("ProducerPerformance"))
        ? " Kafka's own tool is the ceiling: its records have no keys and no headers, and mean nothing."
        : ""),
    height: ({ narrow }) => 40 + rows.length * (narrow ? 44 : 40),
    option: (size: Size) => {
      const barWidth = size.narrow ? 14 : 16
      const inside = Math.max(...rows.map(({ messagesPerSecond }) => messagesPerSecond.max))
      return {
        grid: { left: 4, right: 12, top: 8, bottom: 4, containLabel: true },
        yAxis: lyingAxis(size, rows.map(({ name }) => size.narrow ? name : wrapped(name, 46))),
        xAxis: {
          type: "value" as const,
          // Room for the words behind the longest bar.
          max: niceMax(inside * (size.narrow ? 1.75 : 1.42)),
          axisLabel: { ...axisText(size), formatter: short, hideOverlap: true },
          splitNumber: size.narrow ? 3 : 6,
          splitLine
        },
        series: [
          {
            type: "bar" as const,
            barWidth,
            data: rows.map((peer) => ({
              value: Math.round(peer.messagesPerSecond.median),
              itemStyle: { color: colour(peer.ours ? "ours" : "theirs"), borderRadius: [0, 2, 2, 0] }
            }))
          },
          whiskers(rows.map(({ messagesPerSecond }) => messagesPerSecond), {
            count: 1,
            place: 0,
            barWidth,
            barGap: 0,
            lying: true
          }),
          // The words stand behind the whisker.
          {
            type: "scatter" as const,
            symbolSize: 0.1,
            silent: true,
            data: rows.map((peer, i) => ({ value: [peer.messagesPerSecond.max, i], name: label(peer, size) })),
            itemStyle: { color: "transparent" },
            label: {
              show: true,
              position: "right" as const,
              distance: 6,
              formatter: "{b}",
              color: colour("ink"),
              fontSize: size.narrow ? 10.5 : 12
            }
          }
        ]
      }
    }
  }
}

export const peerCharts = ({ peers }: Report): ReadonlyArray<Chart> => (peers?.groups ?? []).map(chartOf)
