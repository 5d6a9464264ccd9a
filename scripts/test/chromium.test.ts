import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "vitest"

const script = fileURLToPath(new URL("../chromium.mjs", import.meta.url))

describe("chromium.mjs", () => {
  it("says what to install where the one that CHROMIUM names is none", () => {
    const { status, stderr } = spawnSync(process.execPath, [script], {
      encoding: "utf8",
      env: { ...process.env, CHROMIUM: "/nowhere/chromium" }
    })
    assert.strictEqual(status, 1)
    assert.include(stderr, "CHROMIUM is /nowhere/chromium")
    assert.include(stderr, "apt-get install chromium")
  })

  it("takes the one that it is given", () => {
    const { status, stdout } = spawnSync(process.execPath, [script], {
      encoding: "utf8",
      env: { ...process.env, CHROMIUM: process.execPath }
    })
    assert.strictEqual(status, 0)
    assert.strictEqual(stdout.trim(), process.execPath)
  })
})
