// Brings in pnpm, then with it the packages and the Node of the workspace, unless they are there already.
//
// A stamp in node_modules, written last, says for which manifests and lockfile the installation is complete. Without
// it, or when a piece is missing, everything is installed again; pnpm keeps what it finds sound.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { withLock } from "./lock.mjs"
import { endAs, supervise } from "./supervise.mjs"
import { folders, manifest, modules, root, tools } from "./workspace.mjs"

const node = path.join(modules, "node", "bin", "node")
const stamp = path.join(modules, ".bootstrap")
const [, pnpmVersion = "", pnpmHash = ""] = /^pnpm@([\d.]+)\+sha512\.([0-9a-f]+)$/.exec(manifest.packageManager) ?? []
export const pnpm = path.join(tools, `pnpm-${pnpmVersion}`, "node_modules", "pnpm", "bin", "pnpm.cjs")

const inputs = () =>
  [
    ...folders().map((folder) => path.join(folder, "package.json")),
    ...["pnpm-lock.yaml", "pnpm-workspace.yaml"].map((name) => path.join(root, name))
  ].filter((file) => existsSync(file))

const fingerprint = () => {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\0`)
  for (const file of inputs()) {
    hash.update(path.relative(root, file)).update("\0").update(readFileSync(file)).update("\0")
  }
  return hash.digest("hex")
}

/** @param {string} folder */
const hasModules = (folder) => {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(
    readFileSync(path.join(folder, "package.json"), "utf8")
  )
  return Object.keys({ ...dependencies, ...devDependencies }).every((name) =>
    existsSync(path.join(folder, "node_modules", name, "package.json"))
  )
}

const isComplete = () => {
  try {
    return readFileSync(stamp, "utf8") === fingerprint() && existsSync(node) && folders().every(hasModules)
  } catch {
    return false
  }
}

/** npm tells its scripts how it was called; the package managers started from here must not take that for theirs. */
const ofTheCaller = /^npm_config_(loglevel|local_prefix|global_prefix|prefix)$/i

/**
 * Runs a package manager to its end; its stdout goes to our stderr.
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {string} cwd
 * @returns {Promise<boolean>} whether it succeeded
 */
const run = async (command, args, cwd) => {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofTheCaller.test(name)))
  const ending = await supervise(command, args, { cwd, env, stdio: ["ignore", 2, 2] })
  if (ending.received !== null) endAs({ code: null, signal: ending.received })
  return ending.code === 0
}

/** @param {string} line */
const say = (line) => process.stderr.write(`bootstrap: ${line}\n`)

const unreachable = "is the npm registry reachable? (`npm config get registry` names it, `npm ping` tries it)"

const fetchPnpm = async () => {
  if (existsSync(pnpm)) return
  say(`fetching pnpm ${pnpmVersion}`)
  const scratch = path.join(tools, "fetch")
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch)
  writeFileSync(path.join(scratch, "package.json"), JSON.stringify({ private: true }))
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--loglevel=error"]
  const patience = [
    "--fetch-timeout=60000",
    "--fetch-retries=3",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=8000"
  ]
  if (!(await run("npm", ["install", `pnpm@${pnpmVersion}`, "--save-exact", ...quiet, ...patience], scratch))) {
    throw new Error(`npm could not fetch pnpm ${pnpmVersion}: ${unreachable}`)
  }
  const lock = JSON.parse(readFileSync(path.join(scratch, "node_modules", ".package-lock.json"), "utf8"))
  const integrity = `sha512-${Buffer.from(pnpmHash, "hex").toString("base64")}`
  if (lock.packages["node_modules/pnpm"].integrity !== integrity) {
    throw new Error(`pnpm ${pnpmVersion} is not the one that package.json names (packageManager)`)
  }
  const target = path.join(tools, `pnpm-${pnpmVersion}`)
  rmSync(target, { recursive: true, force: true })
  renameSync(scratch, target)
}

const nodeWorks = () =>
  spawnSync(node, ["--version"], { encoding: "utf8" }).stdout?.trim() === `v${manifest.devDependencies.node}`

const installPackages = async () => {
  const args = [pnpm, "install", "--frozen-lockfile", "--reporter=append-only", "--loglevel=error"]
  if (await run(process.execPath, args, root)) return
  throw new Error(
    `pnpm could not install the packages. Does the lockfile fit (npm run pnpm -- install)? Otherwise: ${unreachable}`
  )
}

const installAll = async () => {
  const started = performance.now()
  await fetchPnpm()
  rmSync(stamp, { force: true })
  say("installing packages")
  await installPackages()
  if (!nodeWorks()) {
    say("an earlier installation was left broken: once more from nothing")
    for (const folder of folders()) rmSync(path.join(folder, "node_modules"), { recursive: true, force: true })
    await installPackages()
    if (!nodeWorks()) throw new Error(`${node} does not run, or is not ${manifest.devDependencies.node}`)
  }
  writeFileSync(stamp, fingerprint())
  say(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)
}

/** @param {() => Promise<void>} use */
const alone = (use) => {
  mkdirSync(tools, { recursive: true })
  return withLock(
    path.join(tools, "lock"),
    { onWait: (pid) => say(`waiting for process ${pid}, which is installing`) },
    use
  )
}

/** Brings in pnpm alone. */
export const installPnpm = () => alone(fetchPnpm)

/** @returns {Promise<string>} the workspace's Node */
export const install = async () => {
  if (!isComplete()) {
    await alone(async () => {
      if (!isComplete()) await installAll()
    })
  }
  return realpathSync(node)
}
