import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { withLock } from "../lib/lock.mjs"

const inScratch = async (use: (lock: string) => Promise<void>) => {
  const scratch = mkdtempSync(path.join(tmpdir(), "lock-"))
  try {
    await use(path.join(scratch, "lock"))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const neverWait = { onWait: (pid: number) => assert.fail(`waits for ${pid}`) }

/** The id of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ["--version"]).pid

describe("withLock", () => {
  it("lets one process in at a time", () =>
    inScratch(async (lock) => {
      const child = `
        import { appendFileSync } from "node:fs"
        import { setTimeout as sleep } from "node:timers/promises"
        import { withLock } from ${JSON.stringify(path.join(import.meta.dirname, "../lib/lock.mjs"))}
        await withLock(${JSON.stringify(lock)}, { onWait: () => {} }, async () => {
          process.stdout.write("in ")
          await sleep(20)
          process.stdout.write("out ")
        })`
      const script = `for i in 1 2 3; do "$0" --input-type=module -e "$1" & done; wait`
      const { stdout, stderr } = spawnSync("sh", ["-c", script, process.execPath, child], { encoding: "utf8" })
      assert.strictEqual(stderr, "")
      assert.strictEqual(stdout, "in out ".repeat(3))
    }))

  it("waits for a living holder, and says for which", () =>
    inScratch(async (lock) => {
      const order: Array<string> = []
      const first = withLock(lock, neverWait, async () => {
        await sleep(150)
        order.push("first")
      })
      const second = withLock(lock, { onWait: (pid) => order.push(`waits for ${pid}`) }, async () => {
        order.push("second")
      })
      await Promise.all([first, second])
      assert.deepStrictEqual(order, [`waits for ${process.pid}`, "first", "second"])
    }))

  it.for(
    [
      ["a dead process", () => `${deadPid()}-0`],
      ["an earlier process with the id of a living one", () => `${process.pid}-1`]
    ] as const
  )("takes over from %s", ([, holder]) =>
    inScratch(async (lock) => {
      mkdirSync(lock)
      writeFileSync(path.join(lock, holder()), "")
      assert.strictEqual(await withLock(lock, neverWait, async () => "mine"), "mine")
    }))

  it("is free again after a failure", () =>
    inScratch(async (lock) => {
      const failed = await withLock(lock, neverWait, () => Promise.reject(new Error("no"))).catch((error) =>
        error.message
      )
      assert.strictEqual(failed, "no")
      assert.deepStrictEqual(readdirSync(lock), [])
    }))
})
