// Runs a program in the foreground: it decides about signals, this process waits for its end.
//
// Ctrl-C at a terminal reaches the whole foreground process group: npm, this process and the program. npm passes it
// on to this process once more. The program shall see it once, so nothing is passed on from here when the terminal
// has done so, and repeats within a second count as one. A signal that was sent to npm or to this process alone is
// passed on.
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"

const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])
const oneKeystroke = 1000

/** Whether a Ctrl-C at the terminal reaches this process group. */
const inForeground = () => {
  try {
    // after the command's name in parentheses: state, parent, process group, session, terminal, its foreground group
    const fields = readFileSync("/proc/self/stat", "utf8").replace(/^.*\) /s, "").split(" ")
    return fields[2] === fields[5]
  } catch {
    return process.stdin.isTTY === true || process.stderr.isTTY === true
  }
}

/**
 * How a program ended, and the first signal that came while it ran.
 * @typedef {{ code: number | null, signal: NodeJS.Signals | null, received: NodeJS.Signals | null }} Ending
 */

/**
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {import("node:child_process").SpawnOptions} options
 * @returns {Promise<Ending>}
 */
export const supervise = (command, args, options) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, options)
    /** @type {Map<NodeJS.Signals, number>} */
    const last = new Map()
    /** @type {NodeJS.Signals | null} */
    let received = null
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      const now = performance.now()
      if (now - (last.get(signal) ?? -Infinity) < oneKeystroke) return
      last.set(signal, now)
      received ??= signal
      if (signal !== "SIGINT" || !inForeground()) child.kill(signal)
    }
    const stopListening = () => {
      for (const signal of signals) process.off(signal, forward)
    }
    for (const signal of signals) process.on(signal, forward)
    child.on("error", (error) => {
      stopListening()
      reject(error)
    })
    child.on("exit", (code, signal) => {
      stopListening()
      resolve({ code, signal, received })
    })
  })

/**
 * Ends this process as the program ended: same exit code, or same signal.
 * @param {Pick<Ending, "code" | "signal">} ending
 */
export const endAs = ({ code, signal }) => {
  if (signal === null) process.exit(code ?? 1)
  process.kill(process.pid, signal)
}
