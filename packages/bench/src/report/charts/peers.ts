/**
 * Ours beside what one would pick instead.
 */
import type { Peer, PeerGroup } from "../../peers/figures.ts"
import { colour } from "../colours.ts"
import { axisText, categoryAxis, type Chart, type Size, splitLine } from "../draw.ts"
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

const chartOf = (group: PeerGroup): Chart => {
  const rows = group.peers.toSorted((a, b) => a.messagesPerSecond.median - b.messagesPerSecond.median)
  const label = (peer: Peer): string =>
    `${rounded(peer.messagesPerSecond.median)}${peer.ours ? "" : `  ·  ours is ${ratio(peer.ratio.median)}`}`
  return {
    id: idOf(group),
    title: `${group.broker}, ${group.contest}: ours and what one would pick instead`,
    alt: `Bars, messages a second. ${
      rows.toReversed().map((peer) => `${peer.name}${peer.ours ? " (ours)" : ""} ${label(peer)}`).join("; ")
    }.`,
    note: `The same bytes and the same guarantees, ${group.rounds} rounds in turn. Bars are medians, whiskers the slowest `
      + "and the fastest round; ratios are medians of the ratios round by round.",
    height: ({ narrow }) => 40 + rows.length * (narrow ? 52 : 36),
    option: (size: Size) => {
      const barWidth = size.narrow ? 14 : 16
      const inside = Math.max(...rows.map(({ messagesPerSecond }) => messagesPerSecond.max))
      return {
        grid: { left: 4, right: 12, top: 8, bottom: 4, containLabel: true },
        yAxis: {
          ...categoryAxis(size, rows.map(({ name }) => size.narrow ? wrapped(name, 18) : wrapped(name, 44))),
          axisLine: { show: false },
          axisLabel: { ...axisText(size), color: colour("ink"), interval: 0 }
        },
        xAxis: {
          type: "value" as const,
          // Room for the words behind the longest bar.
          max: inside * (size.narrow ? 1.9 : 1.42),
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
            data: rows.map((peer, i) => ({ value: [peer.messagesPerSecond.max, i], name: label(peer) })),
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
