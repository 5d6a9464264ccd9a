/**
 * The durable consumers of a group, one per partition: where they start, and whether an existing one is what we need.
 */
import { Effect, Option } from "effect"
import * as NatsSubject from "../NatsSubject.ts"
import { clientError } from "./classify.ts"
import type { Client, ConsumerConfig, ConsumerInfo, StreamInfo } from "./client.ts"
import { BrokerError, type ConsumerOptions, type StartPosition, SubscribeError } from "./core.ts"
import { pinMillis } from "./reader.ts"

const nanos = 1e6

export interface Durable {
  readonly stream: string
  readonly name: string
  readonly partition: number
  /** Partitions of the topic. */
  readonly partitions: number
  readonly subject: string
  /** Whose pin says who reads it; none on servers before 2.11. */
  readonly priorityGroup: string | undefined
}

export const toSubscribe = (
  options: Pick<ConsumerOptions, "group" | "topic">,
  reason: BrokerError.Reason
): SubscribeError.SubscribeError => {
  const fail = (inner: SubscribeError.Reason) =>
    new SubscribeError.SubscribeError({ topic: options.topic.name, group: options.group, reason: inner })
  switch (reason._tag) {
    case "TopicMissing":
    case "Unauthorized":
    case "BrokerFailure":
      return fail(reason)
    case "NotConnected":
      return fail(new SubscribeError.ConnectionLost({ message: reason.message, cause: reason }))
    default:
      return fail(
        new SubscribeError.BrokerFailure({ message: reason.message, retryable: reason.isRetryable, cause: reason })
      )
  }
}

const isNotFound = (cause: unknown): boolean => cause instanceof Error && cause.name === "ConsumerNotFoundError"

/** A consumer, if it is there. */
export const find = (
  client: Client,
  topic: string,
  stream: string,
  name: string
): Effect.Effect<Option.Option<ConsumerInfo>, BrokerError.BrokerError> =>
  client.ask((manager) => manager.consumers.info(stream, name)).pipe(
    Effect.map(Option.some),
    Effect.catch((cause) =>
      isNotFound(cause)
        ? Effect.succeed(Option.none<ConsumerInfo>())
        : Effect.fail(
          new BrokerError.BrokerError({ reason: clientError(cause, topic, client.config.requestTimeoutMillis) })
        )
    )
  )

type Start = Pick<ConsumerConfig, "deliver_policy" | "opt_start_seq" | "opt_start_time">

/** Where a consumer starts, in the words of JetStream; or why it cannot. */
export const startOf = (from: StartPosition, { state }: Pick<StreamInfo, "state">): Start | string => {
  const next = state.last_seq + 1
  if (from === "earliest") return { deliver_policy: "all" }
  if (from === "latest") return { deliver_policy: "by_start_sequence", opt_start_seq: next }
  if ("time" in from) return { deliver_policy: "by_start_time", opt_start_time: from.time.toISOString() }
  // Of a stream without messages the first sequence may still be 0.
  const first = Math.max(1, state.first_seq)
  const offset = Number(from.offset)
  if (from.offset < 0n || offset < Math.min(first, next) || offset > next) {
    return `offset ${from.offset} is out of range: the stream has the sequences from ${first} to ${next}`
  }
  return { deliver_policy: "by_start_sequence", opt_start_seq: Math.max(1, offset) }
}

/** The server's ack wait: short, because a reader renews it for what it holds. See `Reader`. */
export const serverAckWait = (ackWaitMillis: number): number => Math.min(ackWaitMillis, 5000)

/** Most deliveries of one partition that are unacknowledged. */
export const share = (maxInFlight: number, partitions: number): number =>
  Math.max(1, Math.ceil(maxInFlight / Math.max(1, partitions)))

const configOf = (durable: Durable, options: ConsumerOptions, start: Start): Partial<ConsumerConfig> => ({
  durable_name: durable.name,
  name: durable.name,
  filter_subject: durable.subject,
  ack_policy: "explicit",
  replay_policy: "instant",
  max_deliver: -1,
  ack_wait: serverAckWait(options.ackWaitMillis) * nanos,
  max_ack_pending: share(options.maxInFlight, durable.partitions),
  ...(durable.priorityGroup === undefined ? undefined : {
    priority_groups: [durable.priorityGroup],
    priority_policy: "pinned_client",
    priority_timeout: pinMillis * nanos
  }),
  ...start
})

