// Where things are in this repository, and the versions that the root manifest pins.
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../..", import.meta.url))
export const tools = path.join(root, ".tools")
export const modules = path.join(root, "node_modules")
export const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))

/** The folders of the workspace, the root first. */
export const folders = () => [
  root,
  ...["packages", "examples"].flatMap((group) =>
    readdirSync(path.join(root, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.join(root, group, entry.name))
  )
]

/** The environment of a program of the workspace: its Node (not the shell script in .bin) and its commands come first. */
export const environment = () => ({
  ...process.env,
  PATH: [path.join(modules, "node", "bin"), path.join(modules, ".bin"), process.env["PATH"]].join(path.delimiter)
})
