/**
 * How far a group is behind.
 */
import { Topic } from "@effect-eventbus/core"
import { Effect, Option } from "effect"
import * as NatsTopology from "../NatsTopology.ts"
import type { Admin } from "./admin.ts"
import type { Client, StreamInfo } from "./client.ts"
import { type Backlog, BrokerError, type TopicSpec } from "./core.ts"
import * as Durable from "./durable.ts"

interface Behind {
  readonly partition: number
  readonly committed: bigint
  readonly end: bigint
  readonly lag: number
}

/** When the first message at or behind a position was stored, in milliseconds since 1970. */
const storedAt = (
  client: Client,
  topic: string,
  durable: Durable.Durable,
  from: bigint
): Effect.Effect<number | undefined> =>
  Effect.map(
    Effect.option(
      client.request(topic, (manager) =>
        manager.direct.getMessage(durable.stream, { seq: Number(from), next_by_subj: durable.subject }))
    ),
    (message) =>
      Option.isSome(message) && message.value !== null ? message.value.time.getTime() : undefined
  )

/** What a consumer and its stream say. */
export interface Told {
  /** Pending and unacknowledged, as the consumer counts them. */
  readonly lag: number
  /** Everything up to this sequence is acknowledged, or was not for this group. */
  readonly floor: number
  /** The last sequence of the stream, of all its subjects. */
  readonly end: number
  /** Whether another server leads the consumer than the stream. */
  readonly apart: boolean
}

/**
 * What a consumer says is of the replica of the server that leads it: one that was away says that nothing is pending, as
 * long as the rest has not come to it (seen with three servers, the one that returned leading the consumer: 0 pending, 240 of
 * 321 events to come). The stream's leader has them all. `last`: asks it for the last sequence of the consumer's subject.
 */
export const lagOf = <E>(
  { apart, end, floor, lag }: Told,
  last: Effect.Effect<number | undefined, E>
): Effect.Effect<number, E> => {
  if (lag > 0 || !apart || floor >= end) return Effect.succeed(lag)
  // How many it lacks nobody says: not none.
  return Effect.map(last, (sequence) => sequence !== undefined && sequence > floor ? 1 : 0)
}

export const backlog = Effect.fnUntraced(function*(
  client: Client,
  admin: Admin,
  spec: TopicSpec,
  group: string
): Effect.fn.Return<Backlog, BrokerError.BrokerError> {
  const topic = spec.name
  if (!Topic.isGroup(group)) {
    const message = "a group's name is [A-Za-z0-9_-]{1,100}"
    return yield* new BrokerError.BrokerError({ reason: new BrokerError.Refused({ kind: "invalid", message }) })
  }
  const found = yield* admin.find(topic)
  if (Option.isNone(found)) {
    return yield* new BrokerError.BrokerError({
      reason: new BrokerError.TopicMissing({ topic, message: `no stream takes the subject "${topic}"` })
    })
  }
  const stream = found.value
  const { partitions: count } = NatsTopology.info(topic, stream.config, spec.partitions)
  const durables = Durable.durables(topic, count, stream.config.name, group, false)
  const partitions: Array<Behind> = []
  let oldest: number | undefined
  for (const durable of durables) {
    const behind = yield* partition(client, topic, stream, durable)
    partitions.push(behind)
    if (behind.lag === 0) continue
    const at = yield* storedAt(client, topic, durable, behind.committed)
    if (at !== undefined) oldest = Math.min(oldest ?? at, at)
  }
  return {
    topic,
    group,
    partitions,
    lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
    oldestMillis: oldest === undefined ? undefined : Math.max(0, client.clock.currentTimeMillisUnsafe() - oldest)
  }
})

const partition = Effect.fnUntraced(function*(
  client: Client,
  topic: string,
  stream: StreamInfo,
  durable: Durable.Durable
): Effect.fn.Return<Behind, BrokerError.BrokerError> {
  const consumer = yield* Durable.find(client, topic, durable.stream, durable.name)
  const end = BigInt(stream.state.last_seq + 1)
  if (Option.isSome(consumer)) {
    const { ack_floor, cluster, delivered, num_ack_pending, num_pending } = consumer.value
    const start = Math.max(ack_floor.stream_seq + 1, stream.state.first_seq, 1)
    const lag = yield* lagOf(
      {
        lag: num_pending + num_ack_pending,
        // A consumer that begins at the end has no acknowledgement yet.
        floor: Math.max(ack_floor.stream_seq, delivered.stream_seq),
        end: stream.state.last_seq,
        apart: cluster?.leader !== stream.cluster?.leader
      },
      Effect.map(
        client.request(
          topic,
          (manager) => manager.streams.getMessage(durable.stream, { last_by_subj: durable.subject })
        ),
        (message) => message?.seq
      ).pipe(
        // Who may not ask has to do with what the consumer says.
        Effect.catch((error) => error.reason._tag === "Unauthorized" ? Effect.undefined : Effect.fail(error))
      )
    )
    return { partition: durable.partition, committed: BigInt(start), end, lag }
  }
  // Nobody has read as this group: all of it is ahead.
  const counted = yield* client.request(
    topic,
    (manager) => manager.streams.info(durable.stream, { subjects_filter: durable.subject })
  )
  const lag = Object.values(counted.state.subjects ?? {}).reduce((sum, messages) => sum + messages, 0)
  return { partition: durable.partition, committed: BigInt(Math.max(1, stream.state.first_seq)), end, lag }
})
