/**
 * What a cell of the comparison comes to.
 */
import type { BrokerName } from "../brokers/target.ts"
import type { Percentiles, Spread } from "../figures.ts"
import type { Mode } from "../load/publishing.ts"
import type { Holding, MemoryPoint } from "../load/sampling.ts"

export interface CellName {
  readonly broker: BrokerName
  readonly level: string
  readonly messages: number
  readonly mode: Mode
}

/** A cell with figures. All counts are sums over its rounds. */
export interface MeasuredCell extends CellName {
  readonly _tag: "Measured"
  readonly rounds: number
  /** Rounds of warm-up that it took. */
  readonly warmUps: number
  /** From the first publish to the last acknowledgement. */
  readonly ackedPerSecond: Spread
  /** From the first publish to the last handled message. */
  readonly handledPerSecond: Spread
  readonly cpuMicrosPerMessage: Spread
  readonly published: number
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  /** Acknowledged, stored and handled, of what was published. */
  readonly successRate: number
  /** As stored and as handled, added. */
  readonly orderViolations: number
  readonly gaps: number
  readonly duplicates: number
  readonly callMs: Percentiles
  /** In `awaited` it is the call itself. */
  readonly ackMs: Percentiles
  readonly endToEndMs: Percentiles
  /** Warm, bus closed, collected. */
  readonly before: Holding
  readonly peak: Holding
  /** Bus closed, collected: the highest of the rounds. */
  readonly after: Holding
  /** Of the first round. */
  readonly memory: ReadonlyArray<MemoryPoint>
}

/** A cell without: a round of it lost something, or its broker did not get warm. */
export interface RefusedCell extends CellName {
  readonly _tag: "Refused"
  readonly problem: string
}

export type Cell = MeasuredCell | RefusedCell

/** What is left that was not there before. */
export const leaksOf = ({ after, before }: MeasuredCell) => ({
  fibers: after.fibers - before.fibers,
  timers: after.timers - before.timers,
  handles: after.handles - before.handles
})

export const isMeasured = (cell: Cell): cell is MeasuredCell => cell._tag === "Measured"
