import { Effect } from "effect"
import type { Suite } from "../scenario.ts"

export const kafka: Suite = {
  name: "kafka",
  description: "Faults on a real Kafka, started for the purpose",
  versions: Effect.succeed({}),
  scenarios: []
}
