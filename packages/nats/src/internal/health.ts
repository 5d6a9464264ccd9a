/**
 * Is the broker there, and does it store?
 */
import { Effect, Option } from "effect"
import * as NatsSubject from "../NatsSubject.ts"
import * as NatsTopology from "../NatsTopology.ts"
import type { Admin } from "./admin.ts"
import { apiRefusal, noResponders } from "./classify.ts"
import type { Client } from "./client.ts"
import { BrokerError, type HealthReport, type TopicSpec } from "./core.ts"
import { encode, headerBytes, messageIdLine } from "./headers.ts"
import * as PubAck from "./pubAck.ts"

const fail = (reason: BrokerError.Reason) => Effect.fail(new BrokerError.BrokerError({ reason }))

/** Stores a record without a body, and waits for its acknowledgement. */
const probe = Effect.fnUntraced(function*(client: Client, admin: Admin, topic: TopicSpec) {
  const found = yield* admin.find(topic.name)
  if (Option.isNone(found)) {
    const message = `no stream takes the subject "${topic.name}"`
    return yield* fail(new BrokerError.TopicMissing({ topic: topic.name, message }))
  }
  const { partitions } = NatsTopology.info(topic.name, found.value.config, topic.partitions)
  const inbox = `${client.inbox}.${client.number()}`
  // The same id again would be a duplicate, and store nothing.
  const id = `probe-${client.id}-${client.number()}`
  const millis = client.config.requestTimeoutMillis
  const answer = yield* Effect.callback<PubAck.PubAck>((resume) => {
    const stop = client.subscribe(inbox, (message) => resume(Effect.succeed(PubAck.read(message))))
    const headers = encode([["X-EventBus-Probe", "1"]], messageIdLine(topic.name, id))
    client.publish(
      NatsSubject.subject(topic.name, partitions, 0),
      inbox,
      headers,
      headerBytes(headers),
      new Uint8Array(0)
    )
    return Effect.sync(stop)
  }).pipe(Effect.timeoutOption(millis))
  if (Option.isNone(answer)) {
    return yield* fail(new BrokerError.Timeout({ millis, message: "the probe was not acknowledged" }))
  }
  switch (answer.value._tag) {
    case "Ack":
      client.lastAckAt = client.clock.currentTimeMillisUnsafe()
      return
    case "Error":
      return yield* fail(apiRefusal(answer.value.error, topic.name))
    default:
      return yield* fail(noResponders)
  }
})

export const health = Effect.fnUntraced(function*(
  client: Client,
  admin: Admin,
  topic: TopicSpec | undefined
): Effect.fn.Return<HealthReport, BrokerError.BrokerError> {
  if (!client.connected) return yield* fail(new BrokerError.NotConnected({ message: client.reason }))
  const started = client.clock.monotonicTimeNanosUnsafe()
  const millis = client.config.requestTimeoutMillis
  const answered = yield* Effect.timeoutOption(client.flushed, millis)
  if (Option.isNone(answered)) {
    return yield* fail(new BrokerError.Timeout({ millis, message: "the server did not answer a ping" }))
  }
  if (!answered.value) {
    return yield* fail(new BrokerError.NotConnected({ message: client.reason || "the connection was lost" }))
  }
  if (topic !== undefined) yield* probe(client, admin, topic)
  return {
    roundTripMillis: Number(client.clock.monotonicTimeNanosUnsafe() - started) / 1e6,
    lastAckAt: client.lastAckAt
  }
})
