/**
 * Where and with what something was measured.
 */
import corePackage from "@effect-eventbus/core/package.json" with { type: "json" }
import effectPackage from "effect/package.json" with { type: "json" }
import { execFileSync } from "node:child_process"
import os from "node:os"

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly os: string
  /** Of the last minute, when the suite began: what others were doing. */
  readonly load: number
}

export interface Versions {
  readonly node: string
  readonly effect: string
  readonly core: string
  /** Of the workspace; "+" where it had changes. */
  readonly commit: string
}

export const machine = (): Machine => ({
  cpu: os.cpus()[0]?.model.trim() ?? "unknown",
  cores: os.availableParallelism(),
  memoryGb: Math.round(os.totalmem() / 2 ** 30),
  os: `${os.type()} ${os.release()} ${os.arch()}`,
  load: Number(os.loadavg()[0]?.toFixed(2) ?? 0)
})

const git = (...args: ReadonlyArray<string>): string =>
  execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()

const commit = (): string => {
  try {
    return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain") === "" ? "" : "+"}`
  } catch {
    return "unknown"
  }
}

export const versions = (): Versions => ({
  node: process.versions.node,
  effect: effectPackage.version,
  core: corePackage.version,
  commit: commit()
})
