/**
 * Which broker the run is on: the one place of this example that knows any of them.
 */
import type * as Broker from "@effect-eventbus/core/Broker"
import type * as BrokerError from "@effect-eventbus/core/BrokerError"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import { Effect, Layer } from "effect"

export type BrokerLayer = Layer.Layer<Broker.Broker, BrokerError.BrokerError>

export interface Chosen {
  readonly layer: BrokerLayer
  /** Can forget by number of events. A broker in memory must forget, or a long run would fill it. */
  readonly retainsByCount: boolean
}

/** By the scheme of the URL. The drivers are loaded only by a run that is on them. */
const brokers: Readonly<Record<string, (url: URL) => Chosen>> = {
  "memory:": () => ({
    // A run of a million events need not remember all their ids: a repeated one comes soon or not at all.
    layer: MemoryBroker.layer({ maxDedupeIds: 50_000 }),
    retainsByCount: true
  }),
  "nats:": (url) => ({
    layer: Layer.unwrap(Effect.map(
      Effect.promise(() => import("@effect-eventbus/nats/NatsBroker")),
      (NatsBroker) => NatsBroker.layer({ servers: [url.host] })
    )),
    retainsByCount: false
  }),
  "kafka:": (url) => ({
    layer: Layer.unwrap(Effect.map(
      Effect.promise(() => import("@effect-eventbus/kafka/KafkaBroker")),
      (KafkaBroker) => KafkaBroker.layer({ bootstrapBrokers: [url.host] })
    )),
    retainsByCount: false
  })
}

/** What `--broker` takes. */
export const schemes: ReadonlyArray<string> = Object.keys(brokers)

/** The broker that a URL names, if this example knows it. */
export const fromUrl = (text: string): Chosen | undefined => {
  const url = URL.parse(text)
  return url === null ? undefined : brokers[url.protocol]?.(url)
}
