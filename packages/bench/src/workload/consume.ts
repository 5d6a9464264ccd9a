/**
 * Consuming what a broker holds: with handlers through the bus, and raw.
 *
 * A topic is filled before the clock starts, and read by a group that nobody has used before. A round is over when the
 * last record is handled, and it is sound when every event was handled once, in the order of its aggregate, and the group
 * is behind by nothing once it has ended.
 */
import * as Broker from "@effect-eventbus/core/Broker"
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Subscriber from "@effect-eventbus/core/Subscriber"
import * as Topic from "@effect-eventbus/core/Topic"
import * as TopicAdmin from "@effect-eventbus/core/TopicAdmin"
import { type Context, Deferred, Effect, Layer, type Scope } from "effect"
import type { BaselineFailed } from "../baselines/baseline.ts"
import type { Consuming } from "../baselines/consuming.ts"
import { noCounts } from "../figures.ts"
import type { Measure, Sample } from "../rounds.ts"
import { type Elapsed, startStopwatch } from "../stopwatch.ts"
import { OrderPlaced, Source } from "./orders.ts"
import { noteBody, Tally } from "./tally.ts"
import { Unsound } from "./verify.ts"

/** Deliveries that may be held. */
const maxInFlight = 4096
const partitions = 4

type Filled = Topic.Topic<readonly [typeof OrderPlaced]>

/** A bus that stays open for the whole suite, with the topics that it has filled. */
export interface Place {
  /** A topic with so many envelopes over so many aggregates, numbered within each. Filled when it is first asked for. */
  readonly filled: (messages: number, aggregates: number) => Effect.Effect<Filled>
  /** A group that nobody has used. */
  readonly group: () => string
  readonly services: Context.Context<
    Broker.Broker | Publisher.Publisher | Subscriber.Subscriber | TopicAdmin.TopicAdmin
  >
}

let places = 0

/** Opens a bus on a broker. */
export const openPlace = Effect.fnUntraced(
  function*(broker: Layer.Layer<Broker.Broker, unknown>): Effect.fn.Return<Place, never, Scope.Scope> {
    const services = yield* Effect.orDie(Layer.build(EventBus.layer().pipe(Layer.provideMerge(broker))))
    const prefix = `bench.consume.p${process.pid}n${++places}`
    const topics = new Map<string, Filled>()
    let groups = 0
    const fill = Effect.fnUntraced(function*(messages: number, aggregates: number) {
      const publisher = yield* Publisher.Publisher
      const topic = Topic.make(`${prefix}.t${topics.size}s`, { events: [OrderPlaced], partitions })
      const source = new Source(0, 1, aggregates)
      for (let n = 0; n < messages; n++) yield* publisher.publishAsync(topic, source.envelope())
      yield* publisher.flush
      return topic
    }, Effect.orDie)
    return {
      services,
      group: () => `bench${++groups}`,
      filled: (messages, aggregates) =>
        Effect.suspend(() => {
          const key = `${messages}/${aggregates}`
          const known = topics.get(key)
          if (known !== undefined) return Effect.succeed(known)
          return Effect.map(Effect.provide(fill(messages, aggregates), services), (topic) => {
            topics.set(key, topic)
            return topic
          })
        })
    }
  }
)

const sampleOf = (measure: string, messages: number, tally: Tally, time: Elapsed, lag: number) => {
  if (tally.handled !== messages || tally.violations > 0 || lag > 0) {
    return Effect.fail(
      new Unsound({
        measure,
        problem: `${tally.handled} of ${messages} handled, ${tally.violations} out of order, ${lag} behind`
      })
    )
  }
  const sample: Sample = { messages, ...time, counts: { ...noCounts, acked: tally.handled } }
  return Effect.succeed(sample)
}

const lagOf = Effect.fnUntraced(function*(topic: Filled, group: string) {
  const admin = yield* TopicAdmin.TopicAdmin
  return (yield* Effect.orDie(admin.backlog(topic, group))).lag
})

export interface Handling {
  readonly name: string
  readonly messages: number
  readonly concurrency: number
  readonly aggregates: number
  /** How long a handler takes; 0 is a handler that completes at once. */
  readonly millis: number
}

/** Handled and settled through `subscribe`. */
export const handlers = (
  { filled, group: nextGroup, services }: Place,
  { aggregates, concurrency, messages, millis, name }: Handling
): Measure<Unsound> => ({
  name,
  messages,
  round: (count) =>
    Effect.gen(function*() {
      const topic = yield* filled(count, aggregates)
      const group = nextGroup()
      const subscriber = yield* Subscriber.Subscriber
      const tally = new Tally()
      const done = yield* Deferred.make<void>()
      const finish = Deferred.succeed(done, undefined)
      const time = yield* Effect.scoped(Effect.gen(function*() {
        const elapsed = startStopwatch()
        yield* Effect.orDie(subscriber.subscribe(topic, {
          group,
          concurrency,
          maxInFlight,
          handlers: {
            OrderPlaced: ({ payload }) => {
              const work = Effect.suspend(() => {
                tally.note(payload.orderId, payload.serial)
                return tally.handled === count ? finish : Effect.void
              })
              return millis === 0 ? work : Effect.andThen(Effect.sleep(millis), work)
            }
          }
        }))
        yield* Deferred.await(done)
        return elapsed()
      }))
      return yield* sampleOf(name, count, tally, time, yield* lagOf(topic, group))
    }).pipe(Effect.provide(services))
})

/** The driver's consumer, polled and settled in chunks, each body parsed: no schema, no lanes, no handlers. */
export const driver = (
  { filled, group: nextGroup, services }: Place,
  name: string,
  messages: number,
  aggregates: number
): Measure<Unsound> => ({
  name,
  messages,
  round: (count) =>
    Effect.gen(function*() {
      const topic = yield* filled(count, aggregates)
      const group = nextGroup()
      const broker = yield* Broker.Broker
      const tally = new Tally()
      const note = noteBody(tally)
      const time = yield* Effect.orDie(Effect.scoped(Effect.gen(function*() {
        const elapsed = startStopwatch()
        const consumer = yield* broker.consumer({
          topic,
          group,
          from: "earliest",
          maxInFlight,
          maxInFlightBytes: 64 * 1024 * 1024,
          ackWaitMillis: 30_000
        })
        while (tally.handled < count) {
          const records = yield* consumer.poll(512)
          for (const { body } of records) note(body)
          yield* consumer.settle(records)
        }
        const taken = elapsed()
        yield* consumer.flush
        return taken
      })))
      return yield* sampleOf(name, count, tally, time, yield* lagOf(topic, group))
    }).pipe(Effect.provide(services))
})

/** The raw client, on the same topic. */
export const raw = (
  { filled }: Place,
  { name, open }: Consuming,
  messages: number,
  aggregates: number
): Effect.Effect<Measure<BaselineFailed | Unsound>, BaselineFailed, Scope.Scope> =>
  Effect.map(open, ({ run }) => ({
    name,
    messages,
    round: Effect.fnUntraced(function*(count: number) {
      const topic = yield* filled(count, aggregates)
      const tally = new Tally()
      const time = yield* run({ topic: topic.name, partitions, messages: count }, noteBody(tally))
      return yield* sampleOf(name, count, tally, time, 0)
    })
  }))
