/**
 * What the bus is measured on: one of the brokers, as it can be named on the command line of a child process.
 */
import type * as Broker from "@effect-eventbus/core/Broker"
import type * as BrokerError from "@effect-eventbus/core/BrokerError"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import * as NatsBroker from "@effect-eventbus/nats/NatsBroker"
import { Effect, Layer } from "effect"
import * as Store from "./store.ts"

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
  /** `nats://host:port` or `host:port`; nothing for memory. */
  readonly servers: ReadonlyArray<string>
}

/** Room for the longest load: nothing is evicted or refused. */
const roomy = { maxRecords: 2_000_000, maxBytes: 2 ** 31, maxDedupeIds: 2_000_000 }

export const layer = (
  { broker, servers }: Target
): Layer.Layer<Broker.Broker | Store.Store, BrokerError.BrokerError> => {
  switch (broker) {
    case "memory":
      // Each has a broker of its own, and it goes with the layer.
      return Store.memory.pipe(Layer.provideMerge(Layer.unwrap(Effect.sync(() => MemoryBroker.layer(roomy)))))
    case "nats-memory":
    case "nats-file":
      return Layer.merge(NatsBroker.layer({ servers }), Store.nats(servers))
    case "kafka":
      return Layer.merge(KafkaBroker.layer({ bootstrapBrokers: servers }), Store.kafka(servers))
  }
}

/** What a topic keeps its records in. Kafka has one kind of storage. */
export const storageOf = (broker: BrokerName): "file" | "memory" => broker === "nats-memory" ? "memory" : "file"