/** Why an existing consumer cannot serve this subscription, or `undefined`. */
export const conflict = (durable: Durable, { config }: Pick<ConsumerInfo, "config">): string | undefined => {
  const subject = config.filter_subject ?? config.filter_subjects?.join(",") ?? ""
  if (config.ack_policy !== "explicit") return `its ack policy is ${config.ack_policy}, not explicit`
  if (config.deliver_subject !== undefined && config.deliver_subject !== "") return "it is a push consumer"
  if (subject !== durable.subject) {
    return `it reads ${subject === "" ? "the whole stream" : subject}, not ${durable.subject}`
  }
  return undefined
}

/** Makes or finds the consumer of one partition. */
export const ensure = Effect.fnUntraced(function*(
  client: Client,
  durable: Durable,
  options: ConsumerOptions,
  stream: StreamInfo
): Effect.fn.Return<ConsumerInfo, SubscribeError.SubscribeError> {
  const topic = options.topic.name
  const failed = ({ reason }: BrokerError.BrokerError) => toSubscribe(options, reason)
  const existing = yield* Effect.mapError(find(client, topic, durable.stream, durable.name), failed)
  if (Option.isNone(existing)) {
    const start = startOf(options.from, stream)
    if (typeof start === "string") {
      return yield* toSubscribe(options, new BrokerError.BrokerFailure({ message: start, retryable: false }))
    }
    return yield* create(client, durable, options, start)
  }
  const problem = conflict(durable, existing.value)
  if (problem !== undefined) {
    return yield* new SubscribeError.SubscribeError({
      topic,
      group: options.group,
      reason: new SubscribeError.GroupConflict({
        group: options.group,
        message: `the consumer ${durable.name} of the stream ${durable.stream} is there, and ${problem}`
      })
    })
  }
  const { config } = existing.value
  const wanted = configOf(durable, options, {
    deliver_policy: config.deliver_policy
  })
  const same = config.ack_wait === wanted.ack_wait && config.max_ack_pending === wanted.max_ack_pending
    && config.priority_policy === wanted.priority_policy
  if (same) return existing.value
  return yield* Effect.mapError(
    client.request(topic, (manager) =>
      manager.consumers.update(durable.stream, durable.name, {
        ...(wanted.ack_wait === undefined ? undefined : { ack_wait: wanted.ack_wait }),
        ...(wanted.max_ack_pending === undefined ? undefined : { max_ack_pending: wanted.max_ack_pending }),
        ...(durable.priorityGroup === undefined || wanted.priority_groups === undefined ? undefined : {
          priority_groups: wanted.priority_groups,
          priority_policy: "pinned_client",
          priority_timeout: pinMillis * nanos
        })
      })),
    failed
  )
})

export const create = (
  client: Client,
  durable: Durable,
  options: ConsumerOptions,
  start: Start
): Effect.Effect<ConsumerInfo, SubscribeError.SubscribeError> =>
  Effect.mapError(
    client.request(options.topic.name, (manager) =>
      manager.consumers.add(durable.stream, configOf(durable, options, start))),
    ({ reason }) =>
      toSubscribe(options, reason)
  )

/** Moves a consumer: as one step where the server can, else by making it anew. */
export const move = Effect.fnUntraced(function*(
  client: Client,
  durable: Durable,
  options: ConsumerOptions,
  stream: StreamInfo,
  position: StartPosition
): Effect.fn.Return<void, SubscribeError.SubscribeError> {
  const topic = options.topic.name
  const start = startOf(position, stream)
  if (typeof start === "string") {
    return yield* toSubscribe(options, new BrokerError.BrokerFailure({ message: start, retryable: false }))
  }
  const sequence = position === "earliest" ? Math.max(1, stream.state.first_seq) : start.opt_start_seq
  if (sequence !== undefined && client.atLeast(2, 14)) {
    const reset = client.request(topic, (manager) => manager.consumers.reset(durable.stream, durable.name, sequence))
    // Refused where it is before the position that the consumer was made with.
    if (Option.isSome(yield* Effect.option(reset))) return
  }
  yield* Effect.mapError(
    client.request(topic, (manager) => manager.consumers.delete(durable.stream, durable.name)),
    ({ reason }) => toSubscribe(options, reason)
  )
  yield* create(client, durable, options, start)
})

/** The consumers of a group. */
export const durables = (
  topic: string,
  partitions: number,
  stream: string,
  group: string,
  pinned: boolean
): ReadonlyArray<Durable> =>
  NatsSubject.subjects(topic, partitions).map((subject, partition) => ({
    stream,
    name: NatsSubject.consumer(group, partitions, partition),
    partition,
    partitions,
    subject,
    priorityGroup: pinned ? "owner" : undefined
  }))
