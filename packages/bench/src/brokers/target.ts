/**
 * What the bus is measured on: one of the brokers, as it can be named on the command line of a child process.
 */
import type * as Broker from "@effect-eventbus/core/Broker"
import type * as BrokerError from "@effect-eventbus/core/BrokerError"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import * as NatsBroker from "@effect-eventbus/nats/NatsBroker"
import * as NatsSubject from "@effect-eventbus/nats/NatsSubject"
import { Context, Effect, Layer } from "effect"

export const brokerNames = ["memory", "nats-memory", "nats-file", "kafka"] as const

export type BrokerName = typeof brokerNames[number]

export const labels: Readonly<Record<BrokerName, string>> = {
  "memory": "Memory",
  "nats-memory": "NATS, memory",
  "nats-file": "NATS, file",
  "kafka": "Kafka"
}

/** Which broker, and where. Plain data. */
export interface Target {
  readonly broker: BrokerName
  /** `nats://host:port` or `host:port,host:port`; nothing for memory. */
  readonly servers: ReadonlyArray<string>
}

/** Forgets topics, so that a long run does not fill the disk. */
export class Cleaner extends Context.Service<Cleaner, {
  readonly remove: (topics: ReadonlyArray<string>) => Effect.Effect<void>
}>()("@effect-eventbus/bench/Cleaner") {}

const memory = Layer.merge(
  // Each layer has a broker of its own, and it goes with the layer.
  Layer.unwrap(Effect.sync(() =>
    MemoryBroker.layer({ maxRecords: 2_000_000, maxBytes: 2 ** 31, maxDedupeIds: 2_000_000 })
  )),
  Layer.succeed(Cleaner, { remove: () => Effect.void })
)

const nats = (servers: ReadonlyArray<string>) =>
  Layer.effect(
    Cleaner,
    Effect.gen(function*() {
      const { use } = yield* NatsBroker.NatsBroker
      return Cleaner.of({
        remove: (topics) =>
          Effect.forEach(
            topics,
            (topic) => use((connection) => connection.request(`$JS.API.STREAM.DELETE.${NatsSubject.stream(topic)}`)),
            { concurrency: 5, discard: true }
          ).pipe(Effect.orDie)
      })
    })
  ).pipe(Layer.provideMerge(NatsBroker.layer({ servers })))

const kafka = (servers: ReadonlyArray<string>) =>
  Layer.effect(
    Cleaner,
    Effect.gen(function*() {
      const { use } = yield* KafkaBroker.KafkaBroker
      return Cleaner.of({
        remove: (topics) => Effect.orDie(use((admin) => admin.deleteTopics({ topics: [...topics] })))
      })
    })
  ).pipe(Layer.provideMerge(KafkaBroker.layer({ bootstrapBrokers: servers })))

export const layer = (
  { broker, servers }: Target
): Layer.Layer<Broker.Broker | Cleaner, BrokerError.BrokerError> => {
  switch (broker) {
    case "memory":
      return memory
    case "nats-memory":
    case "nats-file":
      return nats(servers)
    case "kafka":
      return kafka(servers)
  }
}

/** What a topic keeps its records in. Kafka has one kind of storage. */
export const storageOf = (broker: BrokerName): "file" | "memory" => broker === "nats-memory" ? "memory" : "file"
