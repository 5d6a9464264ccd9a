/**
 * Whether what was acknowledged is there, in order, once.
 */
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import { Data, Effect } from "effect"
import { type Counts } from "../figures.ts"
import { orders, retention } from "./orders.ts"

/** A round whose figure would be worth nothing. */
export class Unsound extends Data.TaggedError("Unsound")<{ readonly measure: string; readonly problem: string }> {
  override get message(): string {
    return `${this.measure}: ${this.problem}`
  }
}

const decoder = new TextDecoder()

const isBody = (u: unknown): u is { readonly payload: { readonly serial: number } } =>
  typeof u === "object" && u !== null && "payload" in u && typeof u.payload === "object" && u.payload !== null
  && "serial" in u.payload && typeof u.payload.serial === "number"

const serialOf = (body: Uint8Array): number => {
  const json: unknown = JSON.parse(decoder.decode(body))
  return isBody(json) ? json.payload.serial : Number.NaN
}

/** What publishers know of a round. */
export interface Outcome {
  readonly acked: number
  readonly failed: number
  readonly unknown: number
}

/** Reads back what the broker holds, and fails where it is not what was published. */
export const verify = Effect.fnUntraced(function*(measure: string, published: number, outcome: Outcome) {
  const broker = yield* MemoryBroker.MemoryBroker
  const { stored } = yield* broker.counters
  const records = yield* Effect.orDie(broker.records(orders.name))
  const last = new Map<string, number>()
  const ids = new Set<string>()
  let orderViolations = 0
  let gaps = 0
  for (const { body, eventId, key } of records) {
    ids.add(eventId)
    const serial = serialOf(body)
    const before = last.get(key)
    if (before !== undefined && serial <= before) orderViolations++
    // What came before the oldest record that is retained is not there to be compared.
    if (before !== undefined && serial > before + 1) gaps++
    last.set(key, serial)
  }
  const counts: Counts = { ...outcome, orderViolations, gaps, duplicates: records.length - ids.size }
  const expected = Math.min(published, retention)
  const problems = [
    counts.acked === published ? [] : [`${counts.acked} of ${published} acknowledged`],
    stored === published ? [] : [`${stored} of ${published} stored`],
    records.length === expected ? [] : [`${records.length} of ${expected} retained`],
    counts.orderViolations + counts.gaps + counts.duplicates === 0 ? [] : [`stored wrongly: ${JSON.stringify(counts)}`]
  ].flat()
  if (problems.length > 0) return yield* new Unsound({ measure, problem: problems.join(", ") })
  return counts
})
