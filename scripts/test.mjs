// npm test: type check, lint, format check and tests, all of them even when one fails.
//
// With `--brokers` the tests are those that start real brokers (Go for NATS; Java and Maven for Kafka), one project of
// vitest after the other. Other arguments go to vitest (`--project unit`, a file name). The count of what passed and failed, each of the
// first three as one test, is left in .reports/test.json for .ci/run.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { endAs, supervise } from "./lib/supervise.mjs"
import { environment, root } from "./lib/workspace.mjs"

const reports = path.join(root, ".reports")
const brokers = ["nats", "faults-nats", "kafka", "faults-kafka"]
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
  const ok = await succeeds("vitest", "run", ...reporters, ...args)
  const { passed, failed } = counts(report)
  rows.push({ name, passed, failed: ok && passed > 0 ? failed : Math.max(failed, 1), note: seconds(started) })
}

rmSync(reports, { recursive: true, force: true })
mkdirSync(reports)
await step("type check", "tsc", "-b")
await step("lint", "oxlint")
await step("format", "dprint", "check")
const wanted = process.argv.slice(2)
if (wanted[0] === "--brokers") {
  const rest = wanted.slice(1)
  for (const project of brokers) await tests(project, ["--project", project, ...rest])
} else if (wanted.length > 0) {
  await tests("tests", wanted)
} else {
  await tests("unit", ["--project", "unit"])
}

const passed = rows.reduce((sum, row) => sum + row.passed, 0)
const failed = rows.reduce((sum, row) => sum + row.failed, 0)
writeFileSync(path.join(reports, "test.json"), `${JSON.stringify({ passed, failed, rows }, null, 2)}\n`)
for (const row of rows) {
  const verdict = row.failed === 0 ? "ok    " : "FAILED"
  process.stdout.write(`${verdict} ${row.name.padEnd(10)} ${row.passed} passed, ${row.failed} failed, ${row.note}\n`)
}
process.exitCode = failed === 0 ? 0 : 1
