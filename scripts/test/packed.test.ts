// What would be published: the compiled packages, by their own exports, in a project that has nothing of this one.
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const root = path.resolve(import.meta.dirname, "../..")
const packages = ["core", "nats", "kafka"]
const project = mkdtempSync(path.join(tmpdir(), "eventbus-packed-"))
const modules = path.join(project, "node_modules")
const scope = path.join(modules, "@effect-eventbus")

const run = (command: string, ...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(command, args, { cwd: project, encoding: "utf8" })
  return { status, stdout, said: stdout + stderr }
}

/** What a package of the workspace has installed, for its packed twin. */
const link = (from: string, name: string): void => {
  const target = path.join(modules, name)
  mkdirSync(path.dirname(target), { recursive: true })
  rmSync(target, { force: true })
  symlinkSync(path.join(root, "packages", from, "node_modules", name), target)
}

/** The entry points that the manifest of a package promises, as its users write them. */
const entryPoints = (name: string): ReadonlyArray<string> => {
  const folder = path.join(scope, name, "dist")
  const modulesOf = (part: string, prefix: string) =>
    readdirSync(path.join(folder, part))
      .filter((file) => /^[A-Z]\w*\.js$/.test(file))
      .map((file) => `@effect-eventbus/${name}/${prefix}${path.basename(file, ".js")}`)
  return [
    `@effect-eventbus/${name}`,
    ...modulesOf("src", ""),
    ...(name === "core" ? ["@effect-eventbus/core/testing", ...modulesOf("testing", "testing/")] : [])
  ]
}

beforeAll(() => {
  mkdirSync(scope, { recursive: true })
  const { pnpm }: { readonly pnpm: string } = JSON.parse(
    execFileSync(process.execPath, [
      "--input-type=module",
      "-e",
      `import { pnpm } from ${JSON.stringify(path.join(root, "scripts/lib/install.mjs"))}
       console.log(JSON.stringify({ pnpm }))`
    ], { encoding: "utf8" })
  )
  execFileSync(path.join(root, "node_modules/.bin/tsc"), ["-b", "tsconfig.packages.json"], { cwd: root })
  for (const name of packages) {
    const folder = path.join(root, "packages", name)
    execFileSync(process.execPath, [pnpm, "pack", "--pack-destination", project], { cwd: folder })
    const archive = readdirSync(project).find((file) => file.startsWith(`effect-eventbus-${name}-`))
    assert.isDefined(archive)
    execFileSync("tar", ["-xzf", archive], { cwd: project })
    cpSync(path.join(project, "package"), path.join(scope, name), { recursive: true })
    rmSync(path.join(project, "package"), { recursive: true })
    const { dependencies = {} }: { readonly dependencies?: Readonly<Record<string, string>> } = JSON.parse(
      readFileSync(path.join(scope, name, "package.json"), "utf8")
    )
    for (const dependency of Object.keys(dependencies)) link(name, dependency)
    link(name, "effect")
  }
  link("kafka", "kafkajs")
  for (const shared of ["vitest", "@types/node"]) {
    mkdirSync(path.join(modules, path.dirname(shared)), { recursive: true })
    symlinkSync(path.join(root, "node_modules", shared), path.join(modules, shared))
  }
  writeFileSync(path.join(project, "package.json"), JSON.stringify({ private: true, type: "module" }))
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

describe("the packed packages", () => {
  it.each(packages)("%s: every entry point loads, and what is internal does not", { timeout: 60_000 }, (name) => {
    const wanted = entryPoints(name)
    assert.isAbove(wanted.length, 1)
    // The laws want to be in a test runner; they are type-checked below.
    const loaded = wanted.filter((entry) => !entry.startsWith("@effect-eventbus/core/testing"))
    writeFileSync(
      path.join(project, "load.mjs"),
      `for (const entry of ${JSON.stringify(loaded)}) await import(entry)
      await import("@effect-eventbus/${name}/internal/errors.js").then(
        () => { throw new Error("internal modules are open") },
        (error) => { if (error.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw error }
      )`
    )
    const { said, status } = run(process.execPath, "load.mjs")
    assert.strictEqual(status, 0, said)
  })

  it("their types hold in a strict project", { timeout: 60_000 }, () => {
    const entries = packages.flatMap(entryPoints)
    const uses = entries.map((entry, i) => `import * as m${i} from "${entry}"\nvoid m${i}\n`).join("")
    writeFileSync(path.join(project, "types.ts"), `${uses}export {}\n`)
    writeFileSync(
      path.join(project, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          module: "NodeNext",
          target: "ES2024",
          lib: ["ES2024", "ESNext.Disposable", "DOM"],
          types: ["node"],
          noEmit: true,
          // the declarations of the broker clients do not pass exactOptionalPropertyTypes
          skipLibCheck: true
        },
        include: ["types.ts"]
      })
    )
    const { said, status } = run(path.join(root, "node_modules/.bin/tsc"), "-p", "tsconfig.json")
    assert.strictEqual(status, 0, said)
  })

  it("a program on them publishes", { timeout: 60_000 }, () => {
    writeFileSync(
      path.join(project, "publish.mjs"),
      `import { Event, EventBus, MemoryBroker, Publisher, Topic } from "@effect-eventbus/core"
      import { Effect, Layer, Schema } from "effect"
      const Noted = Event.make("Noted", {
        version: 1,
        payload: Schema.Struct({ id: Schema.String }),
        aggregateId: ({ id }) => id
      })
      const Notes = Topic.make("notes", { events: [Noted] })
      const publish = Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        return yield* publisher.publish(Notes, Noted.make({ id: "n-1" }))
      })
      const Bus = EventBus.layer().pipe(Layer.provide(MemoryBroker.layer()))
      console.log((await Effect.runPromise(Effect.provide(publish, Bus))).offset)`
    )
    const { said, stdout } = run(process.execPath, "publish.mjs")
    assert.strictEqual(stdout, "0n\n", said)
  })
})
