import { type Context, Metric } from "effect"
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
    const attributes = { "messaging.system.name": system, "messaging.destination.name": topic }
    const sent = (outcome: string) => Metric.withAttributes(Metrics.sentMessages, { ...attributes, outcome })
    this.#context = context
    this.#sent = { Acked: sent("acked"), Rejected: sent("rejected"), Unknown: sent("unknown") }
    this.#duration = Metric.withAttributes(Metrics.publishDuration, {
      ...attributes,
      "messaging.operation.type": "send"
    })
    this.#again = Metric.withAttributes(Metrics.resentMessages, attributes)
    this.#known = Metric.withAttributes(Metrics.duplicateMessages, attributes)
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
