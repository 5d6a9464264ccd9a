/**
 * The service as a child process, and what it has written down.
 */
import * as History from "@effect-eventbus/core/testing/History"
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { Stalled, until } from "../live.ts"
import type { ServiceOptions } from "./service.ts"

export interface Child {
  readonly process: ChildProcess
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  /** Completes when it has handled so many events. */
  readonly handled: (count: number) => Effect.Effect<void, Stalled>
  /** Everything that it has written down so far, its runs numbered apart from those of this process. */
  readonly entries: Effect.Effect<ReadonlyArray<History.Entry>>
}

const program = path.join(import.meta.dirname, "service.ts")
const startMillis = 60_000
const runsApart = 1_000_000

/** Complete lines only: a killed process may leave a part of one. */
const read = (file: string): string => {
  if (!existsSync(file)) return ""
  const text = readFileSync(file, "utf8")
  return text.slice(0, text.lastIndexOf("\n") + 1)
}

/** Starts it, and waits until it runs. */
export const startService = (options: Omit<ServiceOptions, "file">) =>
  Effect.acquireRelease(
    Effect.promise(async (): Promise<Child & { readonly folder: string }> => {
      const folder = mkdtempSync(path.join(os.tmpdir(), "eventbus-service-"))
      const file = path.join(folder, "history.jsonl")
      const child = spawn(process.execPath, [program, JSON.stringify({ ...options, file })], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      const ended = new Promise<number | string>((resolve) => {
        child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"))
      })
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("the service did not start in time")), startMillis)
        child.stdout.once("data", () => {
          clearTimeout(timer)
          resolve()
        })
        void ended.then((code) => reject(new Error(`the service ended with ${code}`)))
      })
      return {
        process: child,
        ended,
        folder,
        handled: (count) =>
          Effect.flatMap(
            until(() => read(file).split("\"Ended\"").length > count, startMillis, 20),
            (ok) => ok ? Effect.void : Effect.fail(new Stalled({ what: `the service has not handled ${count} events` }))
          ),
        entries: Effect.orDie(
          Effect.map(
            Effect.suspend(() => History.fromJsonLines(read(file))),
            (entries) => entries.map((entry) => "run" in entry ? { ...entry, run: entry.run + runsApart } : entry)
          )
        )
      }
    }),
    ({ folder, process: child }) =>
      Effect.sync(() => {
        child.kill("SIGKILL")
        rmSync(folder, { recursive: true, force: true })
      })
  )
