/**
 * Measurements in a process of their own, so that memory and leaks are theirs alone.
 */
import { Data, Effect } from "effect"
import { execFile } from "node:child_process"
import path from "node:path"
import type { CellTask } from "./compare/cell.ts"
import type { Cell } from "./compare/figures.ts"
import type { Sweep } from "./knobs/figures.ts"
import type { KnobsTask } from "./knobs/measure.ts"
import type { StagesResult, StagesTask } from "./stages/measure.ts"
import type { Flat, PerMessage } from "./workload/flat.ts"

export class ChildFailed extends Data.TaggedError("ChildFailed")<{ readonly what: string; readonly output: string }> {
  override get message(): string {
    return `the measurement ${this.what} failed: ${this.output}`
  }
}

const run = <A>(what: string, argument: unknown): Effect.Effect<A, ChildFailed> =>
  Effect.callback<A, ChildFailed>((resume, signal) => {
    execFile(
      process.execPath,
      ["--expose-gc", path.join(import.meta.dirname, "worker.ts"), what, JSON.stringify(argument)],
      { signal, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error !== null) return resume(Effect.fail(new ChildFailed({ what, output: `${error.message}\n${stderr}` })))
        // What our own worker prints last, of the type that its name has in `worker.ts`.
        resume(Effect.succeed(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as A))
      }
    )
  })

export const flat = (messages: number) => run<ReadonlyArray<Flat>>("flat", messages)
export const perMessage = (messages: number) => run<PerMessage>("perMessage", messages)
export const cell = (task: CellTask) => run<Cell>("cell", task)
export const stages = (task: StagesTask) => run<StagesResult>("stages", task)
export const knobs = (task: KnobsTask) => run<Sweep>("knobs", task)

/** On NATS, for a way of publishing to an ordered topic. */
export const natsFlat = (mode: "auto" | "window", messages: number, servers: ReadonlyArray<string>) =>
  run<ReadonlyArray<Flat>>("natsFlat", { mode, messages, servers })

/** On Kafka. */
export const kafkaFlat = (messages: number, bootstrap: ReadonlyArray<string>) =>
  run<ReadonlyArray<Flat>>("kafkaFlat", { messages, bootstrap })
