/**
 * What the report asks of the figures.
 */
import { type BrokerName, brokerNames } from "../brokers/target.ts"
import { isMeasured, type MeasuredCell } from "../compare/figures.ts"
import { levels } from "../compare/levels.ts"
import type { Mode } from "../load/publishing.ts"
import type { Peer, PeerGroup } from "../peers/figures.ts"
import type { Report } from "./model.ts"

export const cellsOf = ({ compare }: Report): ReadonlyArray<MeasuredCell> => (compare?.cells ?? []).filter(isMeasured)

export interface Where {
  readonly broker?: BrokerName
  readonly level?: string
  readonly mode?: Mode
}

export const cellsAt = (report: Report, { broker, level, mode }: Where): ReadonlyArray<MeasuredCell> =>
  cellsOf(report).filter((cell) =>
    (broker === undefined || cell.broker === broker)
    && (level === undefined || cell.level === level)
    && (mode === undefined || cell.mode === mode)
  )

const most = <A>(items: ReadonlyArray<A>, of: (item: A) => number): A | undefined =>
  items.reduce<A | undefined>((best, item) => best === undefined || of(item) > of(best) ? item : best, undefined)

/** The way to publish that is fastest there, to the last acknowledgement. */
export const fastest = (report: Report, where: Where): MeasuredCell | undefined =>
  most(cellsAt(report, where), ({ ackedPerSecond }) => ackedPerSecond.median)

/** The same to the last handled message. */
export const fastestHandled = (report: Report, where: Where): MeasuredCell | undefined =>
  most(cellsAt(report, where), ({ handledPerSecond }) => handledPerSecond.median)

/** Levels with a cell, in order. */
export const levelsOf = (report: Report): ReadonlyArray<string> => {
  const present = new Set(cellsOf(report).map(({ level }) => level))
  return levels.map(({ name }) => name).filter((name) => present.has(name))
}

export const brokersOf = (report: Report): ReadonlyArray<BrokerName> => {
  const present = new Set(cellsOf(report).map(({ broker }) => broker))
  return brokerNames.filter((name) => present.has(name))
}

/** Peers whose names have all of these words, of a broker. */
export const peersNamed = (
  report: Report,
  broker: string,
  ...words: ReadonlyArray<string | RegExp>
): ReadonlyArray<{ readonly group: PeerGroup; readonly peer: Peer }> =>
  (report.peers?.groups ?? []).filter((group) => group.broker === broker).flatMap((group) =>
    group.peers
      .filter(({ client, name }) => {
        const text = `${group.contest}: ${name} (${client})`
        return words.every((word) => typeof word === "string" ? text.includes(word) : word.test(text))
      })
      .map((peer) => ({ group, peer }))
  )
