/**
 * The command `earthquakes`, which `npm start` runs.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, Layer, References } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import { Alerts } from "./Alerts.ts"
import { lastResort } from "./Interrupt.ts"
import { job } from "./Job.ts"
import { flags } from "./Options.ts"
import { Tally } from "./Tally.ts"

const command = Command.make("earthquakes", flags, job).pipe(
  Command.withDescription(
    "Publishes a catalogue of earthquakes, handles it in two groups, and checks the result: npm start -- [flags]"
  )
)

/** Standard output is for results: what is wrong with the command line is said on standard error, in few words. */
const presenter = CliOutput.layerPresenter({
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(`${event.errors.map(({ message }) => message).join("\n")}\nWhat can be said: npm start -- --help`)
      : CliOutput.defaultPresenter.present(event)
})

const builtIns = CliConfig.layer({ builtIns: [GlobalFlag.Help] })

/** What the groups work with. */
export const live: Layer.Layer<Tally | Alerts> = Layer.merge(Tally.layer, Alerts.layer)

/** The whole program. `groups` is `live`, unless a test wants it otherwise. */
export const program = (groups: Layer.Layer<Tally | Alerts>) =>
  Effect.andThen(lastResort, Command.run(command, { version: "" })).pipe(
    Effect.scoped,
    Effect.provide([NodeServices.layer, presenter, builtIns, groups]),
    Effect.provideService(References.LogToStderr, true)
  )
