/**
 * What the commands of this package have in common: flags, how they fail, how they run.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Data, Effect, References, Runtime } from "effect"
import { CliConfig, CliError, Command, Flag, GlobalFlag } from "effect/cli"

/** Ends with exit code 1, without a word: what was printed has said why. */
export class ToldAlready extends Data.TaggedError("ToldAlready") {
  override readonly [Runtime.errorReported] = false
}

/** What could not be measured, or written: ends with its message. */
export class Failed extends Data.TaggedError("Failed")<{ readonly cause: Error }> {
  override get [CliError.userMessage](): string {
    return this.cause.message
  }
}

export const json = Flag.Boolean("json").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Print one JSON object at the end, and nothing else on standard output")
)

export const quick = (description: string) =>
  Flag.Boolean("quick").pipe(Flag.withDefault(false), Flag.withDescription(description))

/** A whole number of at least `least`. */
export const count = (
  name: string,
  { description, least = 1, otherwise }: {
    readonly description: string
    readonly least?: number
    readonly otherwise: number
  }
) =>
  Flag.Int(name).pipe(
    Flag.withDefault(otherwise),
    Flag.filter((value) => value >= least, () => `at least ${least.toLocaleString("en-US")}`),
    Flag.withDescription(description)
  )

/** The process is this command, with help and without a version. */
export const main = <Name extends string, Input, Context, E>(
  command: Command.Command<Name, Input, Context, E, NodeServices.NodeServices>
): void =>
  NodeRuntime.runMain(
    Command.run(command, { version: "" }).pipe(
      Effect.provide([NodeServices.layer, CliConfig.layer({ builtIns: [GlobalFlag.Help] })]),
      Effect.provideService(References.LogToStderr, true)
    )
  )
