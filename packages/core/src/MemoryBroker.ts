/**
 * A broker in memory: the whole contract of {@link Broker.Broker} without a process beside yours. For tests and
 * prototypes, and the reference for what the contract means.
 *
 * - **Topics** have partitions with offsets, retention by count, bytes and age (whole prefixes, the oldest first), and a
 *   deduplication window. Without a retention limit a topic refuses what exceeds the broker's own ({@link Limits}).
 * - **Storage** keeps the bytes that it was given, uncopied: do not write to a body after it was published, nor to one
 *   that was delivered.
 * - **Order and loss**: records of a lane are stored in order or not at all (the gap rule of `Broker.LanePolicy`). What
 *   was acknowledged stays until retention removes it, as long as the {@link Cluster} is reachable from your program.
 * - **Groups** share the partitions of a topic. A partition is in one member's hands at a time; what a member does not
 *   settle within the ack wait, or leaves behind, is delivered again, ahead of everything newer. A group whose position
 *   retention has overtaken goes on at the earliest record, and the loss is counted (`skipped`).
 * - **Time** is the `Clock` of the effect that builds the layer: a `TestClock` drives all of it. Nothing is polled.
 *
 * @since 0.1.0
 */
import { Config, Context, Duration, Effect, Layer, type Scope, SubscriptionRef } from "effect"
import * as Broker from "./Broker.ts"
import type * as BrokerError from "./BrokerError.ts"
import { ClusterState } from "./internal/memory/cluster.ts"
import { Connection } from "./internal/memory/connection.ts"
import type { Counters as MutableCounters } from "./internal/memory/counters.ts"
import type { Injector } from "./internal/memory/injector.ts"
import * as Inspect from "./internal/memory/inspect.ts"
import { makeService, topicMissing } from "./internal/memory/service.ts"

// --- the cluster ------------------------------------------------------------------------------------------------------

const ClusterTypeId = "~@effect-eventbus/core/MemoryBroker/Cluster"

/**
 * What outlives a connection: topics, records, groups and their positions. Layers that are built over the same cluster
 * are clients of one broker, in one process. Closing them all and building new ones is what "a restart" means here, and
 * what is acknowledged survives it; the end of the process it does not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cluster {
  readonly [ClusterTypeId]: ClusterState
}

/**
 * What the broker refuses on its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Records in a topic whose retention sets no `count`; above it `Refused`, kind `full`. Default 1,000,000. */
  readonly maxRecords?: number | undefined
  /** Bytes in a topic whose retention sets no `bytes`; above it `Refused`, kind `full`. Default 512 MiB. */
  readonly maxBytes?: number | undefined
  /** Bytes of one record, body and headers and key; above it `TooLarge`. Default 1 MiB. */
  readonly maxRecordBytes?: number | undefined
  /**
   * Event ids that a topic remembers for deduplication. When more come within the window, the oldest half is forgotten
   * before its time, which is counted. Default 262,144.
   */
  readonly maxDedupeIds?: number | undefined
}

const mebibyte = 1024 * 1024

/**
 * A new and empty broker.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClusterUnsafe = (limits?: Limits): Cluster => ({
  [ClusterTypeId]: new ClusterState({
    maxRecords: limits?.maxRecords ?? 1_000_000,
    maxBytes: limits?.maxBytes ?? 512 * mebibyte,
    maxRecordBytes: limits?.maxRecordBytes ?? mebibyte,
    maxDedupeIds: limits?.maxDedupeIds ?? 262_144
  })
})

/**
 * A new and empty broker, each time it runs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCluster = (limits?: Limits): Effect.Effect<Cluster> => Effect.sync(() => makeClusterUnsafe(limits))

// --- faults -----------------------------------------------------------------------------------------------------------

/**
 * What may go wrong between a client and the broker, and when. A handle on it is `Faults` of
 * `@effect-eventbus/core/testing`.
 *
 * @category models
 * @since 0.1.0
 */
export type FaultInjector = Injector

/**
 * What a connection consults where a fault may be injected. `Faults` of `@effect-eventbus/core/testing` is one; without
 * one the broker pays a comparison per batch.
 *
 * @category references
 * @since 0.1.0
 */
export const FaultInjector: Context.Reference<Injector | undefined> = Context.Reference<Injector | undefined>(
  "@effect-eventbus/core/MemoryBroker/FaultInjector",
  { defaultValue: () => undefined }
)

// --- the service ------------------------------------------------------------------------------------------------------

/**
 * One stored record.
 *
 * @category models
 * @since 0.1.0
 */
export type StoredRecord = Inspect.StoredRecord

/**
 * A consumer group with its positions.
 *
 * @category models
 * @since 0.1.0
 */
