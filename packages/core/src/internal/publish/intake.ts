import { Effect, type Fiber } from "effect"
import * as PublishError from "../../PublishError.ts"
import type { PublishResult } from "../../PublishResult.ts"
import type * as Topic from "../../Topic.ts"
import { type Codec, makeCodec } from "../codec.ts"
import { Entry } from "./entry.ts"
import { partitionOf } from "./murmur2.ts"
import type { Pipeline } from "./pipeline.ts"
import type { TopicRegistry } from "./topicRegistry.ts"
import type { TopicState } from "./topicState.ts"

interface Route {
  readonly state: TopicState
  readonly codec: Codec
}

/** An envelope that is not accepted: why, with the names that its caller needs. */
export interface Refusal {
  readonly _tag: "Refusal"
  readonly eventId: string
  readonly aggregateId: string
  readonly reason: PublishError.Reason
}

/**
 * The way in, for all the forms of publishing: envelope, checked and encoded, to an entry with a partition. Everything
 * here is synchronous but the first use of a topic.
 */
export class Intake {
  readonly pipeline: Pipeline
  readonly #registry: TopicRegistry
  /** By definition, not by name: two definitions of one topic may have different codecs. */
  readonly #routes = new Map<Topic.Any, Route>()

  constructor(pipeline: Pipeline, registry: TopicRegistry) {
    this.pipeline = pipeline
    this.#registry = registry
  }

  knows(topic: Topic.Any): boolean {
    return this.#routes.has(topic)
  }

  /** Ensures the topic, once. */
  open(topic: Topic.Any): Effect.Effect<void, PublishError.Reason> {
    return Effect.suspend(() => {
      if (this.pipeline.window.closed) return Effect.fail(new PublishError.Closed())
      if (this.#routes.has(topic)) return Effect.void
      return Effect.mapBoth(this.#registry.state(topic), {
        onFailure: (error): PublishError.Reason => error.reason,
        onSuccess: (state) => {
          if (!this.#routes.has(topic)) this.#routes.set(topic, { state, codec: makeCodec(topic) })
        }
      })
    })
  }

  /** The entry of an envelope of an open topic, not accepted yet. */
  prepare(topic: Topic.Any, envelope: unknown, fiber: Fiber.Fiber<unknown, unknown>): Entry | Refusal {
    const route = this.#routes.get(topic)
    if (route === undefined) throw new Error(`topic ${topic.name} is not open`)
    if (this.pipeline.window.closed) return refusal(envelope, new PublishError.Closed())
    const { stopwatch } = this.pipeline
    const times = stopwatch === undefined ? undefined : stopwatch.begin()
    const encoded = times === undefined
      ? route.codec.encode(envelope, traceparentOf(fiber))
      : route.codec.encode(envelope, traceparentOf(fiber), () => {
        times.validated = this.pipeline.stopwatch?.now() ?? times.begun
      })
    if (encoded instanceof PublishError.InvalidEnvelope) return refusal(envelope, encoded)
    const { state } = route
    const limit = Math.min(state.maxRecordBytes, this.pipeline.options.maxPendingBytes)
    if (encoded.size > limit) {
      return refusal(envelope, new PublishError.TooLarge({ bytes: encoded.size, limit }))
    }
    const entry = new Entry(
      state,
      encoded.eventId,
      encoded.aggregateId,
      partitionOf(encoded.aggregateId, state.info.partitions),
      encoded.headers,
      encoded.body,
      encoded.size
    )
    if (stopwatch !== undefined && times !== undefined) {
      times.encoded = stopwatch.now()
      entry.times = times
    }
    return entry
  }
}

/** W3C trace context of the span that the fiber is in; nothing where nobody traces. */
const traceparentOf = (fiber: Fiber.Fiber<unknown, unknown>): string | undefined => {
  const { span } = fiber.cache
  return span === undefined
    ? undefined
    : `00-${span.traceId.padStart(32, "0")}-${span.spanId}-${span.sampled ? "01" : "00"}`
}

/** What can be said of an envelope that may be anything at all. */
export const refusal = (envelope: unknown, reason: PublishError.Reason): Refusal => ({
  _tag: "Refusal",
  eventId: textOf(envelope, "eventId"),
  aggregateId: textOf(envelope, "aggregateId"),
  reason
})

const textOf = (envelope: unknown, key: string): string => {
  if (typeof envelope !== "object" || envelope === null) return ""
  const value: unknown = Object.getOwnPropertyDescriptor(envelope, key)?.value
  return typeof value === "string" ? value : ""
}

export const refusalResult = (topic: string, self: Refusal): PublishResult => ({
  _tag: "Rejected",
  topic,
  eventId: self.eventId,
  aggregateId: self.aggregateId,
  reason: self.reason
})

export const refusalError = (topic: string, self: Refusal): PublishError.PublishError =>
  new PublishError.PublishError({ outcome: "rejected", reason: self.reason, topic, eventId: self.eventId })
