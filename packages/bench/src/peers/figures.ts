/**
 * What a user would pick instead, beside ours.
 */
import type { Row, Spread } from "../figures.ts"

export interface Peer extends Row {
  /** Package and version. */
  readonly client: string
  readonly ours: boolean
  /** Ours / this, round by round. */
  readonly ratio: Spread
}

export interface PeerGroup {
  /** NATS, Kafka, memory: what they all publish to. */
  readonly broker: string
  /** What it is about: publishing as fast as it goes, one at a time, consuming. */
  readonly contest: string
  readonly rounds: number
  readonly peers: ReadonlyArray<Peer>
}

export interface Peers {
  readonly groups: ReadonlyArray<PeerGroup>
  readonly problems: ReadonlyArray<string>
}
