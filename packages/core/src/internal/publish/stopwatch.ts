import type { Moments, Recorder } from "../../PublishStages.ts"
import type { SendBatch } from "./batch.ts"
import type { Entry } from "./entry.ts"

/** The moments of one message, filled in on its way. */
export type Times = { -readonly [K in keyof Moments]: Moments[K] }

/** There only while somebody listens: everything here costs nothing otherwise. */
export class Stopwatch {
  readonly now: () => number
  readonly #recorder: Recorder
  #untilNext = 1

  constructor(recorder: Recorder) {
    this.#recorder = recorder
    this.now = recorder.now
  }

  /** For every n-th message. */
  begin(): Times | undefined {
    if (--this.#untilNext > 0) return undefined
    this.#untilNext = this.#recorder.every
    const begun = this.now()
    return { begun, validated: begun, encoded: 0, accepted: 0, handedOver: 0, taken: 0, answered: 0, settled: 0 }
  }

  handedOver(batches: ReadonlyArray<SendBatch>): void {
    const now = this.now()
    for (const { records } of batches) {
      for (const { times } of records) {
        if (times === undefined) continue
        times.handedOver = now
        times.taken = 0
      }
    }
  }

  taken(batches: ReadonlyArray<SendBatch>): void {
    const now = this.now()
    for (const { records } of batches) {
      for (const { times } of records) if (times !== undefined) times.taken = now
    }
  }

  answered({ times }: Entry, at: number): void {
    if (times !== undefined) times.answered = at
  }

  /** A settlement without an answer, as of a deadline, has no moments to tell. */
  acknowledged({ times }: Entry): void {
    if (times === undefined || times.answered === 0) return
    // A driver may answer before its `send` completes, and while it has not returned.
    if (times.taken === 0 || times.taken > times.answered) times.taken = times.answered
    times.settled = this.now()
    this.#recorder.record(times)
  }
}
