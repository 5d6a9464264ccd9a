/** What a connection has counted since it was made. */
export interface Counters {
  /** Assignments that this connection's consumers got. */
  rebalances: number
  /** Times that no heartbeat was answered for a session. */
  heartbeatStalls: number
  /** Times that a member gave up its partitions by itself, because it was not heard for a session. */
  expiredSessions: number
  /** Revocations whose handlers did not end in time. */
  handoverTimeouts: number
  /** Settlements for an assignment that had ended. */
  staleSettles: number
  /** Commits that the group refused, because it had moved on. */
  refusedCommits: number
}

export const makeCounters = (): Counters => ({
  rebalances: 0,
  heartbeatStalls: 0,
  expiredSessions: 0,
  handoverTimeouts: 0,
  staleSettles: 0,
  refusedCommits: 0
})
