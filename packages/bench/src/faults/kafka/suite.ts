import kafkaPackage from "@effect-eventbus/kafka/package.json" with { type: "json" }
import { Effect } from "effect"
import { endIdle } from "../../brokers/kafkaCluster.ts"
import type { Suite } from "../scenario.ts"
import * as acks from "./acks.ts"
import * as cluster from "./cluster.ts"
import * as killed from "./killed.ts"
import * as link from "./link.ts"

export const kafka: Suite = {
  name: "kafka",
  description: "Faults on real Kafkas, started for the purpose",
  versions: Effect.succeed({
    // Resolved by scripts/brokers/kafka/pom.xml.
    "Apache Kafka": "4.1.1",
    "@platformatic/kafka": kafkaPackage.dependencies["@platformatic/kafka"]
  }),
  scenarios: [...killed.scenarios, ...cluster.scenarios, ...link.scenarios, ...acks.scenarios],
  close: endIdle
}
