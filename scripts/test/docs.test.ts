// What the documents show is compiled, and what the README shows is run.
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { assert, describe, it } from "vitest"

const root = path.resolve(import.meta.dirname, "../..")
const folder = path.join(root, ".reports", "docs")

interface Snippet {
  readonly from: string
  readonly code: string
}

/** The `ts` fences of a Markdown text. */
const fences = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/^```ts\n(.*?)^```/gms), (match) => match[1] ?? "")

const markdown = (file: string): ReadonlyArray<Snippet> =>
  fences(readFileSync(path.join(root, file), "utf8")).map((code) => ({ from: file, code }))

/** Complete examples in doc comments: those that import what they use. The others are fragments beside a signature. */
const docComments = (file: string): ReadonlyArray<Snippet> => {
  const text = readFileSync(path.join(root, file), "utf8")
  return Array.from(text.matchAll(/\/\*\*.*?\*\//gs), (match) => match[0].replaceAll(/^ *\* ?/gm, ""))
    .flatMap(fences)
    .filter((code) => /^import /m.test(code))
    .map((code) => ({ from: file, code }))
}

const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .toString()
  .split("\n")
const documents = tracked.filter((file) =>
  /^(README\.md|docs\/.*\.md|(packages|examples)\/[^/]+\/README\.md)$/.test(file)
)
const sources = tracked.filter((file) => /^packages\/[^/]+\/(src|testing)\/[^/]+\.ts$/.test(file))
const snippets = [...documents.flatMap(markdown), ...sources.flatMap(docComments)]

describe("documents", () => {
  it("every complete example type-checks", { timeout: 60_000 }, () => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    snippets.forEach(({ code, from }, i) =>
      writeFileSync(path.join(folder, `${String(i).padStart(2, "0")}.ts`), `// ${from}\n${code}\nexport {}\n`)
    )
    writeFileSync(
      path.join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.test.json",
        // the declarations of the broker clients do not pass exactOptionalPropertyTypes
        compilerOptions: { noUnusedLocals: false, skipLibCheck: true },
        include: ["*.ts"]
      })
    )
    const { status, stdout } = spawnSync(path.join(root, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" })
    const files = readdirSync(folder).filter((file) => file.endsWith(".ts"))
    assert.strictEqual(status, 0, `${stdout}\nof ${files.map((file, i) => `${file}: ${snippets[i]?.from}`).join(", ")}`)
    assert.isAbove(files.length, 0)
  })

  it("the README's example runs, and does what it says", { timeout: 60_000 }, () => {
    const [example] = markdown("README.md")
    assert.isDefined(example)
    mkdirSync(folder, { recursive: true })
    const file = path.join(folder, "readme.ts")
    writeFileSync(file, example.code)
    const { status, stderr, stdout } = spawnSync(process.execPath, [file], { encoding: "utf8" })
    rmSync(file)
    assert.strictEqual(status, 0, stderr)
    assert.strictEqual(stdout, "stored in partition 0 at 0\nbilled 10 for o-1\n")
  })

  it("links of the documents lead somewhere", () => {
    const broken = documents.flatMap((file) =>
      Array.from(
        readFileSync(path.join(root, file), "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/g),
        (match) => match[1] ?? ""
      )
        .filter((target) => {
          const at = path.join(path.dirname(file), target)
          return !tracked.some((known) => known === at || known.startsWith(`${at}/`))
        })
        .map((target) => `${file} -> ${target}`)
    )
    assert.deepStrictEqual(broken, [])
  })
})
