import kafkaPackage from "@effect-eventbus/kafka/package.json" with { type: "json" }
import { Effect } from "effect"
import { endIdle } from "../../brokers/kafkaCluster.ts"
import type { Suite } from "../scenario.ts"
import * as acks from "./acks.ts"
import * as callers from "./callers.ts"
import * as cluster from "./cluster.ts"
import * as entry from "./entry.ts"
import * as killed from "./killed.ts"
import * as leaks from "./leaks.ts"
import * as link from "./link.ts"
import * as rebalance from "./rebalance.ts"
import * as shutdown from "./shutdown.ts"
import * as state from "./state.ts"

export const kafka: Suite = {
  name: "kafka",
  description: "Faults on real Kafkas, started for the purpose",
  versions: Effect.succeed({
    // Resolved by scripts/brokers/kafka/pom.xml.
    "Apache Kafka": "4.1.1",
    "@platformatic/kafka": kafkaPackage.dependencies["@platformatic/kafka"]
  }),
  scenarios: [
    ...killed.scenarios,
    ...cluster.scenarios,
    ...state.scenarios,
    ...link.scenarios,
    ...acks.scenarios,
    ...callers.scenarios,
    ...rebalance.scenarios,
    ...shutdown.scenarios,
    ...entry.scenarios,
    ...leaks.scenarios
  ],
  close: endIdle
}
