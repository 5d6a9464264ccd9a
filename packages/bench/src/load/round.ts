/**
 * One round of a load: a bus of its own on topics of its own, from the first publish to the last acknowledgement and to
 * the last handled message, and then the broker is read back.
 */
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as PublishStages from "@effect-eventbus/core/PublishStages"
import * as Subscriber from "@effect-eventbus/core/Subscriber"
import { Deferred, Effect, Layer } from "effect"
import { Store } from "../brokers/store.ts"
import { layer as brokerLayer, type Target } from "../brokers/target.ts"
import type { Counter } from "../counting.ts"
import { Latency } from "../latency.ts"
import { type Elapsed, startStopwatch } from "../stopwatch.ts"
import { Unsound } from "../workload/verify.ts"
import { type ReadingTopic, type TopicOptions, topicsOf, Writer } from "./events.ts"
import { type Mode, paced, publishAll, type Publishing } from "./publishing.ts"
import { readBack } from "./readBack.ts"
import { Recording, type Stages } from "./recording.ts"
import { type Holding, type MemoryPoint, Sampler } from "./sampling.ts"
import type { Shape } from "./shape.ts"
import { type Seen, Tally } from "./tally.ts"
import { problemOf } from "./verdict.ts"

/** Messages that go to each topic before the clock starts, and are handled: connections, assignments, compiled code. */
const openers = 24

export interface Load {
  readonly target: Target
  readonly shape: Shape
  readonly how: Mode | { readonly perSecond: number }
  /** A name that no other round has: `[a-z0-9-]+`. */
  readonly round: string
  readonly partitions: number
  readonly headers?: boolean
  /** Added to each payload. Default 0: the body has about 300 bytes. */
  readonly noteBytes?: number
  readonly bus?: EventBus.Options
  /** Handlers take part. Without, the time to the last handled message is that to the last acknowledgement. */
  readonly handled: boolean
  /** Some messages have their stages recorded. `undefined`: the recorder is off, and publish-to-ack unknown. */
  readonly stages?: Stages
  /** Instead of the target's own: a test's. */
  readonly connect?: ReturnType<typeof brokerLayer>
  readonly counter?: Counter
}

export interface Round {
  readonly messages: number
  readonly toAck: Elapsed
  readonly toHandledMillis: number
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  readonly stored: Seen
  readonly handled: Seen | undefined
  readonly call: Latency
  readonly ack: Latency
  readonly endToEnd: Latency
  readonly peak: Holding | undefined
  readonly points: ReadonlyArray<MemoryPoint>
}

/** How long nothing may be handled before the rest counts as lost. */
const patienceMillis = 30_000

/** Where handlers report. */
class Handled {
  readonly tally: Tally
  readonly endToEnd = new Latency()
  readonly open = Deferred.makeUnsafe<void>()
  readonly done = Deferred.makeUnsafe<void>()
  readonly #begun: Float64Array
  readonly #messages: number
  #openers: number

  constructor(shape: Shape, begun: Float64Array, topics: number) {
    this.tally = new Tally(shape)
    this.#begun = begun
    this.#messages = shape.messages
    this.#openers = openers * topics
  }

  readonly note = (index: number): Effect.Effect<void> => {
    if (index < 0) return --this.#openers === 0 ? Effect.asVoid(Deferred.succeed(this.open, undefined)) : Effect.void
    this.tally.note(index)
    this.endToEnd.record(performance.now() - (this.#begun[index] ?? Number.NaN))
    return this.tally.distinct === this.#messages ? Effect.asVoid(Deferred.succeed(this.done, undefined)) : Effect.void
  }

  /** Ends when nothing has come for a while: beside the measured section, not in it. */
  readonly stalled: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    for (let before = -1; before !== this.tally.distinct;) {
      before = this.tally.distinct
      yield* Effect.sleep(patienceMillis)
    }
  })
}

const subscribeAll = (topics: ReadonlyArray<ReadingTopic>, handled: Handled) =>
  Effect.gen(function*() {
    const subscriber = yield* Subscriber.Subscriber
    yield* Effect.forEach(
      topics,
      (topic) =>
        subscriber.subscribe(topic, {
          group: "bench",
          maxInFlight: 4096,
          handlers: { Reading: ({ payload }) => Effect.suspend(() => handled.note(payload.index)) }
        }),
      { concurrency: "unbounded", discard: true }
    )
  })

