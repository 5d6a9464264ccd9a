/**
 * What the scenarios of NATS stand on: servers of their own, proxies, and drivers that connect to them.
 */
import { NatsBroker, type NatsConfig } from "@effect-eventbus/nats"
import { Effect } from "effect"
import { type Cluster, natsCluster, type Node } from "../../brokers/natsCluster.ts"
import { NatsProxy } from "../../proxy/nats.ts"

export type Mode = "window" | "fastIngest"
export const modes: ReadonlyArray<Mode> = ["window", "fastIngest"]

export const promise = <A>(f: () => Promise<A>): Effect.Effect<A> => Effect.promise(f)

export interface Lab {
  readonly cluster: Cluster
  /** The first server. */
  readonly node: Node
  /** In front of the first server. */
  readonly proxy: NatsProxy
}

/** Servers, and a proxy in front of the first. */
export const lab = Effect.fnUntraced(
  function*(options: { readonly nodes?: number; readonly configuration?: string } = {}) {
    const cluster = yield* natsCluster(options)
    const [node] = cluster.nodes
    if (node === undefined) return yield* Effect.die("a cluster has a node")
    const proxy = yield* Effect.acquireRelease(
      promise(async () => {
        const made = new NatsProxy(node.port)
        await made.start()
        return made
      }),
      (made) => promise(() => made.stop())
    )
    return { cluster, node, proxy } satisfies Lab
  }
)

export const driver = (servers: string, publishMode: Mode, more: NatsConfig.Options = {}) =>
  NatsBroker.layer({ servers, publishMode, ...more })

export const observer = (servers: string) => NatsBroker.layer({ servers, name: "readback" })
