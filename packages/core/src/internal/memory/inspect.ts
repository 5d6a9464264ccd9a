/**
 * What tests may see of a cluster.
 */
import type { Headers } from "../../Headers.ts"
import type { ClusterState } from "./cluster.ts"
import type { Topic } from "./topic.ts"

export interface StoredRecord {
  readonly partition: number
  readonly offset: bigint
  /** Broker time, in milliseconds since 1970. */
  readonly timestamp: number
  readonly eventId: string
  readonly key: string
  readonly headers: Headers
  readonly body: Uint8Array
}

export interface GroupState {
  readonly topic: string
  readonly group: string
  readonly members: number
  readonly partitions: ReadonlyArray<{
    readonly partition: number
    readonly epoch: number
    /** Index of the member that has it, in the order of joining; absent while nobody has. */
    readonly owner: number | undefined
    /** True while it is on its way to another member. */
    readonly handover: boolean
    /** First offset not settled. */
    readonly committed: bigint
    /** First offset never delivered. */
    readonly next: bigint
    /** Records in the owner's hands. */
    readonly inFlight: number
    /** Settled offsets above `committed`. */
    readonly settledAbove: number
  }>
}

/** Every retained record, in the order in which they were stored. */
export const recordsOf = (topic: Topic): ReadonlyArray<StoredRecord> => {
  const positions = topic.logs.map(({ start }) => start)
  const records: Array<StoredRecord> = []
  for (const partition of topic.inOrder()) {
    const log = topic.logs[partition]!
    const offset = positions[partition]!++
    const { body, headers, key, timestamp } = log.read(topic.info.name, offset, 0, 0)
    records.push({
      partition,
      offset: BigInt(offset),
      timestamp,
      eventId: log.idOf(offset),
      key: key ?? "",
      headers,
      body
    })
  }
  return records
}

export const groupsOf = (cluster: ClusterState): ReadonlyArray<GroupState> =>
  [...cluster.topics.values()].flatMap((topic) =>
    [...topic.groups.values()].map((group) => ({
      topic: topic.info.name,
      group: group.name,
      members: group.members.length,
      partitions: group.shares.map(({ epoch, handover, owner, partition, window }) => ({
        partition,
        epoch,
        owner: owner === undefined ? undefined : group.members.indexOf(owner),
        handover: handover !== undefined,
        committed: BigInt(window.committed),
        next: BigInt(window.next),
        inFlight: window.heldCount,
        settledAbove: window.settledAbove
      }))
    }))
  )
