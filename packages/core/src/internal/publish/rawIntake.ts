import { Effect } from "effect"
import type * as Broker from "../../Broker.ts"
import * as PublishError from "../../PublishError.ts"
import type { Receipt } from "../../Receipt.ts"
import type { RawRecord } from "../rawPublisher.ts"
import { Entry } from "./entry.ts"
import { partitionOf } from "./murmur2.ts"
import type { Pipeline } from "./pipeline.ts"
import type { TopicRegistry } from "./topicRegistry.ts"

/**
 * Publishes bytes as they are through the same pipeline: for dead letters and replays, whose bodies must not be decoded
 * and encoded again.
 */
export const publishRaw = (
  pipeline: Pipeline,
  registry: TopicRegistry,
  spec: Broker.TopicSpec,
  record: RawRecord
): Effect.Effect<Receipt, PublishError.PublishError> => {
  const failWith = (reason: PublishError.Reason) =>
    new PublishError.PublishError({ outcome: "rejected", reason, topic: spec.name, eventId: record.eventId })
  return registry.state(spec).pipe(
    Effect.mapError((error) => failWith(error.reason)),
    Effect.flatMap((state) => {
      const entry = new Entry(
        state,
        record.eventId,
        record.key,
        partitionOf(record.key, state.info.partitions),
        record.headers,
        record.body,
        sizeOf(record)
      )
      entry.own = true
      const limit = Math.min(state.maxRecordBytes, pipeline.options.maxPendingBytes)
      return entry.size > limit
        ? Effect.fail(failWith(new PublishError.TooLarge({ bytes: entry.size, limit })))
        : Effect.mapError(pipeline.admit(entry), failWith).pipe(Effect.andThen(entry.receipt))
    })
  )
}

const sizeOf = (record: RawRecord): number =>
  record.headers.reduce(
    (sum, [name, value]) => sum + name.length + value.length,
    record.body.length + record.key.length
  )
