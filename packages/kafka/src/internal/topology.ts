/**
 * Topics: what a definition means in Kafka's terms, how a topic differs from it, and what may be changed.
 */
import type { Drift, Ensured, EnsureStrategy, Retention, TopicInfo, TopicSpec } from "@effect-eventbus/core/Broker"
import * as BrokerError from "@effect-eventbus/core/BrokerError"
import { Effect } from "effect"
import type { TopicSettings } from "../KafkaConfig.ts"
import { brokerError } from "./classify.ts"
import { type Admin, EngineError, type TopicDescription } from "./engine.ts"
import { failure } from "./failure.ts"
import { leastFraming } from "./size.ts"

export const request = <A>(topic: string, ask: () => Promise<A>): Effect.Effect<A, BrokerError.BrokerError> =>
  Effect.tryPromise({
    try: ask,
    catch: (error) =>
      brokerError(error instanceof EngineError ? error.failure : failure("lost", String(error), error), { topic })
  })

/** What the definition of a topic wants to stand in its configuration. */
export const configOf = (spec: TopicSpec, settings: TopicSettings): ReadonlyMap<string, string> => {
  const { ageMillis, bytes } = spec.retention
  return new Map([
    ["cleanup.policy", settings.cleanupPolicy ?? "delete"],
    ["retention.ms", String(ageMillis ?? -1)],
    // Kafka counts it per partition.
    ["retention.bytes", String(bytes === undefined ? -1 : Math.ceil(bytes / spec.partitions))],
    ["min.insync.replicas", String(minInsync(spec, settings))],
    ...(settings.maxMessageBytes === undefined
      ? []
      : [["max.message.bytes", String(settings.maxMessageBytes)] as const]),
    ...Object.entries(settings.config ?? {})
  ])
}

const minInsync = (spec: TopicSpec, settings: TopicSettings): number =>
  settings.minInsyncReplicas ?? Math.max(1, spec.replicas - 1)

const limit = (text: string | undefined): number | undefined => {
  const value = Number(text ?? "-1")
  return Number.isFinite(value) && value >= 0 ? value : undefined
}

export const infoOf = (name: string, { config, partitions, replicas }: TopicDescription): TopicInfo => {
  const ageMillis = limit(config.get("retention.ms"))
  const bytes = limit(config.get("retention.bytes"))
  const largestBatch = limit(config.get("max.message.bytes"))
  const retention: Retention = config.get("cleanup.policy") === "compact" ? {} : {
    ...(ageMillis === undefined ? undefined : { ageMillis }),
    ...(bytes === undefined ? undefined : { bytes: bytes * partitions })
  }
  // Kafka recognises no event id.
  return {
    name,
    partitions,
    replicas,
    storage: "file",
    retention,
    dedupeWindowMillis: 0,
    ...(largestBatch === undefined ? undefined : { maxRecordBytes: Math.max(0, largestBatch - leastFraming) })
  }
}

/** Without asking. */
export const assumedInfo = (spec: TopicSpec): TopicInfo => ({
  name: spec.name,
  partitions: spec.partitions,
  replicas: spec.replicas,
  storage: "file",
  retention: spec.retention,
  dedupeWindowMillis: 0
})

const sameList = (a: string, b: string): boolean =>
  a === b || a.split(",").toSorted().join(",") === b.split(",").toSorted().join(",")

/**
 * Every difference, in a fixed order. A `min.insync.replicas` that is higher than wanted, and settings that the definition
 * says nothing of, are none; an unclean leader election always is one, because it loses acknowledged records.
 */
