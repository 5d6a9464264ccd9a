import { all, type Report } from "@effect-eventbus/core/testing/Laws"
import fs from "node:fs/promises"
import path from "node:path"

const folder = path.resolve(import.meta.dirname, "../.reports/laws")

/** Where `scripts/laws.mjs` finds it. A run of some laws only is no report. */
export const writeReport = async (report: Report): Promise<void> => {
  if (report.laws.length < all.length) return
  await fs.mkdir(folder, { recursive: true })
  await fs.writeFile(path.join(folder, `${report.subject}.json`), `${JSON.stringify(report, undefined, 2)}\n`)
}
