// nats-servers of a test's own, which it may kill and stop and start again: one, or several as a cluster.
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { freePort } from "../testing/freePort.ts"
import { endsWithUs, folder as folderOf, listening, until } from "./common.mjs"
import { natsServer } from "./natsServer.mjs"

/** A healthy server of a cluster answers "ok" here. @param {number} port */
const healthy = async (port) => {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1000) })
    return answer.ok
  } catch {
    return false
  }
}

class Node {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #child
  #command
  #folder
  #configuration
  #monitor

  /** @param {{ name: string, command: string, folder: string, port: number, monitor: number, configuration: string }} options */
  constructor({ command, configuration, folder, monitor, name, port }) {
    this.name = name
    this.port = port
    this.#command = command
    this.#folder = folder
    this.#configuration = configuration
    this.#monitor = monitor
  }

  get url() {
    return `nats://127.0.0.1:${this.port}`
  }

  get monitorUrl() {
    return `http://127.0.0.1:${this.#monitor}`
  }

  get log() {
    return path.join(this.#folder, "server.log")
  }

  get running() {
    const child = this.#child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** Starts it without waiting. */
  launch() {
    mkdirSync(this.#folder, { recursive: true })
    const file = path.join(this.#folder, "server.conf")
    writeFileSync(file, this.#configuration)
    const out = openSync(this.log, "a")
    this.#child = spawn(this.#command, ["-c", file], { stdio: ["ignore", out, out] })
    endsWithUs(this.#child)
  }

  /** Waits until it serves. @param {boolean} [cluster] until its JetStream takes part, too */
  async ready(cluster = false) {
    const serves = () => cluster ? healthy(this.#monitor) : listening("127.0.0.1", this.port)
    if (!await until(async () => !this.running || await serves(), 30_000) || !this.running) {
      throw new Error(`nats-server ${this.name} did not start: see ${this.log}`)
    }
  }

  async start() {
    this.launch()
    await this.ready()
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.#child?.kill(signal)
  }

  async kill() {
    const child = this.#child
    if (child === undefined || !this.running) return
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill("SIGKILL")
    await ended
  }

  /** Asked to end. */
  async stop() {
    const child = this.#child
    if (child === undefined || !this.running) return
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill("SIGCONT")
    child.kill("SIGTERM")
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000)
    await ended
    clearTimeout(timer)
  }
}

/**
 * Servers with an empty storage. `configuration`: further lines for each of them.
 * @param {{ nodes?: number, configuration?: string, folder?: string, log?: (line: string) => void }} [options]
 */
export const cluster = async ({ configuration = "", folder, log = () => {}, nodes: count = 1 } = {}) => {
  const command = await natsServer(log)
  const home = folder ?? mkdtempSync(path.join(folderOf("nats"), "test-"))
  const own = []
  for (let i = 0; i < count; i++) {
    own.push({ port: await freePort(), route: await freePort(), monitor: await freePort() })
  }
  const routes = own.map(({ route }) => `"nats://127.0.0.1:${route}"`).join(", ")
  const nodes = own.map(({ monitor, port, route }, i) => {
    const name = `n${i + 1}`
    const place = path.join(home, name)
    const lines = [
      `server_name: ${name}`,
      `listen: "127.0.0.1:${port}"`,
      `http: "127.0.0.1:${monitor}"`,
      `jetstream { store_dir: ${JSON.stringify(path.join(place, "data"))} }`,
      // clients stay with the servers that they were told of
      ...(count === 1 ? [] : [
        `cluster { name: faults, listen: "127.0.0.1:${route}", routes: [${routes}], no_advertise: true }`
      ]),
      configuration,
      ""
    ]
    return new Node({ name, command, folder: place, port, monitor, configuration: lines.join("\n") })
  })
  const stop = async () => {
    for (const node of nodes) node.signal("SIGCONT")
    await Promise.all(nodes.map((node) => node.kill()))
    if (folder === undefined) rmSync(home, { recursive: true, force: true })
  }
  try {
    for (const node of nodes) node.launch()
    await Promise.all(nodes.map((node) => node.ready(count > 1)))
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, url: nodes.map(({ url }) => url).join(","), folder: home, stop }
}
