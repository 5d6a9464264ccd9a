// One measurement in a process of its own: `node --expose-gc worker.ts <what> <JSON>`. Prints JSON.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { cell } from "./compare/cell.ts"
import { measure as knobs } from "./knobs/measure.ts"
import { measure as stages } from "./stages/measure.ts"
import { flat, perMessage } from "./workload/flat.ts"

/** By name. Each takes what the function of that name in `child.ts` hands over. */
const measurements = {
  flat,
  perMessage,
  cell,
  stages,
  knobs
}

const [what = "", argument = "null"] = process.argv.slice(2)
const run: (argument: never) => Effect.Effect<unknown, unknown> = measurements[what as keyof typeof measurements]

NodeRuntime.runMain(
  Effect.flatMap(run(JSON.parse(argument) as never), (result) => Console.log(JSON.stringify(result)))
)
