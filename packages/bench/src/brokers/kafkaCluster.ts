/**
 * Kafkas that may be killed, paused, emptied and started again, with a proxy in front of each node.
 *
 * A node takes seconds to start, so a cluster that is given back stays for the next one who asks for as many nodes, and
 * ends with this process. Topics and groups have to have names of their own.
 */
import { Effect, type Scope } from "effect"
import { rmSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { KafkaProxy } from "../proxy/kafka.ts"
import { NoBroker } from "./running.ts"

/** One node, as scripts/brokers/kafka.mjs has it. */
export interface Node {
  readonly id: number
  readonly folder: string
  readonly ports: { readonly port: number; readonly behind: number; readonly proxied: number }
  readonly running: boolean
  readonly signal: (signal: NodeJS.Signals) => void
  readonly kill: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
  /** Gives it an empty storage, where it has none. */
  readonly format: (cluster: string) => void
}

interface Started {
  readonly nodes: ReadonlyArray<Node>
  readonly bootstrap: string
  readonly proxied: string
  readonly stop: () => Promise<void>
}

interface Script {
  readonly cluster: (options: { readonly folder: string; readonly nodes: number }) => Promise<Started>
}

export interface Cluster {
  readonly nodes: ReadonlyArray<Node>
  readonly proxies: ReadonlyArray<KafkaProxy>
  /** Straight to the brokers. */
  readonly bootstrap: ReadonlyArray<string>
  /** Through the proxies, and only through them. */
  readonly proxied: ReadonlyArray<string>
  readonly folder: string
}

const idle: Array<Cluster> = []
const all = new Set<Cluster>()

/** The last thing that a process does, so it cannot wait. */
const endAll = (): void => {
  for (const { folder, nodes } of all) {
    for (const node of nodes) node.signal("SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  }
  all.clear()
}
process.once("exit", endAll)

const start = async (nodes: number): Promise<Cluster> => {
  // A script in JavaScript, which the type checker of the packages does not read.
  const script: Script = await import(new URL("../../../../scripts/brokers/kafka.mjs", import.meta.url).href)
  const folder = await mkdtemp(path.join(tmpdir(), "eventbus-kafka-"))
  const started = await script.cluster({ folder, nodes })
  const proxies = started.nodes.map(({ ports }) => new KafkaProxy(ports.proxied, ports.behind))
  const made: Cluster = {
    nodes: started.nodes,
    proxies,
    bootstrap: started.bootstrap.split(","),
    proxied: started.proxied.split(","),
    folder
  }
  all.add(made)
  for (const proxy of proxies) await proxy.start()
  return made
}

/** As it was when it was new, but for what is stored in it. */
const heal = async ({ nodes, proxies }: Cluster): Promise<void> => {
  for (const proxy of proxies) {
    proxy.mend()
    proxy.reset()
    proxy.cuts = 0
  }
  for (const node of nodes) node.signal("SIGCONT")
  await Promise.all(nodes.map((node) => node.running ? Promise.resolve() : node.start()))
}

/** For the length of a scope, for one at a time. */
export const kafkaCluster = (nodes = 1): Effect.Effect<Cluster, NoBroker, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const at = idle.findIndex((cluster) => cluster.nodes.length === nodes)
        const [known] = at < 0 ? [] : idle.splice(at, 1)
        return known ?? await start(nodes)
      },
      catch: (cause) => new NoBroker({ cause })
    }),
    (cluster) =>
      Effect.promise(async () => {
        try {
          await heal(cluster)
          idle.push(cluster)
        } catch {
          // Nobody gets it again; it ends with the process.
        }
      })
  )

/** Ends every cluster that nobody uses. */
export const endIdle: Effect.Effect<void> = Effect.promise(async () => {
  for (const cluster of idle.splice(0)) {
    all.delete(cluster)
    await Promise.all(cluster.proxies.map((proxy) => proxy.stop()))
    await Promise.all(cluster.nodes.map((node) => node.kill()))
    rmSync(cluster.folder, { recursive: true, force: true })
  }
})
