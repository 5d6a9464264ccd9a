/**
 * A named, typed log of envelopes. Its type is the union of its events.
 *
 * ```ts
 * const Orders = Topic.make("orders", { events: [OrderPlaced, OrderShipped], partitions: 3, retention: "7 days" })
 * ```
 *
 * @since 0.1.0
 */
import { Duration, type Effect, Schema } from "effect"
import type * as Broker from "./Broker.ts"
import type * as Event from "./Event.ts"
import { groupProblem, topicNameProblem } from "./internal/names.ts"
import * as Wire from "./Wire.ts"

const TypeId = "~@effect-eventbus/core/Topic"

/**
 * A topic, and what a broker needs to know of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Topic<out Events extends ReadonlyArray<Event.Any>> extends Broker.TopicSpec {
  readonly [TypeId]: typeof TypeId
  readonly events: Events
  readonly wire: Wire.Wire
}

/**
 * @category models
 * @since 0.1.0
 */
export type Any = Topic<ReadonlyArray<Event.Any>>

/**
 * The union of a topic's events.
 *
 * @category models
 * @since 0.1.0
 */
export type EventOf<T extends Any> = T["events"][number]

/**
 * The union of the envelopes that a topic holds.
 *
 * @category models
 * @since 0.1.0
 */
export type EnvelopeOf<T extends Any> = Event.EnvelopeOf<EventOf<T>>

/**
 * A handler for each event of a topic, by the event's type. A missing one does not type-check. `Delivery` is what a
 * handler gets as its second argument.
 *
 * @category models
 * @since 0.1.0
 */
export type HandlersOf<T extends Any, Delivery, E, R> = {
  readonly [K in EventOf<T> as K["type"]]: (
    envelope: Event.EnvelopeOf<K>,
    delivery: Delivery
  ) => Effect.Effect<unknown, E, R>
}

/**
 * When a topic may forget; a duration is an age. A limit that is absent is not set.
 *
 * @category models
 * @since 0.1.0
 */
export type RetentionInput = Duration.Input | {
  readonly age?: Duration.Input | undefined
  /** Records per topic; the oldest go first. An integer above 0. */
  readonly count?: number | undefined
  /** Bytes per topic; the oldest go first. An integer above 0. */
  readonly bytes?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options<Events extends ReadonlyArray<Event.Any>> {
  /** At least one; no type twice. */
  readonly events: Events
  /** NATS storage; Kafka always stores on disk. Default `"file"`. */
  readonly storage?: "file" | "memory" | undefined
  /** Default 1. A record's partition is murmur2 of its aggregate id, modulo this, on every broker. */
  readonly partitions?: number | undefined
  /** Copies that the broker keeps. Default 1. */
  readonly replicas?: number | undefined
  /** Default: none of its limits is set, nothing is evicted. */
  readonly retention?: RetentionInput | undefined
  /**
   * Default `"aggregate"`: the stored order of an aggregate is its order of acceptance. `"none"`: no promise, for speed.
   */
  readonly order?: "aggregate" | "none" | undefined
  /** Default `Wire.json`. */
  readonly wire?: Wire.Wire | undefined
  /** How long the broker recognises a repeated event id, where it can. Default 2 minutes. */
  readonly dedupeWindow?: Duration.Input | undefined
}

/**
 * The definition of a topic breaks a rule. Thrown by {@link make} and by the functions that derive names: a mistake of
 * the program, not of its data.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidTopic extends Schema.TaggedError<InvalidTopic>("@effect-eventbus/core/Topic/InvalidTopic")(
  "InvalidTopic",
  { topic: Schema.String, field: Schema.String, reason: Schema.String }
) {
  override get message(): string {
    return `topic ${JSON.stringify(this.topic)}: ${this.field} ${this.reason}`
  }
}

/**
 * @category guards
 * @since 0.1.0
 */
export const isTopic = (u: unknown): u is Any => typeof u === "object" && u !== null && TypeId in u

/**
 * Whether `u` can be the name of a topic: tokens of `[A-Za-z0-9_-]` joined by `.`, at most 200 bytes, not beginning with
 * `_`, the last token not a number (a partition would be taken for it).
 *
 * @category guards
 * @since 0.1.0
 */
export const isName = (u: unknown): u is string => topicNameProblem(u) === undefined

/**
 * Whether `u` can be the name of a consumer group: `[A-Za-z0-9_-]{1,100}`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isGroup = (u: unknown): u is string => groupProblem(u) === undefined

/**
 * Whether two different topic names meet at a broker: Kafka takes names that differ only in `.` and `_` for each other
 * in its metrics, and refuses the second one.
 *
 * @category guards
 * @since 0.1.0
 */
export const collide = (a: string, b: string): boolean => a !== b && a.replaceAll(".", "_") === b.replaceAll(".", "_")

const integer = (topic: string, field: string, value: unknown, max = Number.MAX_SAFE_INTEGER): number => {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value <= max) return value
  throw new InvalidTopic({
    topic,
    field,
    reason: max === Number.MAX_SAFE_INTEGER ? "must be an integer above 0" : `must be an integer from 1 to ${max}`
  })
}

