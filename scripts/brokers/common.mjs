// What the modules of single brokers share.
//
// A broker's module (nats.mjs, kafka.mjs) exports:
//
//   up(options?: UpOptions): Promise<Running>   starts one, or finds the one that `up` left running
//   status(): Promise<Status>                   of the one that `up({ detached: true })` left running
//   down(): Promise<Status>                     stops that one; its data stays
//
// A broker that runs detached is remembered in .brokers/<name>/state.json with its process id and a text that its
// command line must contain, so that nothing else is ever stopped.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import net from "node:net"
import path from "node:path"
import { root } from "../lib/workspace.mjs"

/**
 * @typedef {object} UpOptions
 * @property {boolean} [detached] it outlives this process and `down` stops it (default: it ends with this process)
 * @property {number} [port] default: a free one
 * @property {string} [directory] where it keeps its data; default: a new one for each start, removed by `stop`
 * @property {(line: string) => void} [log] what is being done, for people
 */

/**
 * @typedef {object} Running
 * @property {string} url how to reach it
 * @property {() => Promise<void>} stop stops it; does nothing where somebody else runs it
 */

/** @typedef {{ readonly running: boolean, readonly url?: string, readonly pid?: number, readonly note: string }} Status */

/** @typedef {{ readonly pid: number, readonly url: string, readonly marker: string, readonly directory: string }} State */

/** What the scripts fetch and write for brokers; not in git. */
export const home = path.join(root, ".brokers")

/** @param {string} name */
export const folder = (name) => {
  const directory = path.join(home, name)
  mkdirSync(directory, { recursive: true })
  return directory
}

/** @param {string} name */
const stateFile = (name) => path.join(home, name, "state.json")

/** Whether this process runs and is the one that was started. @param {number} pid @param {string} marker */
export const alive = (pid, marker) => {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const commandLine = `/proc/${pid}/cmdline`
  // where there is no /proc, the process id has to do
  return !existsSync("/proc/self/cmdline") ||
    (existsSync(commandLine) && readFileSync(commandLine, "utf8").includes(marker))
}

/** @param {string} name @returns {State | undefined} of a broker that still runs */
export const readState = (name) => {
  try {
    /** @type {State} */
    const state = JSON.parse(readFileSync(stateFile(name), "utf8"))
    return alive(state.pid, state.marker) ? state : undefined
  } catch {
    return undefined
  }
}

/** @param {string} name @param {State} state */
export const writeState = (name, state) => {
  folder(name)
  writeFileSync(stateFile(name), `${JSON.stringify(state, null, 2)}\n`)
}

/** @param {string} name */
export const clearState = (name) => rmSync(stateFile(name), { force: true })

/** @param {number} millis */
export const sleep = (millis) =>
  new Promise((resolve) => {
    setTimeout(resolve, millis)
  })

/** Processes that end with this one. @type {Set<import("node:child_process").ChildProcess>} */
const ours = new Set()
process.once("exit", () => {
  for (const child of ours) child.kill("SIGKILL")
})

/** Ends it with this process at the latest. @param {import("node:child_process").ChildProcess} child */
export const endsWithUs = (child) => {
  ours.add(child)
  child.once("exit", () => ours.delete(child))
}

/** Whether somebody accepts connections there. @param {string} host @param {number} port @returns {Promise<boolean>} */
export const listening = (host, port) =>
  new Promise((resolve) => {
    const socket = net.connect({ host, port })
    /** @param {boolean} answer */
    const done = (answer) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1000, () => done(false))
    socket.on("connect", () => done(true))
    socket.on("error", () => done(false))
  })

/**
 * Waits until `condition` holds. @param {() => Promise<boolean> | boolean} condition @param {number} millis
 * @returns {Promise<boolean>}
 */
export const until = async (condition, millis) => {
  for (const end = performance.now() + millis; performance.now() < end;) {
    if (await condition()) return true
    await sleep(25)
  }
  return condition()
}

/** Stops a process that `alive` knows: asked at first, forced after `millis`. @param {number} pid @param {string} marker */
export const end = async (pid, marker, millis = 10_000) => {
  if (!alive(pid, marker)) return
  process.kill(pid, "SIGTERM")
  if (await until(() => !alive(pid, marker), millis)) return
  process.kill(pid, "SIGKILL")
  await until(() => !alive(pid, marker), 2000)
}
