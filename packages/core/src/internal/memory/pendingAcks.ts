/**
 * Answers that are on their way back for longer than a step: the delayed and the lost ones. Only fault injection makes
 * any. Each is given exactly once: when its time comes, or when the connection is lost before.
 */
import type { Batch, Outcome } from "../../Broker.ts"
import type { Connection } from "./connection.ts"
import type { Timer } from "./timekeeper.ts"

interface PendingAck {
  readonly batch: Batch
  readonly index: number
  timer: Timer | undefined
}

export class PendingAcks {
  private readonly connection: Connection
  private readonly acks = new Set<PendingAck>()

  constructor(connection: Connection) {
    this.connection = connection
  }

  /** Answers `millis` from now. */
  later(batch: Batch, index: number, outcome: Outcome, millis: number): void {
    const ack: PendingAck = { batch, index, timer: undefined }
    this.acks.add(ack)
    ack.timer = this.connection.timers.after(millis, () => {
      this.acks.delete(ack)
      if (outcome._tag === "Stored") this.connection.lastAckAt = this.connection.wall()
      batch.settle(index, outcome)
    })
  }

  /** Answers all of them now. */
  lose(outcome: Outcome): void {
    for (const { batch, index, timer } of this.acks) {
      if (timer !== undefined) this.connection.timers.cancel(timer)
      batch.settle(index, outcome)
    }
    this.acks.clear()
  }
}
