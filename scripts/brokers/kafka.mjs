// Apache Kafka for tests, the bench and people: one node, or several, in KRaft mode, from the jars of Maven Central.
//
// `KAFKA_BOOTSTRAP` names a Kafka that is already there; then nothing is started. Else Java 17 and Maven have to be
// installed: `mvn` resolves what kafka/pom.xml names into .brokers/kafka/lib, once, and `java -cp 'lib/*' kafka.Kafka`
// runs it on free ports of the loopback interface. Only what was started here is ended here, by its process id.
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { freePort } from "../testing/freePort.ts"
import { clearState, end, endsWithUs, folder as folderOf, listening, readState, sleep, writeState } from "./common.mjs"

const here = fileURLToPath(new URL("kafka", import.meta.url))
const name = "kafka"
/** What is started, and what compose.yaml runs. */
export const version = "4.1.1"

const libFolder = () => path.join(folderOf(name), "lib")

const wanted =
  `Kafka ${version} is started from its jars: install Java 17 or later (java) and Maven (mvn). Where one Kafka is enough, as for the bench, KAFKA_BOOTSTRAP=host:port may name it.`

/** @param {string} command @param {ReadonlyArray<string>} args */
const run = (command, args) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { encoding: "utf8" })
  if (error !== undefined) throw new Error(`${command} cannot be run (${error.message}). ${wanted}`)
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed with ${status}:\n${stdout}\n${stderr}`)
  return stdout + stderr
}

/**
 * The jars, resolved where they are missing or the pom has changed. Returns their folder.
 * @param {(line: string) => void} [log]
 */
export const install = (log = () => {}) => {
  const lib = libFolder()
  const pom = path.join(here, "pom.xml")
  const stamp = createHash("sha256").update(readFileSync(pom)).digest("hex")
  const stampFile = path.join(lib, "pom.sha256")
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
    run("java", ["-version"])
    return lib
  }
  run("java", ["-version"])
  log(`fetching Apache Kafka ${version} with mvn`)
  const fresh = `${lib}.${process.pid}`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true })
  run("mvn", [
    "-q",
    "-B",
    "-f",
    pom,
    "dependency:copy-dependencies",
    "-DincludeScope=runtime",
    `-DoutputDirectory=${fresh}`
  ])
  writeFileSync(path.join(fresh, "pom.sha256"), stamp)
  rmSync(lib, { recursive: true, force: true })
  renameSync(fresh, lib)
  return lib
}

/**
 * @typedef {object} Ports
 * @property {number} port of clients
 * @property {number} controller
 * @property {number} behind a second listener for clients, which tells them to come through `proxied`
 * @property {number} proxied where a proxy may listen that passes on to `behind`
 */

/**
 * Laid over kafka/server.properties; of each node, by its ports.
 * @typedef {Record<string, string | number> | ((ports: Ports) => Record<string, string | number>)} Settings
 */

/** One node. It can be killed, paused and started again with its data. */
export class Node {
  /** @param {{ id: number, folder: string, ports: Ports, properties: string, heap: number, detached: boolean }} options */
  constructor({ detached, folder, heap, id, ports, properties }) {
    this.id = id
    this.ports = ports
    this.folder = folder
    this.heap = heap
    this.detached = detached
    this.config = path.join(folder, "server.properties")
    this.log = path.join(folder, "server.log")
    /** @type {import("node:child_process").ChildProcess | undefined} */
    this.child = undefined
    mkdirSync(folder, { recursive: true })
    writeFileSync(this.config, properties)
  }

  get pid() {
    return this.child?.pid
  }

  get running() {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null
  }

  /** @param {string} cluster @param {ReadonlyArray<string>} [scram] users, as `--add-scram` takes them */
  format(cluster, scram = []) {
    run("java", [
      "-Xmx128m",
      "-XX:TieredStopAtLevel=1",
      "-cp",
      `${libFolder()}/*`,
      "kafka.tools.StorageTool",
      "format",
      // An id may begin with a dash.
      `--cluster-id=${cluster}`,
      "-c",
      this.config,
      "--ignore-formatted",
      ...scram.flatMap((user) => ["--add-scram", user])
    ])
  }

  /** Starts it; completes when it listens. */
  async start(timeout = 150_000) {
    const log = openSync(this.log, "a")
    const child = spawn("java", [
      `-Xmx${this.heap}m`,
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      `-Dlog4j2.configurationFile=${path.join(here, "log4j2.yaml")}`,
      "-cp",
      `${libFolder()}/*`,
      "kafka.Kafka",
      this.config
    ], { detached: this.detached, stdio: ["ignore", log, log] })
    closeSync(log)
    this.child = child
    if (this.detached) child.unref()
    else {
      // Also while it is still starting.
      endsWithUs(child)
    }
    const until = performance.now() + timeout
    while (!(await listening("127.0.0.1", this.ports.port))) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`kafka node ${this.id} ended (${child.signalCode ?? child.exitCode}):\n${this.tail()}`)
      }
      if (performance.now() > until) {
        await this.kill()
        throw new Error(`kafka node ${this.id} does not listen after ${timeout} ms:\n${this.tail()}`)
      }
      await sleep(50)
    }
  }

  tail() {
    return readFileSync(this.log, "utf8").split("\n").slice(-30).join("\n")
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    if (this.running) this.child?.kill(signal)
  }

  /** @param {NodeJS.Signals} signal */
  async end(signal) {
    const { child } = this
    if (child === undefined || !this.running) return
    const ended = new Promise((resolve) => child.once("exit", resolve))
    child.kill(signal)
    if (signal === "SIGKILL") return ended
    // a paused process does not end by itself
    child.kill("SIGCONT")
    const timer = setTimeout(() => child.kill("SIGKILL"), 15_000)
    await ended
    clearTimeout(timer)
  }

  kill() {
    return this.end("SIGKILL")
  }

  stop() {
    return this.end("SIGTERM")
  }
}

