/**
 * What is kept of a round that broke: its history, what was read back, and what the broker's processes say. A fault that
 * shows once in a thousand rounds is understood from this, or not at all.
 */
import * as History from "@effect-eventbus/core/testing/History"
import type { Stored } from "@effect-eventbus/core/testing/ReadBack"
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { reports } from "./reports.ts"

export interface Broken {
  readonly topic: string
  readonly violations: ReadonlyArray<string>
  readonly entries: ReadonlyArray<History.Entry>
  readonly stored: ReadonlyArray<Stored>
}

const json = (value: unknown): string =>
  `${JSON.stringify(value, (_, inner: unknown) => typeof inner === "bigint" ? Number(inner) : inner)}\n`

/** Writes down what broke, in a folder of its own; returns the folder. */
export const keep = ({ entries, stored, topic, violations }: Broken): string => {
  const folder = path.join(reports, "broken", topic)
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, "violations.txt"), `${violations.join("\n")}\n`)
  writeFileSync(path.join(folder, "history.jsonl"), History.toJsonLines(entries))
  writeFileSync(path.join(folder, "stored.jsonl"), stored.map(json).join(""))
  return folder
}

/** One more file. */
export const add = (folder: string, name: string, value: unknown): void => {
  writeFileSync(path.join(folder, name), json(value))
}