const oneOf = <A extends string>(topic: string, field: string, value: A, allowed: ReadonlyArray<A>): A => {
  if (allowed.includes(value)) return value
  throw new InvalidTopic({ topic, field, reason: `must be one of ${allowed.join(", ")}` })
}

const millis = (topic: string, field: string, input: Duration.Input): number => {
  let value: number
  try {
    value = Duration.toMillis(Duration.fromInputUnsafe(input))
  } catch {
    value = Number.NaN
  }
  if (value > 0 && value <= Number.MAX_SAFE_INTEGER) return Math.ceil(value)
  throw new InvalidTopic({ topic, field, reason: "must be a duration above 0 and finite" })
}

const isLimits = (input: RetentionInput): input is Exclude<RetentionInput, Duration.Input> =>
  typeof input === "object" && !Duration.isDuration(input) && ("age" in input || "count" in input || "bytes" in input)

const retentionOf = (topic: string, input: RetentionInput | undefined): Broker.Retention => {
  if (input === undefined) return {}
  if (!isLimits(input)) return { ageMillis: millis(topic, "retention", input) }
  return {
    ...(input.age === undefined ? undefined : { ageMillis: millis(topic, "retention.age", input.age) }),
    ...(input.count === undefined ? undefined : { count: integer(topic, "retention.count", input.count) }),
    ...(input.bytes === undefined ? undefined : { bytes: integer(topic, "retention.bytes", input.bytes) })
  }
}

/**
 * Defines a topic. Throws {@link InvalidTopic}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Events extends ReadonlyArray<Event.Any>>(
  name: string,
  options: Options<Events>
): Topic<Events> => {
  const problem = topicNameProblem(name)
  if (problem !== undefined) throw new InvalidTopic({ topic: String(name), field: "name", reason: problem })
  if (options.events.length === 0) {
    throw new InvalidTopic({ topic: name, field: "events", reason: "must not be empty" })
  }
  const types = new Set<string>()
  for (const { type } of options.events) {
    if (types.has(type)) {
      throw new InvalidTopic({ topic: name, field: "events", reason: `must have ${JSON.stringify(type)} only once` })
    }
    types.add(type)
  }
  return {
    [TypeId]: TypeId,
    name,
    events: options.events,
    storage: oneOf(name, "storage", options.storage ?? "file", ["file", "memory"]),
    partitions: integer(name, "partitions", options.partitions ?? 1, 10_000),
    replicas: integer(name, "replicas", options.replicas ?? 1, 100),
    retention: retentionOf(name, options.retention),
    order: oneOf(name, "order", options.order ?? "aggregate", ["aggregate", "none"]),
    wire: options.wire ?? Wire.json,
    dedupeWindowMillis: millis(name, "dedupeWindow", options.dedupeWindow ?? "2 minutes")
  }
}

const derived = (topic: string, kind: "dlq" | "retry", group: string): string => {
  const problem = groupProblem(group)
  if (problem !== undefined) throw new InvalidTopic({ topic, field: "group", reason: problem })
  const name = `${topic}.${kind}.${group}`
  // Kafka's limit
  if (name.length > 249) {
    throw new InvalidTopic({ topic, field: "group", reason: `makes ${name} longer than 249 bytes` })
  }
  return name
}

/**
 * Name of the topic that holds a group's dead letters: `<topic>.dlq.<group>`. Throws {@link InvalidTopic} for a group
 * that breaks the rule of {@link isGroup}, or where the name would be longer than 249 bytes.
 *
 * @category naming
 * @since 0.1.0
 */
export const deadLetterName = (topic: string, group: string): string => derived(topic, "dlq", group)

/**
 * Name of the topic through which dead letters are replayed to one group alone: `<topic>.retry.<group>`. Throws as
 * {@link deadLetterName}.
 *
 * @category naming
 * @since 0.1.0
 */
export const retryName = (topic: string, group: string): string => derived(topic, "retry", group)
