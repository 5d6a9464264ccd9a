/**
 * The state of a broker: topics with their records and groups. It outlives the connections to it.
 */
import type { Drift, EnsureStrategy, TopicInfo, TopicSpec } from "../../Broker.ts"
import { make as makeCounters } from "./counters.ts"
import { collisionKey, driftOf, fixed, infoOf, invalid } from "./drift.ts"
import { type Limits, Topic } from "./topic.ts"

/** What came of `ensure`. */
export type EnsureResult =
  | { readonly _tag: "Created"; readonly info: TopicInfo }
  | { readonly _tag: "Updated" | "Found"; readonly info: TopicInfo; readonly drift: ReadonlyArray<Drift> }
  | { readonly _tag: "Skipped"; readonly info: TopicInfo }
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Mismatch"; readonly drift: ReadonlyArray<Drift> }
  | { readonly _tag: "Invalid"; readonly message: string }

export class ClusterState {
  readonly limits: Limits
  readonly counters = makeCounters()
  readonly topics = new Map<string, Topic>()
  private readonly names = new Map<string, string>()

  constructor(limits: Limits) {
    this.limits = limits
  }

  ensure(spec: TopicSpec, strategy: EnsureStrategy, now: number): EnsureResult {
    if (strategy === "skip") return { _tag: "Skipped", info: infoOf(spec) }
    const topic = this.topics.get(spec.name)
    const message = invalid(spec) ?? this.collision(spec.name)
    if (message !== undefined) return { _tag: "Invalid", message }
    if (topic === undefined) {
      if (strategy === "validateOnly") return { _tag: "Missing" }
      const created = new Topic(infoOf(spec), this.limits, this.counters)
      this.topics.set(spec.name, created)
      this.names.set(collisionKey(spec.name), spec.name)
      return { _tag: "Created", info: created.info }
    }
    const drift = driftOf(spec, topic.info)
    if (strategy === "validateOnly" && drift.length > 0) return { _tag: "Mismatch", drift }
    if (strategy === "createOrUpdate" && drift.some(({ fixable }) => fixable)) {
      topic.update(fixed(spec, topic.info), now)
      return { _tag: "Updated", info: topic.info, drift: driftOf(spec, topic.info) }
    }
    return { _tag: "Found", info: topic.info, drift }
  }

  private collision(name: string): string | undefined {
    const other = this.names.get(collisionKey(name))
    return other === undefined || other === name
      ? undefined
      : `the topics "${name}" and "${other}" differ only in "." and "_"`
  }
}
