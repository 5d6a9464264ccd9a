// Where a Chromium is, for the test that looks at the bench's report: the one that CHROMIUM names, else the first on PATH,
// else Debian's, which is installed where we are root on Debian (or Ubuntu with the package).
//
//   node scripts/chromium.mjs          prints its path
import { spawnSync } from "node:child_process"
import { accessSync, constants, existsSync } from "node:fs"
import path from "node:path"
import process from "node:process"

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"]

const wanted =
  "The test of the report needs a Chromium. Install one (Debian: apt-get install chromium), or name one in "
  + "CHROMIUM=/path/to/chromium"

/** @param {string} file */
const runnable = (file) => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @returns {string | undefined} */
const onPath = () => {
  for (const folder of (process.env["PATH"] ?? "").split(path.delimiter)) {
    for (const name of names) {
      const file = path.join(folder, name)
      if (folder !== "" && runnable(file)) return file
    }
  }
  return undefined
}

/** @param {string} command @param {ReadonlyArray<string>} args */
const run = (command, args) =>
  spawnSync(command, args, {
    encoding: "utf8",
    timeout: 240_000,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  })

/** @param {(line: string) => void} log @returns {string} why it did not work, or "" */
const install = (log) => {
  if (process.getuid?.() !== 0) return "this is not root"
  if (!existsSync("/etc/debian_version")) return "this is not Debian"
  log("installing chromium with apt-get, once")
  const args = ["install", "-y", "--no-install-recommends", "chromium"]
  const first = run("apt-get", args)
  if (first.status === 0) return ""
  // A fresh machine has no lists of packages yet.
  run("apt-get", ["update"])
  const second = run("apt-get", args)
  return second.status === 0 ? "" : `apt-get ${args.join(" ")} failed:\n${second.stdout}\n${second.stderr}`
}

/**
 * Its path. Throws with what to do where there is none.
 *
 * @param {(line: string) => void} [log]
 */
export const chromium = (log = () => {}) => {
  const given = process.env["CHROMIUM"]
  if (given !== undefined && given !== "") {
    if (!runnable(given)) throw new Error(`CHROMIUM is ${given}, which cannot be run. ${wanted}`)
    return given
  }
  const found = onPath()
  if (found !== undefined) return found
  const problem = install(log)
  const installed = onPath()
  if (installed === undefined) throw new Error(`${wanted}${problem === "" ? "" : ` (${problem})`}`)
  return installed
}

if (import.meta.main === true) {
  try {
    process.stdout.write(`${chromium((line) => process.stderr.write(`${line}\n`))}\n`)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
