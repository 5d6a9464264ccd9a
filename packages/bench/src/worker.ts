// One measurement in a process of its own: `node --expose-gc worker.ts <what> <JSON>`. Prints JSON.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, References } from "effect"

type Measurement = (argument: never) => Effect.Effect<unknown, unknown>

/**
 * By name, each with what the function of that name in `child.ts` hands over. Loaded alone: no client of a broker takes
 * part in what is said of the bus in memory.
 */
const measurements: Readonly<Record<string, () => Promise<Measurement>>> = {
  flat: async () => (await import("./workload/flat.ts")).flat,
  perMessage: async () => (await import("./workload/flat.ts")).perMessage,
  natsFlat: async () => (await import("./workload/natsFlat.ts")).natsFlatOf,
  kafkaFlat: async () => (await import("./workload/kafkaFlat.ts")).kafkaFlatOf,
  cell: async () => (await import("./compare/cell.ts")).cell,
  stages: async () => (await import("./stages/measure.ts")).measure,
  knobs: async () => (await import("./knobs/measure.ts")).measure
}

const [what = "", argument = "null"] = process.argv.slice(2)

const measured = Effect.gen(function*() {
  const load = measurements[what]
  if (load === undefined) return yield* Effect.die(new Error(`nothing is called ${what}`))
  const measure = yield* Effect.promise(load)
  // What our own `child.ts` has written, of the type that this measurement takes.
  return yield* measure(JSON.parse(argument) as never)
})

NodeRuntime.runMain(
  Effect.flatMap(measured, (result) => Console.log(JSON.stringify(result))).pipe(
    Effect.provideService(References.LogToStderr, true)
  )
)
