/**
 * Duplicates have to have a reason: an event may be stored twice only if one of its tries ended without anybody knowing
 * whether it was stored. The driver says so of each try, which this listens to.
 */
import { Broker } from "@effect-eventbus/core"
import type { Stored } from "@effect-eventbus/core/testing/ReadBack"
import { Effect, Layer } from "effect"

/** Events of which a try was ambiguous. */
export type Unclear = Set<string>

const listen = (batch: Broker.Batch, unclear: Unclear): Broker.Batch => {
  const { records } = batch
  const answered = new Set<number>()
  const note = (index: number, { _tag }: Broker.Outcome): void => {
    const record = records[index]
    if (record === undefined || answered.has(index)) return
    answered.add(index)
    if (_tag === "Ambiguous") unclear.add(record.eventId)
  }
  return {
    topic: batch.topic,
    lane: batch.lane,
    epoch: batch.epoch,
    records,
    resend: batch.resend,
    atomic: batch.atomic,
    settle: (index, outcome) => {
      note(index, outcome)
      batch.settle(index, outcome)
    },
    settleAll: (outcome, from = 0) => {
      for (let index = from; index < records.length; index++) note(index, outcome)
      batch.settleAll(outcome, from)
    }
  }
}

/** The same broker; what its producer calls ambiguous is added to `unclear`. */
export const listening = <E, R>(
  broker: Layer.Layer<Broker.Broker, E, R>,
  unclear: Unclear
): Layer.Layer<Broker.Broker, E, R> =>
  Layer.effect(
    Broker.Broker,
    Effect.map(Broker.Broker, (inner) =>
      Broker.Broker.of({
        ...inner,
        producer: Effect.map(inner.producer, (producer) => ({
          lanes: producer.lanes,
          send: (batches) => producer.send(batches.map((batch) => listen(batch, unclear)))
        }))
      }))
  ).pipe(Layer.provide(broker))

/** Events that are stored more than once without a reason. Pure. */
export const unexplained = (stored: ReadonlyArray<Stored>, unclear: ReadonlySet<string>): ReadonlyArray<string> => {
  const copies = new Map<string, number>()
  for (const { eventId } of stored) if (eventId !== undefined) copies.set(eventId, (copies.get(eventId) ?? 0) + 1)
  return [...copies].flatMap(([eventId, times]) =>
    times > 1 && !unclear.has(eventId)
      ? [`I5: ${eventId} is stored ${times} times, and no try of it was unclear`]
      : []
  )
}
