/**
 * Where the time of a publish goes.
 */
import type { BrokerName } from "../brokers/target.ts"
import type { Percentiles, Spread } from "../figures.ts"

export const stageNames = ["late", "validate", "encode", "window", "queue", "send", "ack", "settle"] as const

export type StageName = typeof stageNames[number]

export const stageLabels: Readonly<Record<StageName, string>> = {
  late: "late start",
  validate: "validate",
  encode: "encode",
  window: "wait for the window",
  queue: "wait in the queue",
  send: "send",
  ack: "broker ack",
  settle: "settle"
}

export interface Stage extends Percentiles {
  /** Means add up to the mean of the total; percentiles do not. */
  readonly mean: number
}

export interface StagesOfLoad {
  readonly broker: BrokerName
  readonly load: string
  readonly messages: number
  /** Milliseconds. */
  readonly stages: Readonly<Record<StageName, Stage>>
  readonly total: Stage
  readonly rounds: number
}

/** The same load with the recorder off and on, in turn. */
export interface MeasuringCost {
  readonly broker: BrokerName
  readonly offCpuMicros: Spread
  readonly onCpuMicros: Spread
  readonly offPerSecond: Spread
  readonly onPerSecond: Spread
}

export interface Staged {
  readonly loads: ReadonlyArray<StagesOfLoad>
  readonly costs: ReadonlyArray<MeasuringCost>
  /** Brokers that gave no figure, and why. */
  readonly problems: ReadonlyArray<string>
}
