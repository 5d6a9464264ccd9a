import { type Cause, Effect, Schedule } from "effect"
import type * as Broker from "../../Broker.ts"
import * as SubscribeError from "../../SubscribeError.ts"
import type { RawPublisher } from "../rawPublisher.ts"
import * as DeadLetterRecord from "./deadLetterRecord.ts"

/** From 100 ms up to half a minute, for ever: whether it helps to go on is the error's to say. */
const backoff = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("30 seconds")])

/** The topic of a group's dead letters: one partition, kept until somebody deletes it, copied as its source is. */
export const topicSpec = (name: string, source: Broker.TopicSpec): Broker.TopicSpec => ({
  name,
  partitions: 1,
  replicas: source.replicas,
  storage: source.storage,
  retention: {},
  order: "aggregate",
  dedupeWindowMillis: source.dedupeWindowMillis
})

/**
 * Stores a dead letter. While the broker says that another try can help, it is tried again; the delivery stays
 * unsettled and its lane waits. Fails where it cannot help.
 */
export const store = (options: {
  readonly publisher: RawPublisher["Service"]
  readonly topic: Broker.TopicSpec
  readonly group: string
  readonly onFailure: () => void
}) =>
(
  record: Broker.InboundRecord,
  attempts: number,
  cause: Cause.Cause<unknown> | string,
  firstSeen: number
): Effect.Effect<void, SubscribeError.DeadLetterFailed> =>
  Effect.clockWith((clock) => {
    const letter = DeadLetterRecord.toRecord(options.group, {
      record,
      attempts,
      cause,
      firstSeen,
      at: clock.currentTimeMillisUnsafe()
    })
    return options.publisher.publishRaw(options.topic, letter).pipe(
      Effect.tapError(() => Effect.sync(options.onFailure)),
      Effect.retry({ schedule: backoff, while: (error) => error.isRetryable }),
      Effect.mapError((error) =>
        new SubscribeError.DeadLetterFailed({
          topic: record.topic,
          deadLetterTopic: options.topic.name,
          message: error.message,
          cause: error
        })
      ),
      Effect.asVoid
    )
  })
