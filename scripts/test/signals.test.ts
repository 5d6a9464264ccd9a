// How a job started through npm ends, and that nothing of it stays behind.
import { afterEach, assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { environment, manifest } from "../lib/workspace.mjs"

const cwd = fileURLToPath(new URL("fixtures", import.meta.url))

const groups: Array<number> = []

afterEach(() => {
  for (const group of groups.splice(0)) {
    try {
      process.kill(-group, "SIGKILL")
    } catch {
      // it has ended, as it should
    }
  }
})

/** `npm run job`, as the leader of a process group of its own. */
const start = (...args: ReadonlyArray<string>) => {
  const options = { cwd, env: environment(), detached: true }
  const npm = spawn("npm", ["run", "job", "--", ...args], { ...options, stdio: ["ignore", "pipe", "pipe"] })
  const printed = { stdout: "", stderr: "" }
  npm.stdout.on("data", (chunk) => (printed.stdout += chunk))
  npm.stderr.on("data", (chunk) => (printed.stderr += chunk))
  const pid = npm.pid ?? assert.fail("npm did not start")
  groups.push(pid)
  return { npm, pid, printed, ready: once(npm.stdout, "data") }
}

const ended = async (npm: ChildProcess, pid: number) => {
  const [code, signal] = await once(npm, "close")
  assert.throws(() => process.kill(-pid, 0), "ESRCH")
  return { code, signal }
}

describe("a job behind npm start", () => {
  it("runs on the workspace's Node, with its arguments, and prints alone on stdout", async () => {
    const { npm, pid, printed, ready } = start("--json", "--repeat", "3")
    await ready
    process.kill(pid, "SIGTERM")
    await ended(npm, pid)
    assert.strictEqual(printed.stdout, `ready v${manifest.devDependencies.node} --json --repeat 3\ndrained SIGTERM\n`)
    assert.strictEqual(printed.stderr, "")
  })

  it.for([0, 3])("passes exit code %i through", async (expected) => {
    const { npm, pid } = start("exit", String(expected))
    assert.deepStrictEqual(await ended(npm, pid), { code: expected, signal: null })
  })

  it("passes the signal that killed it through", async () => {
    const { npm, pid } = start("die", "SIGKILL")
    assert.deepStrictEqual(await ended(npm, pid), { code: null, signal: "SIGKILL" })
  })

  it.for(
    [
      ["SIGINT", "the whole group"],
      ["SIGINT", "npm alone"],
      ["SIGTERM", "the whole group"],
      ["SIGTERM", "npm alone"]
    ] as const
  )("drains after %s to %s", async ([signal, target]) => {
    const { npm, pid, printed, ready } = start()
    await ready
    process.kill(target === "npm alone" ? pid : -pid, signal)
    assert.deepStrictEqual(await ended(npm, pid), { code: 7, signal: null })
    assert.match(printed.stdout, new RegExp(`drained ${signal}\n$`))
  })
})
