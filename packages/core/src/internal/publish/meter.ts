import type { Context, Metric } from "effect"
import * as Metrics from "../../Metrics.ts"
import type { PublishResult } from "../../PublishResult.ts"

const tags = ["Acked", "Rejected", "Unknown"] as const

/** A topic's metrics, with their attributes built once. Counts are kept here and written once per step of the pipeline. */
export class Meter {
  #acked = 0
  #rejected = 0
  #unknown = 0
  #duplicates = 0
  #resent = 0
  readonly #context: Context.Context<never>
  readonly #sent: Record<typeof tags[number], Metric.Counter<number>>
  readonly #duration: Metric.Histogram<number>
  readonly #again: Metric.Counter<number>
  readonly #known: Metric.Counter<number>

  constructor(system: string, topic: string, context: Context.Context<never>) {
    // Made with their attributes, not by `Metric.withAttributes`: that builds a context at every update.
    const attributes = { "messaging.system.name": system, "messaging.destination.name": topic }
    const sent = (outcome: string) => Metrics.sentMessagesWith({ ...attributes, outcome })
    this.#context = context
    this.#sent = { Acked: sent("acked"), Rejected: sent("rejected"), Unknown: sent("unknown") }
    this.#duration = Metrics.publishDurationWith({ ...attributes, "messaging.operation.type": "send" })
    this.#again = Metrics.resentMessagesWith(attributes)
    this.#known = Metrics.duplicateMessagesWith(attributes)
  }

  settled(result: PublishResult, millis: number): void {
    switch (result._tag) {
      case "Acked":
        this.#acked++
        if (result.receipt.duplicate === true) this.#duplicates++
        break
      case "Rejected":
        this.#rejected++
        break
      case "Unknown":
        this.#unknown++
    }
    this.#duration.updateUnsafe(millis / 1000, this.#context)
  }

  resent(records: number): void {
    this.#resent += records
  }

  /** Writes the counts that have come together. */
  flush(): void {
    if (this.#acked > 0) this.#sent.Acked.updateUnsafe(this.#acked, this.#context)
    if (this.#rejected > 0) this.#sent.Rejected.updateUnsafe(this.#rejected, this.#context)
    if (this.#unknown > 0) this.#sent.Unknown.updateUnsafe(this.#unknown, this.#context)
    if (this.#duplicates > 0) this.#known.updateUnsafe(this.#duplicates, this.#context)
    if (this.#resent > 0) this.#again.updateUnsafe(this.#resent, this.#context)
    this.#acked =
      this.#rejected =
      this.#unknown =
      this.#duplicates =
      this.#resent =
        0
  }
}
