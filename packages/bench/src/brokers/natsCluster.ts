/**
 * nats-servers for the length of a scope, which may be killed, stopped and started again.
 */
import { Effect, type Scope } from "effect"
import { NoBroker } from "./running.ts"

export interface Node {
  readonly name: string
  readonly port: number
  readonly url: string
  /** Its monitoring. */
  readonly monitorUrl: string
  readonly running: boolean
  readonly launch: () => void
  readonly ready: (cluster?: boolean) => Promise<void>
  readonly start: () => Promise<void>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly kill: () => Promise<void>
  readonly stop: () => Promise<void>
}

export interface Cluster {
  readonly nodes: ReadonlyArray<Node>
  /** All of them, with commas. */
  readonly url: string
  /** Where their data is. */
  readonly folder: string
  readonly stop: () => Promise<void>
}

interface ClusterOptions {
  readonly nodes?: number
  readonly configuration?: string
  readonly folder?: string
  readonly log?: (line: string) => void
}

interface Script {
  readonly cluster: (options: ClusterOptions) => Promise<Cluster>
}

export const natsCluster = (options: ClusterOptions = {}): Effect.Effect<Cluster, NoBroker, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        // A script in JavaScript, which the type checker of the packages does not read.
        const file = new URL("../../../../scripts/brokers/natsCluster.mjs", import.meta.url).href
        const script: Script = await import(file)
        return script.cluster(options)
      },
      catch: (cause) => new NoBroker({ cause })
    }),
    ({ stop }) => Effect.promise(stop)
  )
