/**
 * The bus on Kafka: topics, a connection and a bus of its own for each round, read back by a client that has published
 * nothing.
 */
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Topic from "@effect-eventbus/core/Topic"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import { Effect, Layer } from "effect"
import type { BaselineFailed } from "../baselines/baseline.ts"
import { checked } from "../baselines/kafka/frame.ts"
import { fresh, partitionCount } from "../baselines/kafka/topics.ts"
import { Latency } from "../latency.ts"
import type { Measure, Sample } from "../rounds.ts"
import { startSampling } from "../rss.ts"
import { startStopwatch } from "../stopwatch.ts"
import type { Done } from "./bus.ts"
import { OrderPlaced, type orders } from "./orders.ts"
import { callersSection } from "./publish.ts"
import { publishers, section } from "./publishAsync.ts"
import { Unsound } from "./verify.ts"

type Bootstrap = ReadonlyArray<string>

type Section = (
  publisher: Publisher.Publisher["Service"],
  topics: ReadonlyArray<typeof orders>,
  messages: number
) => Effect.Effect<Done>

export interface Grown extends Sample {
  readonly rssGrowthMb: number
}

/** Times `publish` from the first publish to the last acknowledgement, and verifies what the topics hold then. */
export const onKafka = (
  name: string,
  bootstrap: Bootstrap,
  messages: number,
  publish: Section
): Effect.Effect<Grown, BaselineFailed | Unsound> =>
  Effect.scoped(Effect.gen(function*() {
    const names = yield* fresh(name, bootstrap)
    const topics = names.map((topic) => Topic.make(topic, { events: [OrderPlaced], partitions: partitionCount }))
    const bus = EventBus.layer({ topics }).pipe(
      Layer.provide(KafkaBroker.layer({ bootstrapBrokers: bootstrap })),
      Layer.orDie
    )
    const [done, time, rssGrowthMb] = yield* Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const sampler = startSampling()
      const elapsed = startStopwatch()
      const outcome = yield* publish(publisher, topics, messages)
      return [outcome, elapsed(), sampler.stop()] as const
    }).pipe(Effect.provide(bus))
    const { acked, failed, publishToAck, unknown } = done
    const { duplicates, gaps, orderViolations } = yield* checked(name, bootstrap, names, messages)
    if (acked !== messages || orderViolations > 0 || duplicates > 0) {
      const problem =
        `${acked} of ${messages} acknowledged, ${orderViolations} out of order, ${duplicates} stored twice`
      return yield* new Unsound({ measure: name, problem })
    }
    const counts = { acked, failed, unknown, orderViolations, gaps, duplicates }
    return { messages, ...time, rssGrowthMb, counts, publishToAck }
  }))

/** So many messages over the topics, as evenly as it goes. */
const shareOf = (messages: number, count: number, index: number): number =>
  Math.floor(messages / count) + (index < messages % count ? 1 : 0)

const overTopics = (
  topics: ReadonlyArray<typeof orders>,
  messages: number,
  each: (topic: typeof orders, share: number) => Effect.Effect<Done>
): Effect.Effect<Done> =>
  Effect.forEach(topics, (topic, i) => each(topic, shareOf(messages, topics.length, i)), {
    concurrency: "unbounded"
  }).pipe(Effect.map((all) => {
    const latencies = all.flatMap(({ publishToAck }) => publishToAck === undefined ? [] : [publishToAck])
    const [first, ...others] = new Set(latencies)
    for (const other of others) first?.add(other)
    const total = (of: (done: Done) => number) => all.reduce((sum, done) => sum + of(done), 0)
    return {
      acked: total(({ acked }) => acked),
      failed: total(({ failed }) => failed),
      unknown: total(({ unknown }) => unknown),
      publishToAck: first
    }
  }))

/** `publishAsync` by several publishers to each topic, with so many messages in flight altogether. */
export const asynchronous = (inFlight: number, latency?: () => Latency): Section => (publisher, topics, messages) =>
  overTopics(topics, messages, (topic, share) =>
    section(
      publisher,
      share,
      (source) => source.envelope(),
      Math.max(1, Math.ceil(inFlight / publishers / topics.length)),
      latency?.(),
      topic
    ))

export const ours = (
  name: string,
  bootstrap: Bootstrap,
  messages: number,
  inFlight: number
): Measure<BaselineFailed | Unsound> => ({
  name,
  messages,
  round: (count) => onKafka(name, bootstrap, count, asynchronous(inFlight, () => new Latency()))
})

/** `publish`, awaited, by so many callers: one has one topic, more are spread over all of them. */
export const callers = (
  name: string,
  bootstrap: Bootstrap,
  messages: number,
  count: number
): Measure<BaselineFailed | Unsound> => ({
  name,
  messages,
  round: (total) =>
    onKafka(name, bootstrap, total, (publisher, topics, all) => {
      const used = topics.slice(0, Math.min(count, topics.length))
      return overTopics(used, all, (topic, share) =>
        callersSection(publisher, Math.ceil(count / used.length), share, topic))
    })
})
