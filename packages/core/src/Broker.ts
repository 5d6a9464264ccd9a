/**
 * The contract that a driver implements (memory, NATS, Kafka, yours). Application code never needs this module.
 *
 * What can be written once is core's: validation, encoding, the window, lanes and their resends, deadlines, drain,
 * results, decoding, handler concurrency, retries, dead letters. A driver moves bytes and tells the truth about them:
 *
 * - a {@link Producer} takes batches of encoded records and answers for **each record exactly once per batch**;
 * - a {@link Consumer} yields raw records with position, attempt and assignment epoch, and takes settlements;
 * - topics, health, connection status and backlog.
 *
 * `@effect-eventbus/core/testing` holds the laws that a driver must pass.
 *
 * @since 0.1.0
 */
import { Context, type Effect, type Option, type Scope, type Stream, type SubscriptionRef } from "effect"
import type * as BrokerError from "./BrokerError.ts"
import type { Headers } from "./Headers.ts"
import type * as PublishError from "./PublishError.ts"
import type * as SubscribeError from "./SubscribeError.ts"

// --- topics -----------------------------------------------------------------------------------------------------------

/**
 * What a driver needs to know of a topic. `Topic.Topic` is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicSpec {
  /** Physical name, already checked against the grammar that every broker accepts. */
  readonly name: string
  /** Default 1. */
  readonly partitions: number
  /** Copies that the broker keeps. Default 1. */
  readonly replicas: number
  /** NATS storage; Kafka always stores on disk. Default "file". */
  readonly storage: "file" | "memory"
  readonly retention: Retention
  /** `"aggregate"`: the stored order of an aggregate is its order of acceptance. `"none"`: no promise, for speed. */
  readonly order: "aggregate" | "none"
  /** How long the broker recognises a repeated event id, in milliseconds, where it can. Default 120,000. */
  readonly dedupeWindowMillis: number
}

/**
 * When a topic may forget. A limit that is absent is not set: the topic then refuses what would exceed the broker's own
 * limit (`Refused`, kind `full`) instead of evicting.
 *
 * @category models
 * @since 0.1.0
 */
export interface Retention {
  readonly ageMillis?: number
  /** Records per topic; the oldest go first. */
  readonly count?: number
  /** Bytes per topic; the oldest go first. */
  readonly bytes?: number
}

/**
 * A topic as the broker has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicInfo {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
  readonly storage: "file" | "memory"
  readonly retention: Retention
  readonly dedupeWindowMillis: number
  /**
   * Largest record that this topic takes, body and headers and key, in bytes, where it is known. Absent: what
   * {@link Capabilities} says. Core refuses what is larger as `TooLarge` before it is accepted.
   */
  readonly maxRecordBytes?: number | undefined
}

/**
 * - `createOnly` (default): create it where it is missing, never change it, report drift.
 * - `createOrUpdate`: also change what can be changed without harm; the rest stays as drift.
 * - `validateOnly`: never write; missing or different is an error.
 * - `skip`: ask nothing; the definition is taken for the truth.
 *
 * @category models
 * @since 0.1.0
 */
export type EnsureStrategy = "createOnly" | "createOrUpdate" | "validateOnly" | "skip"

/**
 * One difference between a definition and what the broker has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Drift {
  readonly field: string
  readonly expected: string
  readonly actual: string
  /** `createOrUpdate` could change it. */
  readonly fixable: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Ensured {
  readonly topic: TopicInfo
  /** What was done. */
  readonly action: "created" | "updated" | "found" | "skipped"
  /** What still differs, after the action. */
  readonly drift: ReadonlyArray<Drift>
}

// --- publishing -------------------------------------------------------------------------------------------------------

/**
 * One encoded envelope on its way out.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutboundRecord {
  readonly eventId: string
  /** The aggregate id: Kafka's key. */
  readonly key: string
  /** Chosen by core: murmur2 of the key, over the broker's own partition count. */
  readonly partition: number
  readonly headers: Headers
  readonly body: Uint8Array
  /** Body, headers and key; what the window counts. A driver adds its own framing to check its limit. */
  readonly size: number
}

