/**
 * What is said where a topic could be published by fast ingest, and is not.
 */
import type { Admin } from "./admin.ts"
import type { Client } from "./client.ts"
import type { TopicSpec } from "./core.ts"

const said = new WeakMap<Client, Set<string>>()

/** Of a topic that goes by single acknowledgements instead: why, and once for each topic of a connection. */
export const explanation = (client: Client, admin: Admin, { name }: TopicSpec): string | undefined => {
  if (client.config.modeOf(name) === "window") return undefined
  const known = said.get(client) ?? new Set()
  said.set(client, known)
  if (known.has(name)) return undefined
  known.add(name)
  const why = admin.features.batched
    ? admin.isLocated(name)
      ? `the stream ${admin.located(name).stream} does not allow it (allow_batched)`
      : "its stream was not looked at (strategy \"skip\")"
    : `nats-server ${client.version} does not know it (2.14 does)`
  return `topic ${name} is published without fast ingest, one unacknowledged event per aggregate: ${why}`
}
