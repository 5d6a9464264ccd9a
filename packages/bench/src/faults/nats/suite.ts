import natsPackage from "@effect-eventbus/nats/package.json" with { type: "json" }
import { Effect } from "effect"
import { natsCluster } from "../../brokers/natsCluster.ts"
import type { Suite } from "../scenario.ts"
import * as acks from "./acks.ts"
import * as callers from "./callers.ts"
import * as cluster from "./cluster.ts"
import * as ending from "./ending.ts"
import * as full from "./full.ts"
import * as leak from "./leak.ts"
import * as links from "./links.ts"
import * as security from "./security.ts"
import * as server from "./server.ts"

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
  scenarios: [
    ...server.scenarios,
    ...cluster.scenarios,
    ...links.scenarios,
    ...acks.scenarios,
    ...callers.scenarios,
    ...full.scenarios,
    ...ending.scenarios,
    ...security.scenarios,
    ...leak.scenarios
  ]
}