/**
 * What one batch's attempt came to for one record.
 *
 * - `Stored`: the broker has it.
 * - `NotStored`: it is proved that **this attempt** did not store it.
 * - `Ambiguous`: the answer was lost; it may be stored, now or later.
 *
 * Whether a record that was not acknowledged is sent again is core's decision (`reason.isRetryable`, the deadline).
 * Outcomes may be shared objects: a failed connection needs one for all its records.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Stored"; readonly offset: bigint | undefined; readonly duplicate: boolean }
  | { readonly _tag: "NotStored"; readonly reason: PublishError.Reason }
  | { readonly _tag: "Ambiguous"; readonly reason: PublishError.Reason }

/**
 * Records of one lane, in order, on one attempt. Core builds it, the driver settles it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch {
  readonly topic: TopicInfo
  /**
   * The lane's key: a partition's number as text, an aggregate id, or the topic's name (also where the policy says
   * `"none"`), as the {@link LanePolicy} says. Unique within a topic.
   */
  readonly lane: string
  /**
   * How often this lane has been started again. Batches of one lane arrive with a rising `epoch`; within one epoch each
   * follows the one before it without a gap. A driver with a gap-checking protocol starts a new stream at a new epoch.
   */
  readonly epoch: number
  /** All in one partition, where the lane's key is `"partition"` or `"aggregate"`. */
  readonly records: ReadonlyArray<OutboundRecord>
  /** True where some of the records have been handed over before: their outcome may be `Ambiguous` from then. */
  readonly resend: boolean
  /** All or nothing: only where `Capabilities.atomicBatch` is above 0. Settled as one. */
  readonly atomic: boolean
  /**
   * Answers for one record; for each record exactly once, in any order, from any callback, never throwing. Waiting
   * fibers are not resumed on the caller's stack.
   */
  settle(index: number, outcome: Outcome): void
  /** Answers for every record, from `from` (default 0) to the end, that has no answer yet. */
  settleAll(outcome: Outcome, from?: number): void
}

/**
 * How a topic's records are put into lanes. A lane is a FIFO; core keeps at most `maxInFlight` batches of it at the
 * driver, and when a record of it is not acknowledged, core waits until all that is in flight in this lane is settled,
 * then sends again from the first unsettled one, in order, before anything behind it (go back N).
 *
 * With `maxInFlight` above 1 the driver promises the gap rule: when a batch is not stored as a whole, none of the later
 * batches of the same epoch is stored (they settle as `NotStored`).
 *
 * @category models
 * @since 0.1.0
 */
