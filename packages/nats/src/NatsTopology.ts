/**
 * What a topic is in JetStream: which configuration its stream gets, what an existing stream says of it, and how the
 * two differ. Pure.
 *
 * A topic without a limit by count or bytes gets `discard: new`: a full stream refuses (10077) and never evicts what was
 * acknowledged. Where the topic's retention says that the oldest go first, it gets `discard: old`, as asked.
 *
 * @since 0.1.0
 */
import type { Broker } from "@effect-eventbus/core"
import * as NatsSubject from "./NatsSubject.ts"

/**
 * The part of a stream's configuration that a topic decides. Names are those of the JetStream API, durations nanoseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamSettings {
  readonly name: string
  readonly subjects: ReadonlyArray<string>
  readonly storage: "file" | "memory"
  readonly num_replicas: number
  readonly max_age: number
  readonly max_msgs: number
  readonly max_bytes: number
  readonly duplicate_window: number
  readonly discard: "new" | "old"
  readonly allow_direct: boolean
  readonly allow_atomic?: boolean
  readonly allow_batched?: boolean
}

/**
 * What the server can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Features {
  /** Atomic batches: from 2.12. */
  readonly atomic: boolean
  /** Fast ingest: from 2.14. */
  readonly batched: boolean
}

/**
 * What is read of an existing stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExistingStream {
  readonly name: string
  readonly subjects?: ReadonlyArray<string> | undefined
  readonly storage: "file" | "memory"
  readonly num_replicas: number
  readonly max_age: number
  readonly max_msgs: number
  readonly max_bytes: number
  readonly max_msg_size?: number | undefined
  readonly duplicate_window: number
  readonly discard: "new" | "old"
  readonly retention: string
  readonly sealed: boolean
  readonly allow_atomic?: boolean | undefined
  readonly allow_batched?: boolean | undefined
}

const nanos = 1e6

/** The window cannot be longer than messages live. */
const dedupeMillis = ({ dedupeWindowMillis, retention: { ageMillis } }: Broker.TopicSpec): number =>
  ageMillis === undefined ? dedupeWindowMillis : Math.min(dedupeWindowMillis, ageMillis)

const discardOf = ({ bytes, count }: Broker.Retention): "new" | "old" =>
  bytes === undefined && count === undefined ? "new" : "old"

/**
 * The stream that a topic gets.
 *
 * @category conversions
 * @since 0.1.0
 */
export const settings = (spec: Broker.TopicSpec, features: Features): StreamSettings => ({
  name: NatsSubject.stream(spec.name),
  subjects: NatsSubject.subjects(spec.name, spec.partitions),
  storage: spec.storage,
  num_replicas: spec.replicas,
  max_age: (spec.retention.ageMillis ?? 0) * nanos,
  max_msgs: spec.retention.count ?? -1,
  max_bytes: spec.retention.bytes ?? -1,
  duplicate_window: dedupeMillis(spec) * nanos,
  discard: discardOf(spec.retention),
  allow_direct: true,
  ...(features.atomic ? { allow_atomic: true } : undefined),
  ...(features.batched ? { allow_batched: true } : undefined)
})

/** Whether a stream's subject, which may have wildcards, takes messages to `subject`. */
const covers = (pattern: string, subject: string): boolean => {
  if (pattern === subject) return true
  const wanted = subject.split(".")
  const tokens = pattern.split(".")
  return tokens.every((token, i) =>
    token === ">" ? wanted.length > i : i < wanted.length && (token === "*" || token === wanted[i])
  ) && (tokens.at(-1) === ">" || tokens.length === wanted.length)
}

/**
 * How many partitions of a topic a stream holds: 1 where it takes the topic's own name, 0 where it does not know it,
 * `undefined` where its wildcards take any number.
 *
 * @category getters
 * @since 0.1.0
 */
export const partitions = (topic: string, subjects: ReadonlyArray<string>): number | undefined => {
  const prefix = `${topic}.`
  let count = 0
  for (const subject of subjects) {
    if (subject.startsWith(prefix) && /^[0-9]+$/.test(subject.slice(prefix.length))) count++
  }
  if (count > 0) return count
  const whole = subjects.some((subject) => covers(subject, topic))
  if (subjects.some((subject) => covers(subject, `${topic}.0`))) return undefined
  return whole ? 1 : 0
}

const limit = (value: number, unit = 1): number | undefined => value > 0 ? value / unit : undefined

/**
 * A stream as a topic. `expected`: partitions to assume where wildcards do not tell.
 *
 * @category conversions
 * @since 0.1.0
 */
export const info = (topic: string, stream: ExistingStream, expected: number): Broker.TopicInfo => {
  const ageMillis = limit(stream.max_age, nanos)
  const count = limit(stream.max_msgs)
  const bytes = limit(stream.max_bytes)
  const maxRecordBytes = limit(stream.max_msg_size ?? 0)
  return {
    name: topic,
    partitions: partitions(topic, stream.subjects ?? []) ?? expected,
    replicas: stream.num_replicas,
    storage: stream.storage,
    retention: {
      ...(ageMillis === undefined ? undefined : { ageMillis }),
      ...(count === undefined ? undefined : { count }),
      ...(bytes === undefined ? undefined : { bytes })
    },
    dedupeWindowMillis: stream.duplicate_window / nanos,
    ...(maxRecordBytes === undefined ? undefined : { maxRecordBytes })
  }
}

const text = (value: number | string | boolean | undefined): string => value === undefined ? "none" : String(value)

/**
 * Every difference between a topic and the stream that holds it, in a fixed order.
 *
 * @category comparisons
 * @since 0.1.0
 */
export const drift = (
  spec: Broker.TopicSpec,
  stream: ExistingStream,
  features: Features
): ReadonlyArray<Broker.Drift> => {
  const found = info(spec.name, stream, spec.partitions)
  const wanted = settings(spec, features)
  const own = stream.name === wanted.name
  const differences: Array<Broker.Drift> = []
  const compare = (
    field: string,
    expected: number | string | boolean | undefined,
    actual: number | string | boolean | undefined,
    fixable: boolean
  ): void => {
    // A stream of somebody else's is not changed.
    if (expected !== actual) {
      differences.push({ field, expected: text(expected), actual: text(actual), fixable: fixable && own })
    }
  }
  compare("stream", wanted.name, stream.name, false)
  // Another partition count would send an aggregate's next event to another partition than its last one.
  compare("partitions", spec.partitions, found.partitions, false)
  compare("storage", spec.storage, found.storage, false)
  compare("policy", "limits", stream.retention, false)
  compare("sealed", false, stream.sealed, false)
  compare("replicas", spec.replicas, found.replicas, true)
  compare("retention.ageMillis", spec.retention.ageMillis, found.retention.ageMillis, true)
  compare("retention.count", spec.retention.count, found.retention.count, true)
  compare("retention.bytes", spec.retention.bytes, found.retention.bytes, true)
  compare("dedupeWindowMillis", wanted.duplicate_window / nanos, found.dedupeWindowMillis, true)
  compare("discard", wanted.discard, stream.discard, true)
  if (features.atomic) compare("allowAtomic", true, stream.allow_atomic ?? false, true)
  if (features.batched) compare("allowBatched", true, stream.allow_batched ?? false, true)
  return differences
}

/**
 * What `createOrUpdate` changes.
 *
 * @category conversions
 * @since 0.1.0
 */
export const update = (
  spec: Broker.TopicSpec,
  features: Features
): Omit<StreamSettings, "name" | "subjects" | "storage"> => {
  const { name: _name, storage: _storage, subjects: _subjects, ...rest } = settings(spec, features)
  return rest
}
