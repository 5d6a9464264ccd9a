/**
 * Topics and the streams that hold them: found, made, changed.
 */
import { Effect, Option } from "effect"
import * as NatsSubject from "../NatsSubject.ts"
import * as NatsTopology from "../NatsTopology.ts"
import type { Client, StreamInfo } from "./client.ts"
import { BrokerError, type Drift, type Ensured, type EnsureStrategy, type TopicInfo, type TopicSpec } from "./core.ts"

/** What is known of the stream behind a topic. */
export interface Located {
  readonly stream: string
  readonly batched: boolean
  readonly atomic: boolean
  readonly replicas: number
}

const fail = (reason: BrokerError.Reason): Effect.Effect<never, BrokerError.BrokerError> =>
  Effect.fail(new BrokerError.BrokerError({ reason }))

const missing = (topic: string): BrokerError.Reason =>
  new BrokerError.TopicMissing({ topic, message: `no stream takes the subject "${topic}"` })

const listed = (drift: ReadonlyArray<Drift>): string =>
  drift.map(({ actual, expected, field }) => `${field} is ${actual}, not ${expected}`).join("; ")

const nowhere = Effect.succeed(Option.none<StreamInfo>())

const isMissing = (error: BrokerError.BrokerError): boolean => error.reason._tag === "TopicMissing"

export class Admin {
  readonly #client: Client
  readonly #located = new Map<string, Located>()
  readonly features: NatsTopology.Features

  constructor(client: Client) {
    this.#client = client
    this.features = { atomic: client.atLeast(2, 12), batched: client.atLeast(2, 14) }
  }

  /** The stream of a topic, as far as it is known; else the one that the topic would have been given. */
  located(topic: string): Located {
    return this.#located.get(topic) ?? {
      stream: NatsSubject.stream(topic),
      batched: false,
      atomic: false,
      replicas: 1
    }
  }

  /** Whether its stream was looked at. */
  isLocated(topic: string): boolean {
    return this.#located.has(topic)
  }

  #remember(topic: string, { config }: Pick<StreamInfo, "config">): void {
    this.#located.set(topic, {
      stream: config.name,
      batched: config.allow_batched === true,
      atomic: config.allow_atomic === true,
      replicas: config.num_replicas
    })
  }

  #streamInfo(topic: string, stream: string): Effect.Effect<Option.Option<StreamInfo>, BrokerError.BrokerError> {
    return this.#client.request(topic, (manager) => manager.streams.info(stream)).pipe(
      Effect.map(Option.some),
      Effect.catch((error) => isMissing(error) ? nowhere : Effect.fail(error))
    )
  }

  /** The first stream that takes a subject. */
  #capturing(topic: string, subject: string): Effect.Effect<Option.Option<StreamInfo>, BrokerError.BrokerError> {
    return Effect.flatMap(
      this.#client.request(topic, (manager) => manager.streams.names(subject).next()),
      ([name]) => name === undefined ? nowhere : this.#streamInfo(topic, name)
    )
  }

  /** The stream that holds a topic, whoever made it. Fails where the topic's own stream holds something else. */
  readonly find = (topic: string): Effect.Effect<Option.Option<StreamInfo>, BrokerError.BrokerError> => {
    const problem = NatsSubject.topicProblem(topic)
    if (problem !== undefined) return fail(new BrokerError.Refused({ kind: "invalid", message: problem }))
    return Effect.gen({ self: this }, function*() {
      const own = yield* this.#streamInfo(topic, NatsSubject.stream(topic))
      const holds = (found: StreamInfo) => NatsTopology.partitions(topic, found.config.subjects ?? []) !== 0
      let found = Option.filter(own, holds)
      if (Option.isNone(found)) found = yield* this.#capturing(topic, topic)
      if (Option.isNone(found)) found = yield* this.#capturing(topic, `${topic}.0`)
      if (Option.isSome(found)) {
        this.#remember(topic, found.value)
        return found
      }
      if (Option.isSome(own)) {
        return yield* fail(
          new BrokerError.Refused({
            kind: "invalid",
            message: `the stream ${own.value.config.name} holds ${own.value.config.subjects?.join(", ")}, not ${topic}`
          })
        )
      }
      return found
    })
  }

  readonly describe = (topic: string): Effect.Effect<Option.Option<TopicInfo>, BrokerError.BrokerError> =>
    Effect.map(this.find(topic), Option.map(({ config }) => NatsTopology.info(topic, config, 1)))

  readonly ensure = (spec: TopicSpec, strategy: EnsureStrategy): Effect.Effect<Ensured, BrokerError.BrokerError> => {
    if (strategy === "skip") return this.#skip(spec)
    return Effect.flatMap(this.find(spec.name), (found) =>
      Option.isSome(found)
        ? this.#compare(spec, strategy, found.value)
        : strategy === "validateOnly"
        ? fail(missing(spec.name))
        : this.#create(spec, strategy))
  }

  #skip(spec: TopicSpec): Effect.Effect<Ensured, BrokerError.BrokerError> {
    const problem = NatsSubject.topicProblem(spec.name)
    if (problem !== undefined) return fail(new BrokerError.Refused({ kind: "invalid", message: problem }))
    const topic: TopicInfo = {
      name: spec.name,
      partitions: spec.partitions,
      replicas: spec.replicas,
      storage: spec.storage,
      retention: spec.retention,
      dedupeWindowMillis: spec.dedupeWindowMillis
    }
    return Effect.succeed({ topic, action: "skipped", drift: [] })
  }

  #create(spec: TopicSpec, strategy: EnsureStrategy): Effect.Effect<Ensured, BrokerError.BrokerError> {
    const { subjects, ...settings } = NatsTopology.settings(spec, this.features)
    return this.#client.request(spec.name, (manager) => manager.streams.add({ ...settings, subjects: [...subjects] }))
      .pipe(
        Effect.map((created): Ensured => {
          this.#remember(spec.name, created)
          return { topic: NatsTopology.info(spec.name, created.config, spec.partitions), action: "created", drift: [] }
        }),
        Effect.catch((error) =>
          // Somebody else was faster, with another configuration.
          Effect.flatMap(this.find(spec.name), (found) =>
            Option.isSome(found) ? this.#compare(spec, strategy, found.value) : Effect.fail(error))
        )
      )
  }

  #compare(
    spec: TopicSpec,
    strategy: EnsureStrategy,
    found: StreamInfo
  ): Effect.Effect<Ensured, BrokerError.BrokerError> {
    const drift = NatsTopology.drift(spec, found.config, this.features)
    const topic = NatsTopology.info(spec.name, found.config, spec.partitions)
    if (strategy === "validateOnly" && drift.length > 0) {
      return fail(new BrokerError.TopicMismatch({ topic: spec.name, message: listed(drift) }))
    }
    if (strategy !== "createOrUpdate" || !drift.some(({ fixable }) => fixable)) {
      return Effect.succeed({ topic, action: "found", drift })
    }
    const update = NatsTopology.update(spec, this.features)
    return Effect.map(
      this.#client.request(
        spec.name,
        (manager) => manager.streams.update(found.config.name, { ...found.config, ...update })
      ),
      (updated): Ensured => {
        this.#remember(spec.name, updated)
        return {
          topic: NatsTopology.info(spec.name, updated.config, spec.partitions),
          action: "updated",
          drift: NatsTopology.drift(spec, updated.config, this.features)
        }
      }
    )
  }
}
