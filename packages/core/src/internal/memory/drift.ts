/**
 * What a topic definition and a topic have to say to each other: is the definition one that this broker can keep, how
 * does the topic differ from it, and what becomes of the topic under `createOrUpdate`.
 */
import type { Drift, Retention, TopicInfo, TopicSpec } from "../../Broker.ts"

/** Partitions are 16-bit numbers in the storage. */
const maxPartitions = 65_535

const positive = (value: number | undefined): boolean => value === undefined || value > 0

/** Why this broker cannot keep the definition, or `undefined` if it can. */
export const invalid = (spec: TopicSpec): string | undefined => {
  if (spec.name.length === 0) return "a topic needs a name"
  if (!Number.isInteger(spec.partitions) || spec.partitions < 1 || spec.partitions > maxPartitions) {
    return `partitions must be a whole number from 1 to ${maxPartitions}, not ${spec.partitions}`
  }
  if (!Number.isInteger(spec.replicas) || spec.replicas < 1) {
    return `replicas must be a whole number of at least 1, not ${spec.replicas}`
  }
  const { ageMillis, bytes, count } = spec.retention
  if (!positive(ageMillis) || !positive(bytes) || !positive(count)) return "a retention limit must be above 0"
  if (!(spec.dedupeWindowMillis >= 0)) return "the deduplication window must not be negative"
  return undefined
}

/** The name as a broker's metrics see it: Kafka confuses names that are equal here. */
export const collisionKey = (name: string): string => name.replaceAll(".", "_")

export const infoOf = (spec: TopicSpec): TopicInfo => ({
  name: spec.name,
  partitions: spec.partitions,
  replicas: spec.replicas,
  storage: spec.storage,
  retention: limitsOf(spec.retention),
  dedupeWindowMillis: spec.dedupeWindowMillis
})

const limitsOf = ({ ageMillis, bytes, count }: Retention): Retention => ({
  ...(ageMillis === undefined ? undefined : { ageMillis }),
  ...(count === undefined ? undefined : { count }),
  ...(bytes === undefined ? undefined : { bytes })
})

const text = (value: number | string | undefined): string => value === undefined ? "none" : String(value)

/** Every difference, in a fixed order. */
export const driftOf = (expected: TopicSpec, actual: TopicInfo): ReadonlyArray<Drift> => {
  const drift: Array<Drift> = []
  const compare = (
    field: string,
    wanted: number | string | undefined,
    found: number | string | undefined,
    fixable: boolean
  ): void => {
    if (wanted !== found) drift.push({ field, expected: text(wanted), actual: text(found), fixable })
  }
  // Another partition count would send an aggregate's next event to another partition than its last one.
  compare("partitions", expected.partitions, actual.partitions, false)
  compare("storage", expected.storage, actual.storage, false)
  compare("replicas", expected.replicas, actual.replicas, true)
  compare("retention.ageMillis", expected.retention.ageMillis, actual.retention.ageMillis, true)
  compare("retention.count", expected.retention.count, actual.retention.count, true)
  compare("retention.bytes", expected.retention.bytes, actual.retention.bytes, true)
  compare("dedupeWindowMillis", expected.dedupeWindowMillis, actual.dedupeWindowMillis, true)
  return drift
}

/** The topic with all that is fixable as the definition wants it. */
export const fixed = (spec: TopicSpec, info: TopicInfo): TopicInfo => ({
  ...infoOf(spec),
  partitions: info.partitions,
  storage: info.storage
})
