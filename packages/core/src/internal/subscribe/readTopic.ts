import { Effect, Random } from "effect"
import type * as Broker from "../../Broker.ts"
import * as BrokerError from "../../BrokerError.ts"
import type * as SubscribeError from "../../SubscribeError.ts"

const fromSubscribe = (reason: SubscribeError.Reason): BrokerError.Reason => {
  switch (reason._tag) {
    case "Unauthorized":
    case "TopicMissing":
    case "BrokerFailure":
      return reason
    case "ConnectionLost":
      return new BrokerError.NotConnected({ message: reason.message, cause: reason })
    case "GroupConflict":
    case "LaneHalted":
    case "DeadLetterFailed":
      return new BrokerError.BrokerFailure({ message: reason.message, retryable: reason.isRetryable, cause: reason })
  }
}

/** For brokers whose offsets have gaps at the end: how long to wait for a record that may not exist. */
const firstRecordMillis = 15_000
const nextRecordMillis = 2_000

/**
 * Reads a topic from its earliest record to what is its end now, and shows each record to `visit`, in offset order within
 * a partition.
 *
 * The contract of a driver knows no reader without a group, so this is a group of its own, with a random name, that
 * leaves nothing but its name behind.
 */
export const readTopic = Effect.fnUntraced(
  function*(
    broker: Broker.Broker["Service"],
    topic: Broker.TopicSpec,
    visit: (record: Broker.InboundRecord) => void
  ) {
    const suffix = yield* Random.nextIntBetween(0, 0x7fff_ffff)
    const group = `reader-${suffix.toString(16)}`
    const consumer = yield* broker.consumer({
      topic,
      group,
      from: "earliest",
      maxInFlight: 1024,
      maxInFlightBytes: 16 * 1024 * 1024,
      ackWaitMillis: 30_000
    })
    const backlog = yield* broker.backlog(topic, group)
    const ends = new Map<number, bigint>()
    for (const { end, lag, partition } of backlog.partitions) if (lag > 0) ends.set(partition, end)
    let wait = firstRecordMillis
    while (ends.size > 0) {
      const polled = yield* Effect.timeoutOption(consumer.poll(512), wait)
      if (polled._tag === "None") return
      wait = nextRecordMillis
      for (const record of polled.value) {
        const end = ends.get(record.partition)
        if (end === undefined || record.offset >= end) continue
        visit(record)
        if (record.offset + 1n >= end) ends.delete(record.partition)
      }
      yield* consumer.settle(polled.value)
    }
  },
  Effect.scoped,
  Effect.mapError((error) =>
    error._tag === "BrokerError" ? error : new BrokerError.BrokerError({ reason: fromSubscribe(error.reason) })
  )
)
