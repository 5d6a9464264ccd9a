/**
 * A round in a process of its own, so that memory and leaks are its alone: the same command, asked for one round.
 */
import { Data, Effect } from "effect"
import { execFile } from "node:child_process"
import { type Round, type Scenario, titleOf } from "./scenario.ts"

class ChildFailed extends Data.TaggedError("ChildFailed")<{ readonly output: string }> {
  override get message(): string {
    return `its process failed: ${this.output}`
  }
}

/** The flag that asks for one round of the scenario with this title, as JSON. */
export const roundFlag = "round-of"

export const isolate = (suite: string, scenario: Scenario): Effect.Effect<Round, ChildFailed> =>
  Effect.callback<Round, ChildFailed>((resume, signal) => {
    const program = process.argv[1] ?? ""
    execFile(
      process.execPath,
      ["--expose-gc", program, suite, `--${roundFlag}`, titleOf(scenario)],
      { signal, encoding: "utf8", maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error !== null) {
          const how = error.signal ?? error.code ?? "unknown"
          return resume(Effect.fail(new ChildFailed({ output: `ended with ${how}: ${stderr}` })))
        }
        // What this very command prints.
        const round: Round = JSON.parse(stdout)
        resume(Effect.succeed(round))
      }
    )
  })
