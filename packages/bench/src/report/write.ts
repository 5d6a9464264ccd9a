/**
 * `reports/` at the root of the workspace.
 */
import { Data, Effect } from "effect"
import { mkdir, rename, writeFile } from "node:fs/promises"
import path from "node:path"
import type { Report } from "./model.ts"
import { page } from "./page.ts"
import { targetsOf } from "./targets.ts"

export class NotWritten extends Data.TaggedError("NotWritten")<{ readonly cause: unknown }> {
  override get message(): string {
    return `the report could not be written: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

const workspace = path.resolve(import.meta.dirname, "../../../..")

export const folder = path.join(workspace, "reports")

/** Never half a file, where somebody is looking at the last one. */
const put = async (file: string, text: string): Promise<void> => {
  await writeFile(`${file}.part`, text)
  await rename(`${file}.part`, file)
}

export const write = (report: Report, into = folder): Effect.Effect<ReadonlyArray<string>, NotWritten> =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(into, { recursive: true })
      const files = { page: path.join(into, "bench.html"), data: path.join(into, "bench.json") }
      await put(files.page, page(report))
      await put(files.data, `${JSON.stringify({ ...report, targets: targetsOf(report) }, null, 1)}\n`)
      return [files.page, files.data].map((file) => path.relative(process.cwd(), file))
    },
    catch: (cause) => new NotWritten({ cause })
  })
