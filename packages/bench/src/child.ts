/**
 * Measurements in a process of their own, so that memory and leaks are theirs alone.
 */
import { Data, Effect } from "effect"
import { execFile } from "node:child_process"
import path from "node:path"
import type { Flat, PerMessage } from "./workload/flat.ts"

export class ChildFailed extends Data.TaggedError("ChildFailed")<{ readonly what: string; readonly output: string }> {
  override get message(): string {
    return `the measurement ${this.what} failed: ${this.output}`
  }
}

const run = <A>(what: string, messages: number, ...where: ReadonlyArray<string>): Effect.Effect<A, ChildFailed> =>
  Effect.callback<A, ChildFailed>((resume, signal) => {
    execFile(
      process.execPath,
      ["--expose-gc", path.join(import.meta.dirname, "worker.ts"), what, String(messages), ...where],
      { signal, encoding: "utf8" },
      (error, stdout, stderr) => {
        if (error !== null) return resume(Effect.fail(new ChildFailed({ what, output: `${error.message}\n${stderr}` })))
        // What our own worker prints, of the type that its name has in `worker.ts`.
        resume(Effect.succeed(JSON.parse(stdout) as A))
      }
    )
  })

export const flat = (messages: number) => run<ReadonlyArray<Flat>>("flat", messages)
export const perMessage = (messages: number) => run<PerMessage>("perMessage", messages)

/** On NATS, for a way of publishing to an ordered topic. */
export const natsFlat = (mode: "auto" | "window", messages: number, servers: ReadonlyArray<string>) =>
  run<ReadonlyArray<Flat>>(`nats-${mode}`, messages, servers.join(","))

/** On Kafka. */
export const kafkaFlat = (messages: number, bootstrap: ReadonlyArray<string>) =>
  run<ReadonlyArray<Flat>>("kafka", messages, bootstrap.join(","))
