/**
 * What a lane of fast ingest and its probes share.
 */
import type { Decided } from "../NatsConfig.ts"
import type { Client } from "./client.ts"
import type { Batch, OutboundRecord, Outcome } from "./core.ts"
import type { Outbound } from "./outbound.ts"
import type { Shared } from "./window.ts"

/** A record in the hands of a lane. */
export interface Entry {
  readonly batch: Batch
  readonly index: number
  readonly record: OutboundRecord
  /** It was handed over before: it may be stored. */
  readonly again: boolean
}

export const settle = ({ batch, index }: Entry, outcome: Outcome): void => batch.settle(index, outcome)

/** What a lane needs of the rest of the driver. */
export interface LaneContext extends Pick<Shared, "inbox" | "subjects" | "nobody" | "later"> {
  readonly outbound: Pick<Outbound, "sent">
  /** Records that are asked for at once, instead of the default. */
  readonly atOnce?: number
  /** Records between two acknowledgements, as we ask for it, instead of the default. */
  readonly flow?: number
  readonly client:
    & Pick<Client, "publish" | "publishPlain" | "barrier" | "connected" | "maxPayload" | "lastAckAt" | "clock">
    & { readonly config: Pick<Decided, "ackTimeoutMillis"> }
}
