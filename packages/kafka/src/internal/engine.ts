/**
 * What this driver needs of a Kafka client library, in its own terms. `platformatic/client.ts` implements it with
 * `@platformatic/kafka`, `kafkajs/client.ts` with `kafkajs`: a folder for each, which alone imports its client. Everything
 * else here knows only this.
 */
import type { OutboundRecord } from "@effect-eventbus/core/Broker"
import type { Headers } from "@effect-eventbus/core/Headers"
import type { Failure } from "./failure.ts"

/** Rejections of the promises here are always of this class. */
export class EngineError extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.message, failure.cause === undefined ? undefined : { cause: failure.cause })
    this.failure = failure
  }
}

// --- administration ---------------------------------------------------------------------------------------------------

export interface TopicDescription {
  readonly partitions: number
  /** Of the partition that has the fewest. */
  readonly replicas: number
  readonly config: ReadonlyMap<string, string>
}

export type Offsets = ReadonlyMap<number, bigint>

export interface Admin {
  /** A round trip. */
  readonly ping: () => Promise<void>
  /** `message.max.bytes` of a broker, where it may be asked. */
  readonly maxMessageBytes: () => Promise<number | undefined>
  readonly describe: (topic: string) => Promise<TopicDescription | undefined>
  readonly create: (
    topic: string,
    options: { readonly partitions: number; readonly replicas: number; readonly config: ReadonlyMap<string, string> }
  ) => Promise<void>
  readonly alter: (topic: string, config: ReadonlyMap<string, string>) => Promise<void>
  readonly grow: (topic: string, partitions: number) => Promise<void>
  /** Of every partition. `time`: the first offset at or after it, the end where there is none. */
  readonly offsets: (topic: string, at: "earliest" | "latest" | { readonly time: number }) => Promise<Offsets>
  /** What a group has committed; a partition without a commit is absent. */
  readonly committed: (group: string, topic: string, partitions: number) => Promise<Offsets>
  /** Commits for a group without members. */
  readonly commit: (group: string, topic: string, offsets: Offsets) => Promise<void>
  /** When the record at an offset, or the next one, was stored; `undefined` where there is none. */
  readonly timestampAt: (topic: string, partition: number, offset: bigint) => Promise<number | undefined>
  readonly close: () => Promise<void>
}

// --- publishing -------------------------------------------------------------------------------------------------------

/** Records of one partition, in order. */
export interface Job {
  readonly topic: string
  readonly partition: number
  readonly records: ReadonlyArray<OutboundRecord>
}

export type JobResult =
  | { readonly _tag: "Stored"; readonly baseOffset: bigint | undefined }
  /** Everything that went wrong on the way, in order. */
  | { readonly _tag: "Failed"; readonly failures: ReadonlyArray<Failure> }

export interface Sender {
  /** Hands the jobs over; `done` is called once for each. Never throws. */
  readonly produce: (jobs: ReadonlyArray<Job>, done: (job: Job, result: JobResult) => void) => void
  /** Ends the tries of these jobs: each is answered for within a request timeout. The sender can be used on. */
  readonly giveUp: (jobs: ReadonlyArray<Job>) => void
  readonly close: () => Promise<void>
}

// --- consuming --------------------------------------------------------------------------------------------------------

export interface FetchedRecord {
  readonly offset: bigint
  readonly timestamp: number
  readonly key: string | undefined
  readonly headers: Headers
  readonly body: Uint8Array
  readonly size: number
}

export interface FetchedPartition {
  readonly partition: number
  readonly records: ReadonlyArray<FetchedRecord>
  /** Where the next fetch goes on: behind everything that this one covered, delivered or not. */
  readonly next: bigint
  readonly failure: Failure | undefined
}

export interface FetchRequest {
  readonly node: number
  readonly partitions: ReadonlyArray<{ readonly partition: number; readonly offset: bigint }>
  readonly maxWaitMillis: number
}

export interface MembershipEvents {
  /** Partitions are about to be taken away: `lost` where they are gone already. Resolves when they may go. */
  readonly onRevoke: (lost: boolean) => Promise<void>
  readonly onAssign: (partitions: ReadonlyArray<number>) => void
  /** KIP-848 only: these are gone, without notice. */
  readonly onLost: (partitions: ReadonlyArray<number>) => void
  readonly onStall: (message: string) => void
  /** In milliseconds. */
  readonly now: () => number
}

/** One member of a group, on one topic. */
export interface Membership {
  /** Joins, and joins again where membership was lost for good. Resolves when it has an assignment. */
  readonly join: () => Promise<void>
  /**
   * Whether no heartbeat was answered for a whole session: others may have the partitions by now. From then on the
   * assignment counts for nothing; `onAssign` is called again when the group has answered.
   */
  readonly expired: (now: number) => boolean
  /** Heartbeats are sent, or a rebalance is on its way. */
  readonly active: () => boolean
  readonly leaders: () => Promise<ReadonlyMap<number, number>>
  readonly fetch: (request: FetchRequest) => Promise<ReadonlyArray<FetchedPartition>>
  /** Commits under the present generation. */
  readonly commit: (offsets: Offsets) => Promise<void>
  readonly close: () => Promise<void>
}

export interface Engine {
  readonly admin: Admin
  /** `now`: milliseconds since 1970, which records are stamped with. */
  readonly sender: (now: () => number) => Sender
  readonly membership: (group: string, topic: string, events: MembershipEvents) => Membership
  readonly onStatus: (listener: (status: { readonly connected: boolean; readonly reason: string }) => void) => void
  readonly close: () => Promise<void>
}
