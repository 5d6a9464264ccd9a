import { type Cause, Effect, Queue, Stream } from "effect"
import type { PublishResult } from "../../PublishResult.ts"
import type { Entry } from "./entry.ts"
import { Ledger } from "./ledger.ts"
import type { Meter } from "./meter.ts"
import { ResultsHub } from "./resultsHub.ts"
import type { Stopwatch } from "./stopwatch.ts"
import type { Window } from "./window.ts"

export interface PipelineCounters {
  accepted: number
  acked: number
  rejected: number
  unknown: number
  duplicates: number
  /** Records handed to the driver again. */
  resent: number
  /** Answers for envelopes that had timed out before. */
  late: number
  /** Second answers for one record: the driver broke its contract. */
  surplus: number
}

/**
 * From the outcome of an envelope to the return of its permit: its caller is told, it is counted, readers of `results`
 * hear of it, and then its place in the window is free.
 *
 * `settle` is called for each; `publish` once for all that a step of the pipeline has settled.
 */
export class Settlements {
  readonly ledger = new Ledger()
  readonly results = new ResultsHub()
  readonly counters: PipelineCounters = {
    accepted: 0,
    acked: 0,
    rejected: 0,
    unknown: 0,
    duplicates: 0,
    resent: 0,
    late: 0,
    surplus: 0
  }
  readonly #window: Window
  readonly #reportQueue: Queue.Queue<Entry, Cause.Done>
  readonly #stopwatch: Stopwatch | undefined
  /** Settled by the running step, not reported yet. */
  #settled: Array<Entry> = []
  /** With counts that are not written yet. */
  readonly #meters = new Set<Meter>()
  #idleWaiter: (() => void) | undefined

  constructor(window: Window, reportQueue: Queue.Queue<Entry, Cause.Done>, stopwatch: Stopwatch | undefined) {
    this.#window = window
    this.#reportQueue = reportQueue
    this.#stopwatch = stopwatch
  }

  /** `now`: monotonic milliseconds. Resumes who waits for the receipt, inline. */
  settle(entry: Entry, result: PublishResult, now: number): void {
    const { counters } = this
    switch (result._tag) {
      case "Acked":
        counters.acked++
        if (result.receipt.duplicate === true) counters.duplicates++
        if (this.#stopwatch !== undefined) this.#stopwatch.acknowledged(entry)
        break
      case "Rejected":
        counters.rejected++
        break
      case "Unknown":
        counters.unknown++
    }
    const { meter } = entry.topic
    meter.settled(result, now - entry.acceptedAt)
    this.#meters.add(meter)
    this.ledger.settle(entry, result)
    this.#settled.push(entry)
  }

  /** Reports what a step has settled, and gives the permits back: at once where nobody reads results. */
  publish(): void {
    const settled = this.#settled
    if (settled.length > 0) {
      for (const meter of this.#meters) meter.flush()
      this.#meters.clear()
      this.#settled = []
      if (this.results.watched) {
        for (const entry of settled) Queue.offerUnsafe(this.#reportQueue, entry)
      } else {
        this.#releaseAll(settled)
      }
    }
    if (this.ledger.pending === 0 && this.#idleWaiter !== undefined) {
      const wake = this.#idleWaiter
      this.#idleWaiter = undefined
      wake()
    }
  }

  /** The driver has answered for an envelope that timed out while it had it: the permit stayed out until now. */
  late(entry: Entry): void {
    this.counters.late++
    if (entry.reported) this.#window.release(1, entry.size)
  }

  readonly #reportStep = (entries: ReadonlyArray<Entry>): Effect.Effect<void> =>
    Effect.andThen(
      this.results.report(entries.flatMap((entry) => entry.result === undefined || entry.own ? [] : [entry.result])),
      Effect.sync(() => this.#releaseAll(entries))
    )

  readonly reporter: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEachArray(Stream.fromQueue(this.#reportQueue), this.#reportStep)
  )

  /** A permit comes back when its envelope is settled, reported, and no longer in the driver's hands. */
  #releaseAll(entries: ReadonlyArray<Entry>): void {
    let count = 0
    let bytes = 0
    for (const entry of entries) {
      entry.reported = true
      if (entry.outstanding) continue
      count++
      bytes += entry.size
    }
    if (count > 0) this.#window.release(count, bytes)
  }

  /** Completes when nothing is pending. */
  readonly idle: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.ledger.pending === 0) return resume(Effect.void)
    this.#idleWaiter = () => resume(Effect.void)
    return Effect.sync(() => {
      this.#idleWaiter = undefined
    })
  })
}
