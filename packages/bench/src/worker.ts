// One measurement in a process of its own: `node --expose-gc worker.ts <what> <messages> [<where>]`. Prints JSON.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, References } from "effect"
import { flat, perMessage } from "./workload/flat.ts"

const [what, messages = "0", where = ""] = process.argv.slice(2)
const count = Number(messages)

/** Loaded here alone: no client of a broker takes part in what is said of the bus in memory. */
const onNats = (mode: "auto" | "window"): Effect.Effect<unknown, unknown> =>
  Effect.flatMap(
    Effect.promise(() => import("./workload/natsFlat.ts")),
    ({ natsFlat }) => natsFlat({ servers: where.split(","), mode, order: "aggregate" }, count)
  )

const onKafka: Effect.Effect<unknown, unknown> = Effect.flatMap(
  Effect.promise(() => import("./workload/kafkaFlat.ts")),
  ({ kafkaFlat }) => kafkaFlat(where.split(","), count)
)

const measurementOf = (): Effect.Effect<unknown, unknown> => {
  switch (what) {
    case "flat":
      return flat(count)
    case "perMessage":
      return perMessage(count)
    case "nats-auto":
      return onNats("auto")
    case "nats-window":
      return onNats("window")
    case "kafka":
      return onKafka
    default:
      return Effect.die(new Error(`nothing is called ${what}`))
  }
}

NodeRuntime.runMain(
  Effect.flatMap(measurementOf(), (result) => Console.log(JSON.stringify(result))).pipe(
    Effect.provideService(References.LogToStderr, true)
  )
)
