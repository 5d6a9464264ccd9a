import natsPackage from "@effect-eventbus/nats/package.json" with { type: "json" }
import { Effect } from "effect"
import { natsCluster } from "../../brokers/natsCluster.ts"
import type { Suite } from "../scenario.ts"
import * as killed from "./killed.ts"

const versions = Effect.gen(function*() {
  const { nodes } = yield* natsCluster()
  const answer = yield* Effect.promise(() => fetch(`${nodes[0]?.monitorUrl}/varz`))
  const { version } = yield* Effect.promise((): Promise<{ readonly version: string }> => answer.json())
  return { "nats-server": version, "@nats-io/transport-node": natsPackage.dependencies["@nats-io/transport-node"] }
}).pipe(Effect.scoped, Effect.orDie)

export const nats: Suite = {
  name: "nats",
  description: "Faults on real nats-servers, started for the purpose",
  versions,
  scenarios: [...killed.scenarios]
}
