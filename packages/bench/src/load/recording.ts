/**
 * The recorder of a round: what the bus tells of its stages, with the moment at which a message was due.
 */
import type { Moments, Recorder } from "@effect-eventbus/core/PublishStages"
import type { Latency } from "../latency.ts"

export interface Stages {
  /** Every n-th message. */
  readonly every: number
  /** `due` is when the publish was to begin: of a closed load it is when it began. */
  readonly record?: (moments: Moments, due: number) => void
  /** What was recorded until now is no part of the load. */
  readonly reset?: () => void
}

export class Recording {
  readonly recorder: Recorder
  /** When a publish began, and when it was due. */
  readonly #dueAt = new Map<number, number>()
  #nextDue: number | undefined

  /** Publish-to-ack goes into `ack`, from when the message was due. */
  constructor({ every, record }: Stages, ack: Latency) {
    this.recorder = {
      every,
      now: () => {
        const now = performance.now()
        if (this.#nextDue !== undefined) {
          // The first reading after `due` is that of the publish call, which runs in the same step.
          this.#dueAt.set(now, this.#nextDue)
          this.#nextDue = undefined
        }
        return now
      },
      record: (moments) => {
        const due = this.#dueAt.get(moments.begun) ?? moments.begun
        this.#dueAt.delete(moments.begun)
        ack.record(moments.settled - due)
        if (record !== undefined) record(moments, due)
      }
    }
  }

  /** The next publish was due then. Only with `every` 1 is it sure to be recorded. */
  readonly due = (at: number): void => {
    if (this.recorder.every === 1) this.#nextDue = at
  }
}
