/**
 * Topics, made and compared. Publishing and subscribing ensure a topic on its first use; this is for those who want to
 * do it at a moment of their own, with another strategy, or want to see the drift.
 *
 * @since 0.1.0
 */
import { Context, type Effect, type Option } from "effect"
import type * as Broker from "./Broker.ts"
import type * as BrokerError from "./BrokerError.ts"
import type * as Topic from "./Topic.ts"

export type { Drift, Ensured, EnsureStrategy, TopicInfo } from "./Broker.ts"

/**
 * @category services
 * @since 0.1.0
 */
export class TopicAdmin extends Context.Service<TopicAdmin, {
  /**
   * Makes the topic exist as the strategy says (default `"createOnly"`), and reports what it found and every difference
   * that is left. Asks the broker each time. With `"validateOnly"` a missing topic fails with `TopicMissing`, a
   * different one with `TopicMismatch`. Partitions are never changed: growing them breaks the order of aggregates.
   */
  readonly ensure: (
    topic: Topic.Any,
    strategy?: Broker.EnsureStrategy
  ) => Effect.Effect<Broker.Ensured, BrokerError.BrokerError>
  /** The topic as the broker has it. */
  readonly describe: (name: string) => Effect.Effect<Option.Option<Broker.TopicInfo>, BrokerError.BrokerError>
  /** How far a group is behind. */
  readonly backlog: (topic: Topic.Any, group: string) => Effect.Effect<Broker.Backlog, BrokerError.BrokerError>
}>()("@effect-eventbus/core/TopicAdmin") {}