export type GroupState = Inspect.GroupState

/**
 * A topic with what it holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicState extends Broker.TopicInfo {
  /** Records retained. */
  readonly records: number
  /** Bytes retained. */
  readonly bytes: number
}

/**
 * What the cluster has counted since it was made, over all its clients.
 *
 * @category models
 * @since 0.1.0
 */
export type Counters = Readonly<MutableCounters>

/**
 * The memory broker beyond the contract: for tests that look inside.
 *
 * @category services
 * @since 0.1.0
 */
export class MemoryBroker extends Context.Service<MemoryBroker, {
  /** Build another layer over it for a second client, or for a restart of this one. */
  readonly cluster: Cluster
  /** The injector of this client, if it has one. */
  readonly faults: FaultInjector | undefined
  readonly topics: Effect.Effect<ReadonlyArray<TopicState>>
  /** Every retained record of a topic, in the order in which they were stored. Fails with `TopicMissing`. */
  readonly records: (topic: string) => Effect.Effect<ReadonlyArray<StoredRecord>, BrokerError.BrokerError>
  /** Every group that ever had a member, over all topics. */
  readonly groups: Effect.Effect<ReadonlyArray<GroupState>>
  readonly counters: Effect.Effect<Counters>
}>()("@effect-eventbus/core/MemoryBroker") {}

// --- constructors -----------------------------------------------------------------------------------------------------

/**
 * What can be configured.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings extends Limits {
  /** How long a client waits for an answer that a fault has swallowed. Default 5 seconds. */
  readonly ackTimeout?: Duration.Input | undefined
  /**
   * How long a member may take to release a partition that goes to another one. It is told four fifths of it: the rest is
   * for cutting off handlers that have not ended by then. Default 5 seconds.
   */
  readonly handoverTimeout?: Duration.Input | undefined
}

/**
 * Settings, and what only a program can give.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Settings {
  /** The broker to connect to, with its own {@link Limits}: those given beside it do not count. Default: a new one. */
  readonly cluster?: Cluster | undefined
  /** Default: that of the reference {@link FaultInjector}. */
  readonly faults?: FaultInjector | undefined
}

const millisOf = (input: Duration.Input | undefined): number =>
  input === undefined ? 5000 : Duration.toMillis(Duration.fromInputUnsafe(input))

/**
 * Connects a client, until the scope closes: its producers then store and answer what they were handed, its consumers
 * leave their groups. Provides the contract and {@link MemoryBroker}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options?: Options
): Effect.fn.Return<Context.Context<Broker.Broker | MemoryBroker>, never, Scope.Scope> {
  const cluster = options?.cluster ?? makeClusterUnsafe(options)
  const state = cluster[ClusterTypeId]
  const context = yield* Effect.context<never>()
  const faults = options?.faults ?? Context.get(context, FaultInjector)
  const status = yield* SubscriptionRef.make<Broker.Status>({ _tag: "Connected" })
  const connection = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Connection(
        state,
        {
          ackTimeoutMillis: millisOf(options?.ackTimeout),
          handoverTimeoutMillis: millisOf(options?.handoverTimeout),
          injector: faults
        },
        context,
        status
      )
    ),
    (opened) => Effect.sync(() => opened.close())
  )
  const inspection = MemoryBroker.of({
    cluster,
    faults,
    topics: Effect.sync(() =>
      [...state.topics.values()].map((topic): TopicState => {
        topic.evictExpired(connection.wall())
        return { ...topic.info, records: topic.count, bytes: topic.bytes }
      })
    ),
    records: (name) =>
      Effect.suspend(() => {
        const topic = state.topics.get(name)
        if (topic === undefined) return Effect.fail(topicMissing(name))
        topic.evictExpired(connection.wall())
        return Effect.succeed(Inspect.recordsOf(topic))
      }),
    groups: Effect.sync(() => Inspect.groupsOf(state)),
    counters: Effect.sync(() => ({ ...state.counters }))
  })
  return Context.make(Broker.Broker, makeService(connection)).pipe(Context.add(MemoryBroker, inspection))
})

/**
 * One client. Each layer has a broker of its own, unless `cluster` says which.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Broker.Broker | MemoryBroker> =>
  Layer.effectContext(make(options))

/**
 * One client of a broker that others use, too.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerShared = (
  cluster: Cluster,
  options?: Omit<Options, "cluster">
): Layer.Layer<Broker.Broker | MemoryBroker> => layer({ ...options, cluster })

/**
 * {@link layer} with settings from the environment.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Settings>
): Layer.Layer<Broker.Broker | MemoryBroker, Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), (settings) => layer(settings)))