export const driftOf = (
  spec: TopicSpec,
  settings: TopicSettings,
  actual: TopicDescription
): ReadonlyArray<Drift> => {
  const drift: Array<Drift> = []
  if (spec.partitions !== actual.partitions) {
    drift.push({
      field: "partitions",
      expected: String(spec.partitions),
      actual: String(actual.partitions),
      fixable: settings.growPartitions === true && spec.partitions > actual.partitions
    })
  }
  if (spec.replicas !== actual.replicas) {
    drift.push({
      field: "replicas",
      expected: String(spec.replicas),
      actual: String(actual.replicas),
      // It takes a plan for which broker holds what.
      fixable: false
    })
  }
  for (const [name, expected] of configOf(spec, settings)) {
    const found = actual.config.get(name)
    // It may be forbidden to ask.
    if (found === undefined) continue
    const same = name === "min.insync.replicas" && settings.minInsyncReplicas === undefined
      ? Number(found) >= Number(expected)
      : sameList(expected, found)
    if (!same) {
      // More than there are copies of would make it read-only.
      const fixable = name !== "min.insync.replicas" || Number(expected) <= actual.replicas
      drift.push({ field: name, expected, actual: found, fixable })
    }
  }
  if (actual.config.get("unclean.leader.election.enable") === "true") {
    drift.push({ field: "unclean.leader.election.enable", expected: "false", actual: "true", fixable: true })
  }
  return drift
}

const mismatch = (topic: string, message: string): BrokerError.BrokerError =>
  new BrokerError.BrokerError({ reason: new BrokerError.TopicMismatch({ topic, message }) })

export const topicMissing = (topic: string): BrokerError.BrokerError =>
  new BrokerError.BrokerError({
    reason: new BrokerError.TopicMissing({ topic, message: `there is no topic "${topic}"` })
  })

const wasCreatedMeanwhile = (error: BrokerError.BrokerError): boolean =>
  error.reason._tag === "Refused" && error.reason.kind === "conflict"

/** Does to a topic what the strategy allows, and says what differs after it. */
export const ensure = Effect.fnUntraced(function*(
  admin: Admin,
  spec: TopicSpec,
  settings: TopicSettings,
  strategy: EnsureStrategy
): Effect.fn.Return<Ensured, BrokerError.BrokerError> {
  const { name } = spec
  if (spec.retention.count !== undefined) {
    return yield* mismatch(name, "Kafka keeps records by age and by bytes, not by count")
  }
  if (strategy === "skip") {
    return { topic: assumedInfo(spec), action: "skipped", drift: [] }
  }
  const describe = request(name, () => admin.describe(name))
  let found = yield* describe
  let action: Ensured["action"] = "found"
  if (found === undefined) {
    if (strategy === "validateOnly") return yield* topicMissing(name)
    const config = configOf(spec, settings)
    action = yield* request(
      name,
      () => admin.create(name, { partitions: spec.partitions, replicas: spec.replicas, config })
    ).pipe(
      Effect.as<Ensured["action"]>("created"),
      // Somebody else was faster; it is looked at like any other.
      Effect.catchIf(wasCreatedMeanwhile, () => Effect.succeed<Ensured["action"]>("found"))
    )
    found = yield* describe
    if (found === undefined) return yield* topicMissing(name)
  }
  let drift = driftOf(spec, settings, found)
  if (drift.length > 0 && strategy === "validateOnly") {
    return yield* mismatch(name, drift.map((one) => `${one.field} is ${one.actual}, not ${one.expected}`).join("; "))
  }
  if (strategy === "createOrUpdate" && drift.some(({ fixable }) => fixable)) {
    const fixable = drift.filter((one) => one.fixable)
    const changes = new Map(fixable.flatMap((one) => one.field === "partitions" ? [] : [[one.field, one.expected]]))
    if (changes.size > 0) yield* request(name, () => admin.alter(name, changes))
    if (fixable.some(({ field }) => field === "partitions")) {
      yield* request(name, () => admin.grow(name, spec.partitions))
    }
    // It takes effect a little after the answer.
    for (let i = 0; i < 40; i++) {
      found = (yield* describe) ?? found
      drift = driftOf(spec, settings, found)
      if (!drift.some((one) => one.fixable)) break
      yield* Effect.sleep(50)
    }
    action = "updated"
  }
  return { topic: infoOf(name, found), action, drift }
})