export interface LanePolicy {
  /** `"none"`: no lanes, no order: every record is on its own. */
  readonly key: "topic" | "partition" | "aggregate" | "none"
  /** Batches of one lane at the driver at once. */
  readonly maxInFlight: number
  /** Records in one batch. */
  readonly maxBatch: number
  /** Bytes in one batch; one record may be larger. */
  readonly maxBatchBytes: number
  /**
   * So many accepted records are worth a hand-over while fibers go on publishing; default 64. Few keep the broker at work
   * while this process works. Many make fewer and larger batches, for a broker to which a batch costs much.
   */
  readonly burst?: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Producer {
  /** Asked once per topic, after it was ensured. */
  readonly lanes: (topic: TopicSpec, info: TopicInfo) => LanePolicy
  /**
   * Takes the batches, in order, and completes when the client has taken them: it suspends while the client's own
   * outbound buffer is over its bound. Failures are settlements, never failures of this effect. Batches that are handed
   * over while disconnected are settled as `NotStored(NotConnected)` or held, but never silently discarded. Every batch
   * settles in bounded time, also when the scope closes.
   */
  readonly send: (batches: ReadonlyArray<Batch>) => Effect.Effect<void>
}

// --- consuming --------------------------------------------------------------------------------------------------------

/**
 * Where a group starts that has committed nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type StartPosition = "earliest" | "latest" | { readonly offset: bigint } | { readonly time: Date }

/**
 * One record as it came in.
 *
 * @category models
 * @since 0.1.0
 */
export interface InboundRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** The assignment under which it was delivered; a settlement under an older epoch is ignored and counted. */
  readonly epoch: number
  /** 1 for the first delivery, where the broker counts; redeliveries count up. */
  readonly attempt: number
  /** When the broker stored it, in milliseconds since 1970. */
  readonly timestamp: number
  /** Kafka's key, where there is one. */
  readonly key: string | undefined
  readonly headers: Headers
  readonly body: Uint8Array
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ConsumerOptions {
  readonly topic: TopicSpec
  readonly group: string
  readonly from: StartPosition
  /** Most records handed out and not settled, over all partitions. */
  readonly maxInFlight: number
  /** Most bytes handed out and not settled; one record may be larger. */
  readonly maxInFlightBytes: number
  /** How long a record may stay unsettled without a heartbeat before the broker delivers it again. */
  readonly ackWaitMillis: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Assignment {
  readonly partition: number
  readonly epoch: number
}

/**
 * A partition that goes to another member. Its records that are still waiting must not be started any more; core runs
 * `released` when the running ones have ended and are settled, or `deadlineMillis` from the signal have passed and they
 * were cut off. The driver names a deadline that leaves time for that before it gives the partition away. A partition
 * that was lost during an outage is signalled afterwards, with a deadline of 0.
 *
 * @category models
 * @since 0.1.0
 */
export interface Revocation {
  readonly partition: number
  readonly epoch: number
  readonly deadlineMillis: number
  readonly released: Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Consumer {
  /**
   * Waits for at least one record and takes at most `max`, in offset order within a partition and fair between
   * partitions. Interrupting it loses nothing: what was not returned is delivered later.
   */
  readonly poll: (max: number) => Effect.Effect<ReadonlyArray<InboundRecord>, SubscribeError.SubscribeError>
  /**
   * These are done. In any order; a broker that commits positions keeps the highest offset below which everything is
   * settled. Under an older epoch it does nothing. Completes when handed over, not when durable: see `flush`. During an
   * outage it is held and applied afterwards, if the epoch still holds.
   */
  readonly settle: (records: ReadonlyArray<InboundRecord>) => Effect.Effect<void, SubscribeError.SubscribeError>
  /** Completes when all that was settled so far is durable at the broker. */
  readonly flush: Effect.Effect<void, SubscribeError.SubscribeError>
  /** These are still being worked on: starts their ack wait again. Where the broker has no ack wait it does nothing. */
  readonly heartbeat: (records: ReadonlyArray<InboundRecord>) => Effect.Effect<void>
  /** A revoked partition leaves it when it is released, not when it is signalled. */
  readonly assignment: SubscriptionRef.SubscriptionRef<ReadonlyArray<Assignment>>
  readonly revocations: Stream.Stream<Revocation>
  /**
   * Moves the whole group to a position, in every partition assigned to this member; unsettled records of them are
   * forgotten (their epoch ends). An offset must be in range in each of these partitions, or nothing moves and it fails.
   */
  readonly seek: (position: StartPosition) => Effect.Effect<void, SubscribeError.SubscribeError>
}

// --- the service ------------------------------------------------------------------------------------------------------

/**
 * What a driver can do, as a value: laws that need more are left out by name, never silently.
 *
 * @category models
 * @since 0.1.0
 */
export interface Capabilities {
  /** Keeps the order of an aggregate under faults. */
  readonly ordered: boolean
  /** Acknowledged records survive a restart of the broker. */
  readonly durable: boolean
  /** Recognises repeated event ids inside the topic's deduplication window. */
  readonly deduplicates: boolean
  /** Delivers unsettled records again after the ack wait, without a restart of the consumer. */
  readonly ackWait: boolean
  /** Shares the partitions of a topic between the members of a group. */
  readonly sharedGroups: boolean
  /** A late group can read from the start, an offset or a time. */
  readonly replay: boolean
  /** Most records in an all-or-nothing batch; 0 where there is none. */
  readonly atomicBatch: number
  /** Receipts carry an offset. */
  readonly offsets: boolean
  /** Largest record, body and headers and key, in bytes. */
  readonly maxRecordBytes: number
}

/**
 * The state of the connection.
 *
 * @category models
 * @since 0.1.0
 */
export type Status =
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Disconnected"; readonly since: number; readonly reason: string }
  | { readonly _tag: "Closed" }

/**
 * @category models
 * @since 0.1.0
 */
export interface HealthReport {
  /** Milliseconds of the round trip to the broker. */
  readonly roundTripMillis: number
  /** When the last publish was acknowledged, in milliseconds since 1970, if any was. */
  readonly lastAckAt: number | undefined
}

/**
 * How far a group is behind. A group that has never had a member is behind by everything that is retained.
 *
 * @category models
 * @since 0.1.0
 */
export interface Backlog {
  readonly topic: string
  readonly group: string
  readonly partitions: ReadonlyArray<{
    readonly partition: number
    /** First offset not settled, or the start position of a new group. */
    readonly committed: bigint
    /** Offset that the next record gets. */
    readonly end: bigint
    /** Records stored and not settled. */
    readonly lag: number
  }>
  readonly lag: number
  /** Age of the oldest record not settled. */
  readonly oldestMillis: number | undefined
}

/**
 * @category services
 * @since 0.1.0
 */
export class Broker extends Context.Service<Broker, {
  /** `messaging.system.name` of OpenTelemetry: "kafka", "nats", "memory", ... */
  readonly system: string
  readonly capabilities: Capabilities
  readonly ensureTopic: (
    topic: TopicSpec,
    strategy: EnsureStrategy
  ) => Effect.Effect<Ensured, BrokerError.BrokerError>
  readonly describeTopic: (name: string) => Effect.Effect<Option.Option<TopicInfo>, BrokerError.BrokerError>
  readonly producer: Effect.Effect<Producer, BrokerError.BrokerError, Scope.Scope>
  readonly consumer: (
    options: ConsumerOptions
  ) => Effect.Effect<Consumer, SubscribeError.SubscribeError, Scope.Scope>
  /** A round trip to the broker. With `probe` it stores a record in that topic and waits for its acknowledgement. */
  readonly health: (
    options?: { readonly probe?: TopicSpec | undefined }
  ) => Effect.Effect<HealthReport, BrokerError.BrokerError>
  readonly status: SubscriptionRef.SubscriptionRef<Status>
  readonly backlog: (topic: TopicSpec, group: string) => Effect.Effect<Backlog, BrokerError.BrokerError>
}>()("@effect-eventbus/core/Broker") {}
