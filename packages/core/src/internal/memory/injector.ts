/**
 * The seam through which faults get into the broker. Without an injector the broker pays one comparison per batch.
 *
 * An injector belongs to a connection (a client), not to the cluster: what fails is the way to the broker.
 */
import type { Batch } from "../../Broker.ts"
import type * as PublishError from "../../PublishError.ts"

/**
 * What happens to one record that has reached the broker.
 *
 * - `Reject`: it is not stored, for this reason.
 * - `DropAck`: it is stored, and the answer never comes: it settles as `Ambiguous(Timeout)` after the ack timeout.
 * - `DelayAck`: it is stored, and the answer comes later.
 * - `RepeatAck`: it is stored, and settled twice, against the contract.
 * - `StoreTwice`: it is stored twice, whatever its id; the answer names the first.
 * - `Disconnect`: the connection breaks when the broker has stored `stored` more records, this one being the first, and
 *   comes back after `millis`, or when it is told to. All that is unanswered settles as `Ambiguous(NotConnected)`.
 *
 * An all-or-nothing batch is hit as a whole, by the first fault that hits one of its records.
 */
export type RecordFault =
  | { readonly _tag: "Reject"; readonly reason: PublishError.Reason }
  | { readonly _tag: "DropAck" }
  | { readonly _tag: "DelayAck"; readonly millis: number }
  | { readonly _tag: "RepeatAck" }
  | { readonly _tag: "StoreTwice" }
  | { readonly _tag: "Disconnect"; readonly stored: number; readonly millis: number | undefined }

/** How the connection is lost. */
export interface Disconnection {
  readonly reason: string
  /** How many of the records that are on their way, in order, the broker still stores. */
  readonly stored: number
  /** When the connection comes back by itself; it does not where this is absent. */
  readonly millis: number | undefined
}

export interface ConnectionListener {
  disconnected(disconnection: Disconnection): void
  reconnected(): void
}

export interface Injector {
  /** The disconnection under way, if there is one. */
  readonly disconnection: Disconnection | undefined
  /** False while no record can be hit; asked once per batch. */
  readonly armed: boolean
  /**
   * Asked once for each record that would be stored now, in order (a batch behind a gap is not asked for). What it returns
   * is done, unless the broker refuses the record anyway.
   */
  onRecord(batch: Batch, index: number): RecordFault | undefined
  /** Breaks the connection of every listener, unless it is broken. */
  disconnect(disconnection: Disconnection): void
  /** Mends the connection of every listener, unless it is there. */
  reconnect(): void
  /** Returns how to stop listening. */
  listen(listener: ConnectionListener): () => void
}
