/**
 * A broker that the laws and the model are run against: how to reach it, and what can be done to it.
 *
 * @since 0.1.0
 */
import type { Duration, Effect, Layer } from "effect"
import type * as Broker from "../src/Broker.ts"
import type * as BrokerError from "../src/BrokerError.ts"
import * as EventBus from "../src/EventBus.ts"
import type * as Topic from "../src/Topic.ts"

/**
 * What a law may ask for: a capability that the broker claims (`Broker.Capabilities`), or something that the subject can
 * do to it. A law whose needs are not met is reported as skipped, with what is missing.
 *
 * @category models
 * @since 0.1.0
 */
export type Need = Capability | Ability

/**
 * Of `Broker.Capabilities`. `atomicBatch` is there where it is above 0.
 *
 * @category models
 * @since 0.1.0
 */
export type Capability =
  | "ordered"
  | "durable"
  | "deduplicates"
  | "ackWait"
  | "sharedGroups"
  | "replay"
  | "atomicBatch"
  | "offsets"

/**
 * - `cut`: the connection can be lost and comes back.
 * - `dropAcks`: answers to publishes can be lost.
 *
 * @category models
 * @since 0.1.0
 */
export type Ability = "cut" | "dropAcks"

/**
 * Options of {@link make}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * `"test"`: the broker keeps time by Effect's `Clock` alone, so that each law gets a `TestClock` and waits for nothing.
   * Default `"live"`.
   */
  readonly time?: "live" | "test" | undefined
  /**
   * How long a law waits for what has to happen, before it is violated. Default 30 seconds live, and 10 minutes of a
   * `TestClock`.
   */
  readonly patience?: Duration.Input | undefined
  /** How long a law waits to see that something does not happen. Default 300 milliseconds live, 5 seconds of a `TestClock`. */
  readonly quiet?: Duration.Input | undefined
  /** How long, in real time, a law may take in all. Default 2 minutes live, 20 seconds with a `TestClock`. */
  readonly limit?: Duration.Input | undefined
  /** Cuts every connection of the layer's clients, until `mend`. */
  readonly cut?: Effect.Effect<unknown> | undefined
  /** Ends the cut. Does nothing where there is none. */
  readonly mend?: Effect.Effect<unknown> | undefined
  /** The broker stores the next `count` records, and its answers to them are lost. */
  readonly dropAcks?: ((count: number) => Effect.Effect<unknown>) | undefined
  /** Stops the broker and starts it again with its data. Default: only the clients are restarted. */
  readonly restart?: Effect.Effect<unknown> | undefined
  /** Laid over what the laws say of their topics: a driver tests its storages, or replicas, with it. */
  readonly topic?: Pick<Topic.Options<never>, "storage" | "replicas" | "retention"> | undefined
  /** The bus to be tested. Default `EventBus.layer`. */
  readonly bus?:
    | ((options: EventBus.Options) => Layer.Layer<EventBus.Services, BrokerError.BrokerError, Broker.Broker>)
    | undefined
  /** First part of every topic's name. Default `"laws"`. A part of its own for each law is added. */
  readonly prefix?: string | undefined
}

/**
 * A broker under test.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject extends Options {
  readonly name: string
  /**
   * Connects a client. It is built once for each bus and closed with it; what it stores has to outlive it, so that the
   * next one finds it.
   */
  readonly layer: Layer.Layer<Broker.Broker, unknown>
  readonly time: "live" | "test"
  readonly prefix: string
  readonly bus: (options: EventBus.Options) => Layer.Layer<EventBus.Services, BrokerError.BrokerError, Broker.Broker>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (name: string, layer: Layer.Layer<Broker.Broker, unknown>, options: Options = {}): Subject => ({
  ...options,
  name,
  layer,
  time: options.time ?? "live",
  prefix: options.prefix ?? "laws",
  bus: options.bus ?? EventBus.layer
})

/**
 * The needs that are not met.
 *
 * @category guards
 * @since 0.1.0
 */
export const missing = (
  self: Subject,
  capabilities: Broker.Capabilities,
  needs: ReadonlyArray<Need>
): ReadonlyArray<Need> =>
  needs.filter((need) => {
    switch (need) {
      case "cut":
        return self.cut === undefined || self.mend === undefined
      case "dropAcks":
        return self.dropAcks === undefined
      case "atomicBatch":
        return capabilities.atomicBatch === 0
      default:
        return !capabilities[need]
    }
  })
