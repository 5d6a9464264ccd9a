// Where the nats-server program comes from: PATH, or built from its sources with Go.
import { spawn, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import path from "node:path"
import { home } from "./common.mjs"

/** The version that is built, and that compose.yaml runs. */
export const version = "2.15.2"
const oldest = { major: 2, minor: 14 }

/** @param {string} command @returns {string | undefined} its version, where it runs */
const versionOf = (command) => {
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" })
  return status === 0 ? /v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined
}

/** @param {string} found */
const recent = (found) => {
  const [major = 0, minor = 0] = found.split(".").map(Number)
  return major > oldest.major || (major === oldest.major && minor >= oldest.minor)
}

/** @param {string} bin @returns {Promise<string | undefined>} what went wrong */
const build = (bin) =>
  new Promise((resolve) => {
    const child = spawn("go", ["install", `github.com/nats-io/nats-server/v2@v${version}`], {
      env: { ...process.env, GOBIN: bin },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    child.stderr.on("data", (chunk) => (said += chunk))
    child.on("error", (error) => resolve(error.message))
    child.on("exit", (code) => resolve(code === 0 ? undefined : said.trim().split("\n").slice(-3).join("\n")))
  })

/**
 * The command that starts a nats-server of at least 2.14. Throws with what to install where there is none.
 * @param {(line: string) => void} log
 * @returns {Promise<string>}
 */
export const natsServer = async (log) => {
  const onPath = versionOf("nats-server")
  if (onPath !== undefined && recent(onPath)) return "nats-server"
  const bin = path.join(home, "bin")
  const built = path.join(bin, process.platform === "win32" ? "nats-server.exe" : "nats-server")
  if (existsSync(built) && versionOf(built) === version) return built
  log(`building nats-server ${version} with go install, once`)
  const problem = await build(bin)
  if (problem === undefined && versionOf(built) === version) return built
  throw new Error([
    `no NATS: ${
      onPath === undefined ? "there is no nats-server on PATH" : `nats-server ${onPath} on PATH is too old`
    },`,
    `and building ${version} failed: ${problem ?? "the program does not run"}.`,
    `Install nats-server >= ${oldest.major}.${oldest.minor} (https://nats.io/download), or Go >= 1.25, or start one yourself`,
    "(`docker compose up nats`) and set NATS_URL."
  ].join("\n"))
}
