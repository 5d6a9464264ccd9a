// One measurement in a process of its own: `node --expose-gc worker.ts flat|perMessage <messages>`. Prints JSON.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { flat, perMessage } from "./workload/flat.ts"

const [what, messages] = process.argv.slice(2)
const measurement: Effect.Effect<unknown, unknown> = what === "flat"
  ? flat(Number(messages))
  : perMessage(Number(messages))

NodeRuntime.runMain(Effect.flatMap(measurement, (result) => Console.log(JSON.stringify(result))))
