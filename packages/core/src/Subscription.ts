/**
 * A running subscription: what it is doing, and what can be done with it.
 *
 * @since 0.1.0
 */
import type { Effect, Stream } from "effect"
import type * as Broker from "./Broker.ts"
import type * as SubscribeError from "./SubscribeError.ts"

/**
 * One partition as this member of the group sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface PartitionStatus {
  /** The subscription's topic, or its group's retry topic. */
  readonly topic: string
  readonly partition: number
  /** It is assigned to this member now. */
  readonly assigned: boolean
  /** Deliveries held: waiting, running, or settled and not handed over yet. */
  readonly inFlight: number
  /**
   * Records stored and not settled by the group. `undefined` where the broker could not be asked.
   */
  readonly lag: number | undefined
  /** Offset of the last delivery that was settled here. Aggregates overtake each other, so it may go back. */
  readonly lastHandled: bigint | undefined
}

/**
 * An aggregate whose first delivery is not getting on, with what waits behind it.
 *
 * @category models
 * @since 0.1.0
 */
export interface LaneStatus {
  /** The aggregate id; for records that could not be decoded their key, or their partition. */
  readonly aggregateId: string
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly attempts: number
  /** Deliveries behind it. */
  readonly waiting: number
  /** What went wrong last, in words. */
  readonly cause: string
}

/**
 * What a subscription has done since it began.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counters {
  /** Records taken from the broker; redeliveries of what was still held are not counted. */
  readonly received: number
  /** Acknowledged after a handler, or the stream, was done with them. */
  readonly handled: number
  /** Failures and defects of handlers, timeouts among them. */
  readonly failed: number
  /** Tries after the first one. */
  readonly retried: number
  /** Handlers cut off by `handlerTimeout`. */
  readonly timedOut: number
  /** Stored as dead letters and acknowledged. */
  readonly deadLettered: number
  /** Attempts to store a dead letter that failed. */
  readonly deadLetterFailures: number
  /** Acknowledged unhandled: `Settlement.Drop`, `onExhausted: "drop"`, `onUnknown: "drop"`. */
  readonly dropped: number
  /** Acknowledged unhandled because their event id was settled inside the deduplication window. */
  readonly duplicates: number
  /** Records that could not be decoded. */
  readonly undecodable: number
  /** Records of an unknown type or version. */
  readonly unknown: number
  /** Given up unhandled because their partition went to another member or was moved by a seek. */
  readonly fenced: number
}

/**
 * A picture of a subscription.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscriptionStatus {
  readonly topic: string
  readonly group: string
  /** `"stopping"`: what runs may finish, nothing new is started. */
  readonly state: "running" | "paused" | "stopping" | "stopped"
  readonly partitions: ReadonlyArray<PartitionStatus>
  readonly inFlight: {
    /** Deliveries held. */
    readonly count: number
    readonly bytes: number
    /** `maxInFlight`. Where `count` has reached it, nothing more is taken from the broker. */
    readonly limit: number
    /** `maxInFlightBytes`. */
    readonly limitBytes: number
    /** Aggregates with a delivery in hand. */
    readonly aggregates: number
    /** Deliveries with a handler, or with the stream's consumer. */
    readonly running: number
    /** Dead letters being stored. */
    readonly storing: number
  }
  /** Aggregates that wait for their next try, at most 100 of them. */
  readonly retrying: ReadonlyArray<LaneStatus>
  /** Aggregates that have stopped for good: `onExhausted: "halt"`, or their dead letter could not be stored. */
  readonly halted: ReadonlyArray<LaneStatus>
  readonly counters: Counters
  /** What stopped the subscription, or its first halted lane. */
  readonly error: SubscribeError.SubscribeError | undefined
}

/**
 * A running subscription. It ends when the scope closes that `subscribe` ran in: what runs may finish within
 * `drainTimeout`, its settlements become durable, and what was only waiting comes back to whoever is next.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscription {
  /**
   * The present picture, then one whenever an assignment, a pause, a halt or the end changes it, and at least one each
   * second. Each asks the broker for the group's backlog. Ends after the picture of the stopped subscription.
   */
  readonly status: Stream.Stream<SubscriptionStatus>
  /**
   * Starts no handler and polls nothing, until `resume`. Handlers that run go on. What is held stays held: its ack wait
   * is extended as usual.
   */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /**
   * Moves the group to a position, in every partition that is assigned to this member. What is held is given up: waiting
   * deliveries at once, and the settlements of running ones do not count. Deduplication forgets what it has seen, since
   * going back means to handle again. The group's retry topic stays where it is.
   */
  readonly seek: (position: Broker.StartPosition) => Effect.Effect<void, SubscribeError.SubscribeError>
  /**
   * Waits for the end. Succeeds when the subscription was ended by its scope. Fails with what stopped it: the broker's
   * failure, after which nothing runs any more; or the first lane that has stopped for good (`LaneHalted`,
   * `DeadLetterFailed`), **while the other lanes go on** until the scope closes. Who wants everything to stop with the
   * first halted lane awaits this and closes the scope.
   */
  readonly await: Effect.Effect<void, SubscribeError.SubscribeError>
}
