/**
 * What the scenarios of Kafka stand on: a cluster that is theirs for the round, drivers that connect to it directly or
 * through its proxies, and the load of the frame with what every scenario here wants of it.
 */
import type { Broker, BrokerError } from "@effect-eventbus/core"
import { KafkaBroker } from "@effect-eventbus/kafka"
import { Effect, type Layer, type Scope } from "effect"
import { type Cluster, kafkaCluster, type Node } from "../../brokers/kafkaCluster.ts"
import type { NoBroker } from "../../brokers/running.ts"
import type { KafkaProxy } from "../../proxy/kafka.ts"
import { type Load, runLoad } from "../load.ts"

export const promise = <A>(f: () => Promise<A>): Effect.Effect<A> => Effect.promise(f)

export interface Lab {
  readonly cluster: Cluster
  /** The first node, and what stands in front of it. */
  readonly node: Node
  readonly proxy: KafkaProxy
}

export const lab = (nodes = 1): Effect.Effect<Lab, NoBroker, Scope.Scope> =>
  Effect.flatMap(kafkaCluster(nodes), (cluster) => {
    const [node] = cluster.nodes
    const [proxy] = cluster.proxies
    return node === undefined || proxy === undefined
      ? Effect.die("a cluster has a node")
      : Effect.succeed({ cluster, node, proxy })
  })

/** Shorter times than in production, so that a round is short. */
export const brisk = {
  requestTimeout: "2 seconds",
  consumer: {
    heartbeatInterval: "200 millis",
    sessionTimeout: "6 seconds",
    rebalanceTimeout: "20 seconds",
    handoverTimeout: "2 seconds"
  }
} as const satisfies Partial<KafkaBroker.Options>

export const driver = (
  bootstrapBrokers: ReadonlyArray<string>,
  more: Partial<KafkaBroker.Options> = {}
): Layer.Layer<Broker.Broker, BrokerError.BrokerError> => KafkaBroker.layer({ bootstrapBrokers, ...brisk, ...more })

export const observer = ({ bootstrap }: Cluster) =>
  KafkaBroker.layer({ bootstrapBrokers: bootstrap, clientId: "readback" })

type Given = "observer" | "broker" | "name" | "inject"

/**
 * A round of a load against a cluster. An event may be stored twice only where one of its tries was unclear. `through`:
 * past the proxies.
 */
export const round = <E = never>(
  id: string,
  { cluster }: Lab,
  inject: Load<E>["inject"],
  more: Omit<Partial<Load<E>>, Given> & {
    readonly through?: boolean
    readonly options?: Partial<KafkaBroker.Options>
  } = {}
) => {
  const { options, through = false, ...rest } = more
  return runLoad<E>({
    testify: () => Effect.void,
    name: id.toLowerCase(),
    broker: driver(through ? cluster.proxied : cluster.bootstrap, options),
    observer: observer(cluster),
    rate: 1000,
    noDuplicates: false,
    explainedDuplicates: true,
    ...rest,
    topic: { partitions: 3, ...rest.topic },
    inject
  })
}
