/**
 * The ways to publish a load. Each returns when the last message is acknowledged, and none of them waits for anything
 * but the bus.
 */
import type * as Publisher from "@effect-eventbus/core/Publisher"
import type { PublishError } from "@effect-eventbus/core/PublishError"
import { Effect, Exit } from "effect"
import type { Latency } from "../latency.ts"
import type { Reading, ReadingTopic, Writer } from "./events.ts"
import { aggregateOf, indexOf, lengthOf, type Shape, topicCount, topicOf } from "./shape.ts"

export const modes = ["awaited", "window", "batch"] as const

/**
 * - `awaited`: a fiber for each aggregate, and each awaits the acknowledgement of a message before the next one;
 * - `window`: one fiber, `publishAsync` as fast as the window lets it;
 * - `batch`: a fiber for each topic, `publishBatch` of {@link batchSize}, one after the other.
 */
export type Mode = typeof modes[number]

export const modeLabels: Readonly<Record<Mode, string>> = {
  awaited: "each ack awaited",
  window: "async window",
  batch: "batch"
}

export const batchSize = 500

export interface Publishing {
  readonly publisher: Publisher.Publisher["Service"]
  readonly topics: ReadonlyArray<ReadingTopic>
  readonly shape: Shape
  readonly writer: Writer
  /** When the publish of each message began, by its index. */
  readonly begun: Float64Array
  /** How long the publish call took. */
  readonly call: Latency
  /** To be told when the next publish was due. */
  readonly due?: (at: number) => void
}

const topicFor = ({ topics }: Publishing, aggregate: number): ReadingTopic => {
  const topic = topics[topicOf(aggregate)]
  if (topic === undefined) throw new Error("a load has five topics")
  return topic
}

const oneAggregate = Effect.fnUntraced(function*(self: Publishing, aggregate: number) {
  const { begun, call, publisher, shape, writer } = self
  const topic = topicFor(self, aggregate)
  const length = lengthOf(shape, aggregate)
  for (let serial = 0; serial < length; serial++) {
    const index = indexOf(shape, aggregate, serial)
    const envelope = writer.envelope(index)
    const started = performance.now()
    begun[index] = started
    yield* publisher.publish(topic, envelope)
    call.record(performance.now() - started)
  }
})

const awaited = (self: Publishing) =>
  Effect.forEach(
    Array.from({ length: self.shape.aggregates }, (_, aggregate) => aggregate),
    (aggregate) => oneAggregate(self, aggregate),
    { concurrency: "unbounded", discard: true }
  )

const window = Effect.fnUntraced(function*(self: Publishing) {
  const { begun, call, publisher, shape, writer } = self
  let last: Effect.Effect<unknown, PublishError> = Effect.void
  for (let index = 0; index < shape.messages; index++) {
    const envelope = writer.envelope(index)
    const started = performance.now()
    begun[index] = started
    last = yield* publisher.publishAsync(topicFor(self, aggregateOf(shape, index)), envelope)
    call.record(performance.now() - started)
  }
  yield* publisher.flush
  // It has settled. Where many were not acknowledged, it tells why; where a few were not, the counts do.
  yield* last
})

const oneTopic = Effect.fnUntraced(function*(self: Publishing, topicNumber: number) {
  const { begun, call, publisher, shape, topics, writer } = self
  const topic = topics[topicNumber]!
  let batch: Array<Reading> = []
  let indices: Array<number> = []
  const send = Effect.fnUntraced(function*() {
    const started = performance.now()
    for (const index of indices) begun[index] = started
    const exits = yield* publisher.publishBatch(topic, batch)
    call.record(performance.now() - started)
    batch = []
    indices = []
    const failed = exits.find((exit) => Exit.isFailure(exit))
    if (failed !== undefined) yield* failed
  })
  for (let index = 0; index < shape.messages; index++) {
    if (topicOf(aggregateOf(shape, index)) !== topicNumber) continue
    indices.push(index)
    batch.push(writer.envelope(index))
    if (batch.length === batchSize) yield* send()
  }
  if (batch.length > 0) yield* send()
})

const batch = (self: Publishing) =>
  Effect.forEach(Array.from({ length: topicCount }, (_, i) => i), (i) => oneTopic(self, i), {
    concurrency: topicCount,
    discard: true
  })

/**
 * An open loop: message `i` is due `i / rate` seconds after the start, whether those before it are acknowledged or not,
 * and `begun` is when it was **due**. A stall of the bus, of the broker or of this very process therefore counts against
 * every message that it made late (no coordinated omission). The loop turns the event loop until the next one is due
 * instead of setting a timer, which could not meet a tenth of a millisecond.
 */
export const paced = Effect.fnUntraced(function*(self: Publishing, perSecond: number) {
  const { begun, call, publisher, shape, writer } = self
  const start = performance.now()
  for (let index = 0; index < shape.messages; index++) {
    const due = start + index * 1000 / perSecond
    while (performance.now() < due) yield* Effect.yieldNow
    begun[index] = due
    const envelope = writer.envelope(index)
    self.due?.(due)
    yield* publisher.publishAsync(topicFor(self, aggregateOf(shape, index)), envelope)
    call.record(performance.now() - due)
  }
  yield* publisher.flush
})

const byMode = { awaited, window, batch }

export const publishAll = (self: Publishing, mode: Mode) => byMode[mode](self)
