// npm test: type check, lint, format check and all tests, on real brokers too, all of them even when one fails.
//
// Each project of vitest runs by itself, one after the other, and starts what it needs: brokers (Go for NATS; Java and
// Maven for Kafka), and Chromium for the report of the bench. Where that cannot be it fails and says what to install;
// nothing is skipped. Then the table of laws in docs/laws.md has to be what the run gave. `--brokers` leaves out the
// projects that need none of it; other arguments go to vitest (`--project unit`, a file name). The count of what passed
// and failed, each step as one test, is left in .reports/test.json for .ci/run.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { endAs, supervise } from "./lib/supervise.mjs"
import { environment, modules, root } from "./lib/workspace.mjs"

const reports = path.join(root, ".reports")
/** In this order. Those after the first need a broker, or a browser. */
const projects = ["unit", "nats", "faults-nats", "kafka", "faults-kafka", "bench"]
/** Not by its command: that is a shell, which would die of a signal alone and leave vitest and its brokers running. */
const vitest = path.join(modules, "vitest", "vitest.mjs")
const seconds = (/** @type {number} */ since) => `${((performance.now() - since) / 1000).toFixed(1)} s`

/** @type {Array<{ name: string, passed: number, failed: number, note: string }>} */
const rows = []

/** @param {string} command @param {ReadonlyArray<string>} args */
const succeeds = async (command, ...args) => {
  const ending = await supervise(command, args, { cwd: root, env: environment(), stdio: "inherit" })
  if (ending.received !== null) endAs({ code: null, signal: ending.received })
  return ending.code === 0
}

/** @param {string} name @param {string} command @param {ReadonlyArray<string>} args */
const step = async (name, command, ...args) => {
  const started = performance.now()
  const ok = await succeeds(command, ...args)
  rows.push({ name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, note: seconds(started) })
}

/** @param {string} report */
const counts = (report) => {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"))
    return { passed: numPassedTests, failed: numFailedTests }
  } catch {
    return { passed: 0, failed: 0 }
  }
}

/**
 * A crash, a file that does not load and a run without tests count as a failed test.
 *
 * @param {string} name @param {ReadonlyArray<string>} args
 */
const tests = async (name, args) => {
  const started = performance.now()
  const report = path.join(reports, `vitest-${name}.json`)
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
  // A test that fails now and then is a bug: it gets no second try.
  const ok = await succeeds(process.execPath, vitest, "run", "--retry=0", ...reporters, ...args)
  const { passed, failed } = counts(report)
  rows.push({ name, passed, failed: ok && passed > 0 ? failed : Math.max(failed, 1), note: seconds(started) })
}

const wanted = process.argv.slice(2)
const everything = wanted.length === 0
if (everything) rmSync(reports, { recursive: true, force: true })
else {
  // The laws of brokers that this run leaves out keep their reports.
  for (const left of existsSync(reports) ? readdirSync(reports) : []) {
    if (left !== "laws") rmSync(path.join(reports, left), { recursive: true, force: true })
  }
}
mkdirSync(reports, { recursive: true })
await step("type check", "tsc", "-b")
await step("lint", "oxlint")
await step("format", "dprint", "check")
if (everything) {
  for (const project of projects) await tests(project, ["--project", project])
  await step("laws table", process.execPath, "scripts/laws.mjs", "--check")
} else if (wanted[0] === "--brokers") {
  for (const project of projects.slice(1)) await tests(project, ["--project", project, ...wanted.slice(1)])
} else {
  await tests("tests", wanted)
}

const passed = rows.reduce((sum, row) => sum + row.passed, 0)
const failed = rows.reduce((sum, row) => sum + row.failed, 0)
writeFileSync(path.join(reports, "test.json"), `${JSON.stringify({ passed, failed, rows }, null, 2)}\n`)
for (const row of rows) {
  const verdict = row.failed === 0 ? "ok    " : "FAILED"
  process.stdout.write(`${verdict} ${row.name.padEnd(12)} ${row.passed} passed, ${row.failed} failed, ${row.note}\n`)
}
process.exitCode = failed === 0 ? 0 : 1
