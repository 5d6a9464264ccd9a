/**
 * What the scenarios of NATS stand on: servers of their own, a proxy, and drivers that connect to them.
 */
import { NatsBroker, type NatsConfig } from "@effect-eventbus/nats"
import { Effect } from "effect"
import { type Cluster, natsCluster, type Node } from "../../brokers/natsCluster.ts"
import { NatsProxy } from "../../proxy/nats.ts"
import { type Load, runLoad } from "../load.ts"
import type { Scenario } from "../scenario.ts"
import { testify } from "./testify.ts"

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

export interface LabOptions {
  readonly nodes?: number
  readonly configuration?: string
  readonly folder?: string
}

/** Servers, and a proxy in front of the first. */
export const lab = Effect.fnUntraced(function*(options: LabOptions = {}) {
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
})

export const driver = (servers: string, publishMode: Mode, more: NatsConfig.Options = {}) =>
  NatsBroker.layer({ servers, publishMode, ...more })

export const observer = (servers: string) => NatsBroker.layer({ servers, name: "readback" })

interface Fields extends Omit<Scenario, "mode" | "run"> {
  readonly lab?: LabOptions
  /** Whether publishers go through the proxy. Default false. */
  readonly proxied?: boolean
  /** Of the publishing driver. */
  readonly options?: NatsConfig.Options
}

type OwnLoad<E> = Partial<Load<E>> & Pick<Load<E>, "inject">

/** The same load and fault in every mode. */
export const inBothModes = <E>(
  { lab: labOptions, options, proxied = false, ...fields }: Fields,
  load: (lab: Lab, mode: Mode) => OwnLoad<E>
): ReadonlyArray<Scenario> =>
  modes.map((mode): Scenario => ({
    ...fields,
    mode,
    run: Effect.gen(function*() {
      const made = yield* lab(labOptions)
      return yield* runLoad({
        name: `${fields.id}-${mode}`,
        broker: driver(proxied ? made.proxy.url : made.cluster.url, mode, options),
        observer: observer(made.cluster.url),
        longestGapMillis: fields.longestGapMillis,
        testify: testify(made.cluster, observer(made.cluster.url)),
        ...load(made, mode)
      })
    })
  }))
