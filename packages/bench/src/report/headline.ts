/**
 * The one figure, and the few beside it.
 */
import { type BrokerName, labels } from "../brokers/target.ts"
import { leaksOf, type MeasuredCell } from "../compare/figures.ts"
import { modeLabels } from "../load/publishing.ts"
import type { Report } from "./model.ts"
import { duration, integer, percent, rounded } from "./numbers.ts"
import { cellsOf } from "./select.ts"

export interface Headline {
  readonly figure: string
  readonly unit: string
  readonly detail: string
}

/** For those who do not know how the brokers are called in the charts. */
const brokerWords: Readonly<Record<BrokerName, string>> = {
  "memory": "the broker in memory",
  "nats-memory": "NATS JetStream in memory",
  "nats-file": "NATS JetStream on disk",
  "kafka": "Apache Kafka"
}

const durable = (cell: MeasuredCell): boolean => cell.broker === "nats-file" || cell.broker === "kafka"

/** The fastest cell of at least 10,000 messages on a broker that keeps them on disk, and how the other one does there. */
export const headlineOf = (report: Report): Headline | undefined => {
  const cells = cellsOf(report).filter((cell) => durable(cell) && cell.messages >= 10_000)
  const best = cells.toSorted((a, b) => b.ackedPerSecond.median - a.ackedPerSecond.median)[0]
  if (best !== undefined) {
    const other = cells
      .filter(({ broker, level }) => level === best.level && broker !== best.broker)
      .toSorted((a, b) => b.ackedPerSecond.median - a.ackedPerSecond.median)[0]
    return {
      figure: rounded(best.ackedPerSecond.median),
      unit: `messages a second from one Node process, each stored and acknowledged by ${brokerWords[best.broker]}`,
      detail: `Consumed and handled by the same process meanwhile: ${integer(best.messages)} messages, ${
        modeLabels[best.mode]
      }, median of ${best.rounds === 1 ? "one round" : `${best.rounds} rounds`}.${
        other === undefined ? "" : ` The same on ${brokerWords[other.broker]}: ${rounded(other.ackedPerSecond.median)}.`
      }`
    }
  }
  const group = report.peers?.groups.find(({ broker }) => broker !== "Memory")
  const own = group?.peers.find(({ ours }) => ours)
  return group === undefined || own === undefined ? undefined : {
    figure: rounded(own.messagesPerSecond.median),
    unit: `messages a second from one Node process, each stored and acknowledged by ${group.broker}`,
    detail: `Median of ${group.rounds} rounds of ${integer(own.messages)} messages.`
  }
}

export interface Tile {
  readonly figure: string
  readonly what: string
}

export const tilesOf = (report: Report): ReadonlyArray<Tile> => {
  const cells = cellsOf(report)
  if (cells.length === 0) return []
  const refused = (report.compare?.cells.length ?? 0) - cells.length
  const sum = (of: (cell: MeasuredCell) => number): number => cells.reduce((total, cell) => total + of(cell), 0)
  const left = sum((cell) => Object.values(leaksOf(cell)).reduce((total, one) => total + Math.max(0, one), 0))
  const quickest = report.stages?.loads
    .filter(({ broker, load }) => (broker === "nats-file" || broker === "kafka") && load.endsWith("/s"))
    .toSorted((a, b) => a.total.p50 - b.total.p50)[0]
  return [
    {
      figure: percent(Math.min(...cells.map(({ successRate }) => successRate))),
      what: `of ${integer(sum(({ published }) => published))} messages acknowledged, stored and handled${
        refused === 0 ? "" : `, in the ${cells.length} cells that have a figure; ${refused} have none`
      }`
    },
    {
      figure: integer(sum((cell) => cell.orderViolations + cell.gaps + cell.duplicates)),
      what: "out of order, lost or stored twice"
    },
    { figure: integer(left), what: "fibers, timers or handles left after close" },
    quickest === undefined
      ? { figure: String(cells.length), what: "cells: broker, level and way to publish" }
      : {
        figure: duration(quickest.total.p50),
        what: `from call to acknowledgement at ${quickest.load} on ${labels[quickest.broker]}, P50`
      }
  ]
}