/** @param {Record<string, string | number>} values */
const properties = (values) =>
  readFileSync(path.join(here, "server.properties"), "utf8").replaceAll(
    /\$\{(\w+)\}/g,
    (_, key) => String(values[key])
  )

/** A property. A value of several lines, as a certificate, is written on one. @param {[string, string | number]} entry */
const line = ([key, value]) => `${key}=${String(value).replaceAll("\n", "\\n")}\n`

/**
 * A cluster of `nodes` nodes with an empty storage in `folder`.
 * @param {{ nodes?: number, folder: string, heap?: number, detached?: boolean, port?: number, settings?: Settings,
 *   scram?: ReadonlyArray<string>, log?: (line: string) => void }} options
 */
export const cluster = async (
  { detached = false, folder, heap = 512, log, nodes: count = 1, port: wantedPort, scram, settings = {} }
) => {
  install(log)
  /** @type {Array<Ports>} */
  const ports = []
  for (let i = 0; i < count; i++) {
    ports.push({
      port: wantedPort === undefined ? await freePort() : wantedPort + i,
      controller: await freePort(),
      behind: await freePort(),
      proxied: await freePort()
    })
  }
  const voters = ports.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(",")
  const nodes = ports.map((own, i) => {
    const place = path.join(folder, `node-${i + 1}`)
    const data = path.join(place, "data")
    const values = { ...own, node: i + 1, voters, data, replicas: Math.min(3, count) }
    const extra = Object.entries(typeof settings === "function" ? settings(own) : settings).map(line).join("")
    return new Node({ id: i + 1, folder: place, ports: own, properties: properties(values) + extra, heap, detached })
  })
  // One that begins with a dash would be taken for an option.
  const id = createHash("sha256").update(folder + voters).digest("base64url").slice(0, 22).replace(/^-/, "A")
  for (const node of nodes) node.format(id, scram)
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  try {
    await Promise.all(nodes.map((node) => node.start()))
  } catch (error) {
    await Promise.all(nodes.map((node) => node.kill()))
    throw error
  }
  return {
    nodes,
    bootstrap: ports.map(({ port: own }) => `127.0.0.1:${own}`).join(","),
    /** Where a client comes in that shall be told to go through the proxies. */
    proxied: ports.map(({ proxied }) => `127.0.0.1:${proxied}`).join(","),
    stop
  }
}

const given = () => {
  const bootstrap = process.env["KAFKA_BOOTSTRAP"]
  return bootstrap === undefined || bootstrap === "" ? undefined : `kafka://${bootstrap}`
}

const stopLeft = async () => {
  await down()
}

const elsewhere = "named in KAFKA_BOOTSTRAP, somebody else runs it"

/**
 * A Kafka to use. `detached`: it outlives this process, until `down`; else its data is removed when it is stopped.
 * @param {import("./common.mjs").UpOptions & { settings?: Record<string, string | number> }} [options]
 * @returns {Promise<import("./common.mjs").Running>}
 */
export const up = async ({ detached = false, directory, log, port, settings } = {}) => {
  const url = given()
  if (url !== undefined) return { url, stop: async () => {} }
  const known = detached ? readState(name) : undefined
  if (known !== undefined) return { url: known.url, stop: stopLeft }
  const place = directory ?? await mkdtemp(path.join(folderOf(name), "run-"))
  const started = await cluster({
    folder: place,
    detached,
    ...(settings === undefined ? {} : { settings }),
    ...(port === undefined ? {} : { port }),
    ...(log === undefined ? {} : { log })
  })
  const own = `kafka://${started.bootstrap}`
  const node = started.nodes[0]
  log?.(`Apache Kafka ${version} at ${started.bootstrap}, data in ${place}`)
  if (detached && node?.pid !== undefined) {
    writeState(name, { pid: node.pid, url: own, marker: node.config, directory: place })
  }
  return {
    url: own,
    stop: detached ? stopLeft : async () => {
      await started.stop()
      if (directory === undefined) rmSync(place, { recursive: true, force: true })
    }
  }
}

/** @returns {Promise<import("./common.mjs").Status>} */
export const status = async () => {
  const url = given()
  if (url !== undefined) return { running: true, url, note: elsewhere }
  const known = readState(name)
  if (known === undefined) return { running: false, note: "pnpm brokers up kafka starts it" }
  return { running: true, url: known.url, pid: known.pid, note: `process ${known.pid}, data in ${known.directory}` }
}

/** Stops what `up({ detached: true })` has left running. @returns {Promise<import("./common.mjs").Status>} */
export const down = async () => {
  const url = given()
  if (url !== undefined) return { running: true, url, note: elsewhere }
  const known = readState(name)
  if (known === undefined) return { running: false, note: "it was not running" }
  await end(known.pid, known.marker, 15_000)
  clearState(name)
  return { running: false, note: `stopped process ${known.pid}, its data stays in ${known.directory}` }
}
