// A nats-server with JetStream: the one at NATS_URL, or one of our own on a free port of the loopback.
import { spawn } from "node:child_process"
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { freePort } from "../testing/freePort.ts"
import { clearState, end, endsWithUs, folder, listening, readState, until, writeState } from "./common.mjs"
import { natsServer } from "./natsServer.mjs"

/** @param {string} url */
const reachable = (url) => {
  const { hostname, port } = new URL(url.includes("://") ? url : `nats://${url}`)
  return listening(hostname, port === "" ? 4222 : Number(port))
}

/** @param {number} port @param {string} store */
const configuration = (port, store) => `
listen: "127.0.0.1:${port}"
jetstream { store_dir: ${JSON.stringify(store)} }
max_payload: 1MB
`

/**
 * @param {import("./common.mjs").UpOptions} [options]
 * @returns {Promise<import("./common.mjs").Running>}
 */
export const up = async (options = {}) => {
  const given = process.env["NATS_URL"]
  const log = options.log ?? (() => {})
  if (given !== undefined && given !== "") {
    const first = given.split(",")[0]?.trim() ?? given
    if (!await reachable(first)) throw new Error(`NATS_URL is ${given}, and nobody answers there`)
    return { url: given, stop: () => Promise.resolve() }
  }
  const known = options.detached === true ? readState("nats") : undefined
  if (known !== undefined) return { url: known.url, stop: async () => void await down() }
  const command = await natsServer(log)
  const port = options.port ?? await freePort()
  const directory = options.directory ?? mkdtempSync(path.join(folder("nats"), "run-"))
  const file = path.join(directory, "server.conf")
  const output = path.join(directory, "server.log")
  writeFileSync(file, configuration(port, directory))
  const out = openSync(output, "a")
  const child = spawn(command, ["-c", file], {
    detached: options.detached === true,
    stdio: ["ignore", out, out]
  })
  const url = `nats://127.0.0.1:${port}`
  let ended = false
  child.on("exit", () => {
    ended = true
  })
  child.on("error", () => {
    ended = true
  })
  const remove = () => {
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true })
  }
  await until(async () => ended || await listening("127.0.0.1", port), 15_000)
  const { pid } = child
  if (ended || pid === undefined || !await listening("127.0.0.1", port)) {
    const said = readFileSync(output, "utf8").trim().split("\n").slice(-5).join("\n")
    if (pid !== undefined) child.kill("SIGKILL")
    throw new Error(`nats-server did not start on port ${port}:\n${said}`)
  }
  if (options.detached === true) {
    child.unref()
    writeState("nats", { pid, url, marker: file, directory })
    log(`nats-server ${pid} at ${url}`)
    return { url, stop: async () => void await down() }
  }
  endsWithUs(child)
  return {
    url,
    stop: async () => {
      await end(pid, file)
      remove()
    }
  }
}

/** @returns {Promise<import("./common.mjs").Status>} */
export const status = async () => {
  const given = process.env["NATS_URL"]
  if (given !== undefined && given !== "") {
    const running = await reachable(given.split(",")[0] ?? given)
    return { running, url: given, note: running ? "from NATS_URL" : "from NATS_URL: nobody answers there" }
  }
  const state = readState("nats")
  return state === undefined
    ? { running: false, note: "not started" }
    : { running: true, url: state.url, pid: state.pid, note: "started by this script" }
}

/** @returns {Promise<import("./common.mjs").Status>} */
export const down = async () => {
  const state = readState("nats")
  if (state === undefined) {
    clearState("nats")
    return { running: false, note: "not started by this script" }
  }
  await end(state.pid, state.marker)
  clearState("nats")
  rmSync(state.directory, { recursive: true, force: true })
  return { running: false, note: `stopped ${state.pid}` }
}
