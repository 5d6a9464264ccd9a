/**
 * Which broker the run is on: the one place of this example that knows any of them.
 */
import type * as Broker from "@effect-eventbus/core/Broker"
import type * as BrokerError from "@effect-eventbus/core/BrokerError"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import type { Layer } from "effect"

export type BrokerLayer = Layer.Layer<Broker.Broker, BrokerError.BrokerError>

/** By the scheme of the URL. */
const brokers: Readonly<Record<string, (url: URL) => BrokerLayer>> = {
  // A run of a million events need not remember all their ids: a repeated one comes soon or not at all.
  "memory:": () => MemoryBroker.layer({ maxDedupeIds: 50_000 })
}

/** What `--broker` takes. */
export const schemes: ReadonlyArray<string> = Object.keys(brokers)

/** The broker that a URL names, if this example knows it. */
export const fromUrl = (text: string): BrokerLayer | undefined => {
  const url = URL.parse(text)
  return url === null ? undefined : brokers[url.protocol]?.(url)
}
