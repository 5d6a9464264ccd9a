/**
 * The outcome of one accepted envelope. Exactly one of these comes of each accepted publish, whatever becomes of the
 * fiber that published it.
 *
 * @since 0.1.0
 */
import { Exit } from "effect"
import * as PublishError from "./PublishError.ts"
import type { Receipt } from "./Receipt.ts"

/**
 * The broker has stored it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Acked {
  readonly _tag: "Acked"
  readonly topic: string
  readonly eventId: string
  readonly aggregateId: string
  readonly receipt: Receipt
}

/**
 * It is proved not to be stored.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejected {
  readonly _tag: "Rejected"
  readonly topic: string
  readonly eventId: string
  readonly aggregateId: string
  readonly reason: PublishError.Reason
}

/**
 * It may be stored, now or a little later: the answer was lost or did not come in time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unknown {
  readonly _tag: "Unknown"
  readonly topic: string
  readonly eventId: string
  readonly aggregateId: string
  readonly reason: PublishError.Reason
}

/**
 * @category models
 * @since 0.1.0
 */
export type PublishResult = Acked | Rejected | Unknown

/**
 * The same outcome as the publisher's own caller sees it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toExit = (self: PublishResult): Exit.Exit<Receipt, PublishError.PublishError> =>
  self._tag === "Acked"
    ? Exit.succeed(self.receipt)
    : Exit.fail(
      new PublishError.PublishError({
        outcome: self._tag === "Rejected" ? "rejected" : "unknown",
        reason: self.reason,
        topic: self.topic,
        eventId: self.eventId
      })
    )

/**
 * @category pattern matching
 * @since 0.1.0
 */
export const match = <A, B, C>(self: PublishResult, cases: {
  readonly onAcked: (result: Acked) => A
  readonly onRejected: (result: Rejected) => B
  readonly onUnknown: (result: Unknown) => C
}): A | B | C => {
  switch (self._tag) {
    case "Acked":
      return cases.onAcked(self)
    case "Rejected":
      return cases.onRejected(self)
    case "Unknown":
      return cases.onUnknown(self)
  }
}
