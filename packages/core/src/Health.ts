/**
 * Whether the bus can do its work, asked of the broker itself.
 *
 * @since 0.1.0
 */
import { Context, type Effect, type SubscriptionRef } from "effect"
import type * as Broker from "./Broker.ts"
import type * as BrokerError from "./BrokerError.ts"
import type * as Topic from "./Topic.ts"

/**
 * @category services
 * @since 0.1.0
 */
export class Health extends Context.Service<Health, {
  /**
   * A round trip to the broker. With `probe` it stores a record in that topic and waits for its acknowledgement: give
   * it a topic of its own.
   */
  readonly check: (
    options?: { readonly probe?: Topic.Any | undefined }
  ) => Effect.Effect<Broker.HealthReport, BrokerError.BrokerError>
  /** The state of the connection, now and as it changes. */
  readonly status: SubscriptionRef.SubscriptionRef<Broker.Status>
}>()("@effect-eventbus/core/Health") {}
