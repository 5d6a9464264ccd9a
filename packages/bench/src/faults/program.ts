/**
 * The command as a process: exit code 0 where every invariant held, else 1.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, References } from "effect"
import { CliConfig, Command, GlobalFlag } from "effect/cli"
import { faults } from "./command.ts"
import type { Suite } from "./scenario.ts"

export const start = (suites: readonly [Suite, ...ReadonlyArray<Suite>]): void =>
  NodeRuntime.runMain(
    Command.run(faults(suites), { version: "" }).pipe(
      Effect.provide([NodeServices.layer, CliConfig.layer({ builtIns: [GlobalFlag.Help] })]),
      Effect.provideService(References.LogToStderr, true)
    )
  )
