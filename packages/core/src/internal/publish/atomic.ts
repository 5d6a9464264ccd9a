import { Effect, type Exit } from "effect"
import * as PublishError from "../../PublishError.ts"
import type { Receipt } from "../../Receipt.ts"
import type * as Topic from "../../Topic.ts"
import type { Entry } from "./entry.ts"
import { type Intake, type Refusal, refusal, refusalError } from "./intake.ts"

/** What the broker can do for all-or-nothing batches. */
export interface Atomic {
  readonly limit: number
}

type Exits = ReadonlyArray<Exit.Exit<Receipt, PublishError.PublishError>>

/** `publishBatch` with `atomic: true`: accepted together or not at all, stored together or not at all. */
export const publishAtomic = Effect.fnUntraced(function*(
  intake: Intake,
  atomic: Atomic,
  topic: Topic.Any,
  envelopes: Iterable<unknown>
): Effect.fn.Return<Exits> {
  const all = Array.from(envelopes)
  if (all.length === 0) return []
  const failAll = (reason: PublishError.Reason): Effect.Effect<Exits> =>
    collect(topic, all.map((envelope) => refusal(envelope, reason)))

  if (atomic.limit === 0) {
    return yield* failAll(new PublishError.Refused({ kind: "unsupported", message: "no atomic batches here" }))
  }
  const most = Math.min(atomic.limit, intake.pipeline.options.maxPending)
  if (all.length > most) {
    return yield* failAll(
      new PublishError.Refused({
        kind: "unsupported",
        message: `an atomic batch of ${all.length} envelopes: at most ${most} fit`
      })
    )
  }
  const opened = yield* Effect.result(intake.open(topic))
  if (opened._tag === "Failure") return yield* failAll(opened.failure)
  const fiber = yield* Effect.fiber
  const slots = all.map((envelope) => intake.prepare(topic, envelope, fiber))
  const entries: Array<Entry> = []
  for (const slot of slots) if (slot._tag === "Entry") entries.push(slot)
  if (entries.length < slots.length) {
    const spoilt = new PublishError.Refused({
      kind: "conflict",
      message: "another member of the atomic batch is invalid"
    })
    return yield* collect(topic, slots.map((slot, i) => slot._tag === "Refusal" ? slot : refusal(all[i], spoilt)))
  }
  const bytes = entries.reduce((sum, entry) => sum + entry.size, 0)
  const limit = intake.pipeline.options.maxPendingBytes
  if (bytes > limit) return yield* failAll(new PublishError.TooLarge({ bytes, limit }))
  const admission = yield* Effect.result(intake.pipeline.admitGroup(entries))
  if (admission._tag === "Failure") return yield* failAll(admission.failure)
  return yield* collect(topic, entries)
})

const collect = (topic: Topic.Any, slots: ReadonlyArray<Entry | Refusal>): Effect.Effect<Exits> =>
  Effect.forEach(
    slots,
    (slot) => Effect.exit(slot._tag === "Refusal" ? Effect.fail(refusalError(topic.name, slot)) : slot.receipt)
  )
