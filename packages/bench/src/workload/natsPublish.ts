/**
 * The bus on NATS: a topic, a connection and a bus of its own for each round, read back by a connection that has
 * published nothing.
 */
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Topic from "@effect-eventbus/core/Topic"
import * as NatsBroker from "@effect-eventbus/nats/NatsBroker"
import type * as NatsConfig from "@effect-eventbus/nats/NatsConfig"
import { Effect, Layer } from "effect"
import { attempt, type BaselineFailed } from "../baselines/baseline.ts"
import { dropStream, readBack, type Servers, streamOf } from "../baselines/nats/place.ts"
import { Latency } from "../latency.ts"
import type { Measure, Sample } from "../rounds.ts"
import { startSampling } from "../rss.ts"
import { startStopwatch } from "../stopwatch.ts"
import type { Done } from "./bus.ts"
import { OrderPlaced, type orders } from "./orders.ts"
import { callersSection } from "./publish.ts"
import { publishers, section } from "./publishAsync.ts"
import { Stored } from "./stored.ts"
import { Unsound } from "./verify.ts"

/** How the bus is used. */
export interface Way {
  readonly servers: Servers
  readonly mode: NatsConfig.PublishMode
  readonly order: "aggregate" | "none"
}

type Section = (
  publisher: Publisher.Publisher["Service"],
  topic: typeof orders,
  messages: number
) => Effect.Effect<Done>

/** Topics of one process have different names, and so have those of two. */
let topics = 0

export interface Grown extends Sample {
  readonly rssGrowthMb: number
}

/**
 * Times `publish` from the first publish to the last acknowledgement, and verifies what the stream holds then, unless
 * that would be in the way of what is to be measured next. RSS grows from `rssBefore`, or from the beginning of the round.
 */
export const onNats = (
  name: string,
  { mode, order, servers }: Way,
  messages: number,
  publish: Section,
  { readsBack = true, rssBefore }: { readonly readsBack?: boolean; readonly rssBefore?: number } = {}
): Effect.Effect<Grown, BaselineFailed | Unsound> => {
  const topic = Topic.make(`bench.bus.p${process.pid}n${++topics}s`, { events: [OrderPlaced], order })
  const stream = streamOf(topic.name).name
  const bus = EventBus.layer({ topics: [topic] }).pipe(
    Layer.provide(NatsBroker.layer({ servers, publishMode: mode })),
    Layer.orDie
  )
  return Effect.gen(function*() {
    const [done, time, rssGrowthMb] = yield* Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const sampler = startSampling(rssBefore)
      const elapsed = startStopwatch()
      const outcome = yield* publish(publisher, topic, messages)
      return [outcome, elapsed(), sampler.stop()] as const
    }).pipe(Effect.provide(bus))
    const stored = yield* attempt(name, () => readsBack ? readBack(servers, stream) : Promise.resolve(new Stored()))
    const problems = readsBack ? stored.problems(messages, done.acked, { ordered: order === "aggregate" }) : []
    if (problems.length > 0) return yield* new Unsound({ measure: name, problem: problems.join(", ") })
    const { acked, failed, publishToAck, unknown } = done
    return { messages, ...time, rssGrowthMb, counts: stored.counts({ acked, failed, unknown }), publishToAck }
  }).pipe(Effect.ensuring(Effect.ignore(attempt(name, () => dropStream(servers, stream)))))
}

/** `publishAsync` by several publishers, with so many messages in flight altogether. */
export const asynchronous = (inFlight: number, latency?: () => Latency): Section => (publisher, topic, messages) =>
  section(
    publisher,
    messages,
    (source) => source.envelope(),
    Math.ceil(inFlight / publishers),
    latency?.(),
    topic
  )

export const ours = (
  name: string,
  way: Way,
  messages: number,
  inFlight: number
): Measure<BaselineFailed | Unsound> => ({
  name,
  messages,
  round: (count) => onNats(name, way, count, asynchronous(inFlight, () => new Latency()))
})

/** `publish`, awaited, by so many callers. */
export const callers = (
  name: string,
  way: Way,
  messages: number,
  count: number
): Measure<BaselineFailed | Unsound> => ({
  name,
  messages,
  round: (total) => onNats(name, way, total, (publisher, topic, all) => callersSection(publisher, count, all, topic))
})
