// Writes docs/laws.md from the last runs of the laws: `npm test` leaves a report of each broker in .reports/laws/, a run of
// some of the tests renews those of its brokers, and this makes the table of them. A broker that has a column and no
// report is an error, so that a run of some of the tests cannot take columns away. `--check` writes nothing and fails
// where the table is not what the reports give.
import fs from "node:fs/promises"
import path from "node:path"

const root = path.resolve(import.meta.dirname, "..")
const reports = path.join(root, ".reports/laws")
const target = path.join(root, "docs/laws.md")

/** @typedef {{ name: string, theme: string, statement: string, needs: string[], verdict: string, missing: string[] }} Law */
/** @typedef {{ subject: string, at: number, laws: Law[] }} Report */

/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|")

/** @param {Law | undefined} law */
const verdict = (law) => {
  if (law === undefined) return "not run"
  if (law.verdict === "skipped") return `skipped: needs ${law.missing.map((need) => `\`${need}\``).join(", ")}`
  return law.verdict === "passed" ? "pass" : "**violated**"
}

/**
 * @param {Report[]} all
 * @returns {string}
 */
export const render = (all) => {
  const sorted = all.toSorted((a, b) =>
    Number(b.subject === "memory") - Number(a.subject === "memory") || a.subject.localeCompare(b.subject)
  )
  // The latest run knows the laws.
  const laws = all.toSorted((a, b) => b.at - a.at)[0]?.laws ?? []
  const themes = [...new Set(laws.map(({ theme }) => theme))]
  const lines = [
    "# The laws",
    "",
    "What every broker has to pass: \"the same semantics\" means this. The laws are in `@effect-eventbus/core/testing`",
    "(`Laws.run`); a driver's test file runs them, and what a broker does not claim, or its tests cannot do to it, is skipped",
    "by name. Generated from the runs by `node scripts/laws.mjs`; do not edit.",
    "",
    "| broker | pass | skipped | violated |",
    "|---|---|---|---|"
  ]
  for (const report of sorted) {
    const count = (/** @type {string} */ kind) => report.laws.filter((law) => law.verdict === kind).length
    lines.push(`| ${report.subject} | ${count("passed")} | ${count("skipped")} | ${count("violated")} |`)
  }
  for (const theme of themes) {
    lines.push("", `## ${theme}`, "", `| law | ${sorted.map(({ subject }) => subject).join(" | ")} |`)
    lines.push(`|---|${sorted.map(() => "---|").join("")}`)
    for (const law of laws.filter((known) => known.theme === theme)) {
      const verdicts = sorted.map((report) => verdict(report.laws.find(({ name }) => name === law.name)))
      lines.push(`| **${cell(law.name)}**<br>${cell(law.statement)} | ${verdicts.join(" | ")} |`)
    }
  }
  return `${lines.join("\n")}\n`
}

/** The brokers of a table. @param {string} text */
export const columns = (text) =>
  Array.from(text.matchAll(/^\| (.+?) \| \d+ \| \d+ \| \d+ \|$/gm), (match) => match[1] ?? "")

/** @param {string} message */
const fail = (message) => {
  console.error(message)
  process.exitCode = 1
}

const main = async () => {
  const files = (await fs.readdir(reports).catch(() => [])).filter((file) => file.endsWith(".json"))
  if (files.length === 0) {
    fail("there are no reports in .reports/laws: run the tests first")
    return
  }
  const all = await Promise.all(
    files.map(async (file) => JSON.parse(await fs.readFile(path.join(reports, file), "utf8")))
  )
  const subjects = all.map(({ subject }) => subject)
  const before = await fs.readFile(target, "utf8").catch(() => "")
  const lost = columns(before).filter((subject) => !subjects.includes(subject))
  const after = render(all)
  if (lost.length > 0) {
    fail(`docs/laws.md knows ${lost.join("; ")}, and no report does: run \`npm test\`, or delete the file first`)
  } else if (!process.argv.includes("--check")) {
    await fs.writeFile(target, after)
    console.log(`${path.relative(root, target)}: ${subjects.join("; ")}`)
  } else if (before !== after) {
    fail("docs/laws.md is not what the run gave: write it with `node scripts/laws.mjs`")
  }
}

if (process.argv[1] === import.meta.filename) await main()
