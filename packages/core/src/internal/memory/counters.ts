/**
 * What a cluster has counted since it was made.
 */
export interface Counters {
  /** Records appended. */
  stored: number
  /** Records acknowledged as duplicates, and not appended. */
  duplicates: number
  /** Event ids that deduplication dropped before their time, because `maxDedupeIds` was reached. */
  forgottenIds: number
  /** Records that the broker refused (full, too large, unknown topic, not supported), those behind a gap not included. */
  refused: number
  /** Records not stored because one before them in their lane was not. */
  gaps: number
  /** Records that retention removed. */
  evicted: number
  /** Records that retention removed before a group had settled them, once per group. */
  skipped: number
  /** Deliveries with an attempt above 1. */
  redelivered: number
  /** Settlements and heartbeats under an assignment that has ended. */
  staleSettles: number
  /** Joins and leaves that moved at least one partition. */
  rebalances: number
  /** Partitions handed over because `handoverTimeout` passed before the old owner released them. */
  handoverTimeouts: number
}

export const make = (): Counters => ({
  stored: 0,
  duplicates: 0,
  forgottenIds: 0,
  refused: 0,
  gaps: 0,
  evicted: 0,
  skipped: 0,
  redelivered: 0,
  staleSettles: 0,
  rebalances: 0,
  handoverTimeouts: 0
})
