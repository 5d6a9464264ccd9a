// Removes what the scripts built; with --all also what they installed.
import { rmSync } from "node:fs"
import path from "node:path"
import { folders, root, tools } from "./lib/workspace.mjs"

const all = process.argv.includes("--all")
const doomed = [
  path.join(root, ".reports"),
  ...folders().map((folder) => path.join(folder, "dist")),
  path.join(root, "node_modules", ".cache"),
  ...(all ? [tools, path.join(root, ".brokers"), ...folders().map((folder) => path.join(folder, "node_modules"))] : [])
]
for (const folder of doomed) rmSync(folder, { recursive: true, force: true })