/** The way is open when each topic has taken some messages and, where there are handlers, they had them. */
const openTheWay = Effect.fnUntraced(function*(
  topics: ReadonlyArray<ReadingTopic>,
  writer: Writer,
  handled: Handled | undefined
) {
  const publisher = yield* Publisher.Publisher
  for (const [number, topic] of topics.entries()) {
    for (let i = 0; i < openers; i++) yield* publisher.publishAsync(topic, writer.opener(number, i))
  }
  yield* publisher.flush
  if (handled !== undefined) {
    yield* Effect.raceFirst(Deferred.await(handled.open), handled.stalled)
  }
})

const measured = Effect.fnUntraced(function*(
  load: Load,
  topics: ReadonlyArray<ReadingTopic>,
  ack: Latency,
  recording: Recording | undefined
) {
  const { counter, how, shape } = load
  const publisher = yield* Publisher.Publisher
  const writer = new Writer(shape, load.round.replaceAll("-", ""), load.noteBytes)
  const begun = new Float64Array(shape.messages)
  const handled = load.handled ? new Handled(shape, begun, topics.length) : undefined
  if (handled !== undefined) yield* subscribeAll(topics, handled)
  yield* openTheWay(topics, writer, handled)
  // What the openers were timed at is not part of it.
  ack.reset()
  load.stages?.reset?.()
  const before = yield* publisher.totals
  const publishing: Publishing = {
    publisher,
    topics,
    shape,
    writer,
    begun,
    call: new Latency(),
    ...(recording === undefined ? undefined : { due: recording.due })
  }
  const sampler = counter === undefined ? undefined : new Sampler(counter)

  const elapsed = startStopwatch()
  yield* typeof how === "string" ? publishAll(publishing, how) : paced(publishing, how.perSecond)
  const toAck = elapsed()
  if (handled !== undefined) yield* Effect.raceFirst(Deferred.await(handled.done), handled.stalled)
  const toHandledMillis = elapsed().millis

  const sampled = sampler?.stop()
  const after = yield* publisher.totals
  return {
    toAck,
    toHandledMillis,
    acked: after.acked - before.acked,
    failed: after.rejected - before.rejected,
    unknown: after.unknown - before.unknown,
    call: publishing.call,
    handled: handled?.tally.seen,
    endToEnd: handled?.endToEnd ?? new Latency(),
    peak: sampled?.peak,
    points: sampled?.points ?? []
  }
})

/** Fails with `Unsound` where anything was lost, stored twice or out of order: then there is no figure. */
export const round = (load: Load): Effect.Effect<Round, Unsound> => {
  const options: TopicOptions = {
    broker: load.target.broker,
    partitions: load.partitions,
    ...(load.headers === undefined ? undefined : { headers: load.headers })
  }
  const topics = topicsOf(load.round, options)
  const ack = new Latency()
  const recording = load.stages === undefined ? undefined : new Recording(load.stages, ack)
  const bus = EventBus.layer({ ...load.bus, topics }).pipe(
    Layer.provideMerge(load.connect ?? brokerLayer(load.target)),
    Layer.provide(Layer.succeed(PublishStages.PublishStages, recording?.recorder))
  )
  return Effect.gen(function*() {
    const store = yield* Store
    const names = topics.map(({ name }) => name)
    const { messages } = load.shape
    const done = yield* Effect.scoped(measured(load, topics, ack, recording))
    const stored = yield* readBack(names, load.partitions, load.shape, openers * topics.length)
    const problem = problemOf({
      published: messages,
      acked: done.acked,
      failed: done.failed,
      unknown: done.unknown,
      stored,
      handled: done.handled
    })
    yield* store.remove(names)
    if (problem !== undefined) return yield* new Unsound({ measure: load.round, problem })
    return { ...done, messages, stored, ack }
  }).pipe(
    Effect.provide(bus),
    Effect.mapError((error) =>
      error instanceof Unsound ? error : new Unsound({ measure: load.round, problem: error.message })
    )
  )
}
