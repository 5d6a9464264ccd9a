/**
 * One setting at a time, and what it does.
 */
import type { BrokerName } from "../brokers/target.ts"
import type { Spread } from "../figures.ts"

export interface KnobPoint {
  /** As it stands on the axis. */
  readonly label: string
  readonly messages: number
  readonly perSecond: Spread
  readonly cpuMicrosPerMessage: Spread
  /** P99 from the publish call to the acknowledgement, in milliseconds. */
  readonly ackP99Ms: number
  /** Bytes of payload and envelope, about. */
  readonly megabytesPerSecond: number
  /** What the bus does where nothing is said. */
  readonly isDefault: boolean
}

export interface Sweep {
  readonly knob: string
  readonly unit: string
  readonly broker: BrokerName
  readonly points: ReadonlyArray<KnobPoint>
}

export interface Knobs {
  readonly sweeps: ReadonlyArray<Sweep>
  readonly problems: ReadonlyArray<string>
}
