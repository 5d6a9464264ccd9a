import { Context, type Effect } from "effect"
import type * as Broker from "../Broker.ts"
import type * as Headers from "../Headers.ts"
import type * as PublishError from "../PublishError.ts"
import type { Receipt } from "../Receipt.ts"

/** A record as it is stored, byte for byte. */
export interface RawRecord {
  /** What the broker deduplicates by. */
  readonly eventId: string
  /** What the partition is chosen by. */
  readonly key: string
  readonly headers: Headers.Headers
  readonly body: Uint8Array
}

/**
 * Publishes records that are not to be encoded: dead letters and replays. The topic is ensured on first use. Goes through
 * the same pipeline as everything else: window, lanes, resends, deadline.
 */
export class RawPublisher extends Context.Service<RawPublisher, {
  readonly publishRaw: (
    topic: Broker.TopicSpec,
    record: RawRecord
  ) => Effect.Effect<Receipt, PublishError.PublishError>
}>()("@effect-eventbus/core/internal/RawPublisher") {}
