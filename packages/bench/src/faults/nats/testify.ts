/**
 * What the servers of a round that broke have to say: each replica's state as its own server tells it, a second reading
 * by a new group, and their logs.
 */
import { Effect } from "effect"
import { copyFileSync, existsSync } from "node:fs"
import path from "node:path"
import type { Cluster } from "../../brokers/natsCluster.ts"
import { add } from "../evidence.ts"
import type { LoadTopic } from "../live.ts"
import { type Load, readBack } from "../load.ts"

/** Servers that are gone are not read from. */
const patienceMillis = 30_000

const files = ["server.log", "server.conf"]

/** What a server's monitoring tells of its streams and their Raft groups. */
const stateOf = async (monitorUrl: string): Promise<unknown> => {
  try {
    const query = "accounts=true&streams=true&consumers=true&config=true&raft=true"
    return await (await fetch(`${monitorUrl}/jsz?${query}`, { signal: AbortSignal.timeout(5000) })).json()
  } catch (cause) {
    return String(cause)
  }
}

export const testify =
  (cluster: Cluster, observer: Load["observer"]) => (topic: LoadTopic, folder: string): Effect.Effect<void> =>
    Effect.gen(function*() {
      for (const { monitorUrl, name } of cluster.nodes) {
        add(folder, `${name}.json`, yield* Effect.promise(() => stateOf(monitorUrl)))
      }
      add(
        folder,
        "second-reading.json",
        yield* Effect.exit(Effect.timeoutOption(readBack(topic, observer, "again"), patienceMillis))
      )
      for (const { name } of cluster.nodes) {
        for (const file of files) {
          const from = path.join(cluster.folder, name, file)
          if (existsSync(from)) copyFileSync(from, path.join(folder, `${name}-${file}`))
        }
      }
    })
