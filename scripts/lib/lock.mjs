// A lock between processes that a dead holder cannot keep.
//
// The lock is a directory with one file in it, named after its holder. A candidate prepares such a directory and
// renames it into place, which succeeds only where the lock is absent or empty. A dead holder's file is removed by
// its name, so that two candidates who find it dead cannot remove a third one's.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

/**
 * What the system tells of a process, from its state on; nothing where there is no /proc.
 * @param {number} pid
 */
const statOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ")
  } catch {
    return undefined
  }
}

/**
 * A process by id and start time, because ids are used again.
 * @param {number} pid
 */
const identity = (pid) => `${pid}-${statOf(pid)?.[19] ?? 0}`

/** @param {string} holder */
const isAlive = (holder) => {
  const pid = Number.parseInt(holder, 10)
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ESRCH") return false
  }
  const zombie = statOf(pid)?.[0] === "Z"
  return !zombie && identity(pid) === holder
}

/** @param {string} directory @param {string} mine */
const tryAcquire = (directory, mine) => {
  const prepared = `${directory}.${mine}`
  mkdirSync(prepared, { recursive: true })
  writeFileSync(path.join(prepared, mine), "")
  try {
    renameSync(prepared, directory)
    return true
  } catch {
    rmSync(prepared, { recursive: true, force: true })
    return false
  }
}

/** @param {string} directory */
const holderOf = (directory) => {
  try {
    return readdirSync(directory)[0]
  } catch {
    return undefined
  }
}

/**
 * @template A
 * @param {string} directory
 * @param {{ readonly onWait: (pid: number) => void }} options
 * @param {() => Promise<A>} use
 */
export const withLock = async (directory, options, use) => {
  const mine = identity(process.pid)
  let waiting
  while (!tryAcquire(directory, mine)) {
    const holder = holderOf(directory)
    if (holder === undefined) continue
    if (!isAlive(holder)) {
      rmSync(path.join(directory, holder), { force: true })
      continue
    }
    if (holder !== waiting) options.onWait(Number.parseInt(holder, 10))
    waiting = holder
    await sleep(100)
  }
  try {
    return await use()
  } finally {
    rmSync(path.join(directory, mine), { force: true })
  }
}
