/**
 * `effect-kafka`, the Kafka library of Effect 3: in a folder of its own outside of the workspace (`peers/effect-kafka`),
 * installed when it is first needed, run as a process of its own.
 */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { promisify } from "node:util"
import { attempt, type Baseline, BaselineFailed } from "../baseline.ts"
import { prepare, type Prepared } from "../prepared.ts"
import { checked } from "./frame.ts"
import { fresh, topicCount } from "./topics.ts"

const run = promisify(execFile)

const folder = path.join(import.meta.dirname, "../../../peers/effect-kafka")
const pnpm = path.join(import.meta.dirname, "../../../../../scripts/pnpm.mjs")

/** Our own file: it pins what is installed. */
const pinned: Readonly<Record<string, string>> =
  JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).dependencies

const install = async (): Promise<void> => {
  if (existsSync(path.join(folder, "node_modules", "effect-kafka", "package.json"))) return
  await run(process.execPath, [
    pnpm,
    "install",
    "--ignore-workspace",
    "--frozen-lockfile",
    "--config.autoInstallPeers=false"
  ], { cwd: folder })
}

interface Answer {
  readonly messages: number
  readonly millis: number
  readonly cpuMillis: number
}

const isAnswer = (u: unknown): u is Answer =>
  typeof u === "object" && u !== null && "messages" in u && typeof u.messages === "number" && "millis" in u
  && typeof u.millis === "number" && "cpuMillis" in u && typeof u.cpuMillis === "number"

const lineOf = ({ body, headers, key, topic }: Prepared, topics: ReadonlyArray<string>): string =>
  JSON.stringify([topics[topic], key, Object.fromEntries(headers), body.toString()])

export const single = (
  bootstrap: ReadonlyArray<string>,
  engine: "kafkajs" | "platformatic",
  flying = 1000,
  share = 0.05
): Baseline => {
  const client = engine === "kafkajs" ? "kafkajs" : "@platformatic/kafka"
  const name = `effect-kafka on ${engine}, one send per message, ${flying.toLocaleString("en-US")} in flight`

  const inChild = (messages: ReadonlyArray<Prepared>, topics: ReadonlyArray<string>, warmUp: number) =>
    Effect.acquireUseRelease(
      attempt(name, () => mkdtemp(path.join(tmpdir(), "eventbus-peer-"))),
      (scratch) =>
        attempt(name, async () => {
          const file = path.join(scratch, "messages")
          await writeFile(file, messages.map((message) => lineOf(message, topics)).join("\n"))
          const { stdout } = await run(
            process.execPath,
            [path.join(folder, "main.mjs"), engine, bootstrap.join(","), file, String(flying), String(warmUp)]
          )
          const answer: unknown = JSON.parse(stdout)
          if (!isAnswer(answer)) throw new Error(`it printed ${stdout}`)
          return answer
        }),
      (scratch) => Effect.promise(() => rm(scratch, { recursive: true, force: true }))
    )

  const round = Effect.fnUntraced(function*(count: number) {
    const topics = yield* fresh(name, bootstrap)
    // The process is new in each round, so it warms up in each.
    const warmUp = Math.ceil(count / 4)
    const messages = prepare(count + warmUp, topicCount)
    const answer = yield* inChild(messages, topics, warmUp)
    if (answer.messages !== count) {
      return yield* new BaselineFailed({ baseline: name, cause: new Error(`it sent ${answer.messages} of ${count}`) })
    }
    const counts = yield* checked(name, bootstrap, topics, count + warmUp)
    return { ...answer, counts: { ...counts, acked: count } }
  })
  return {
    name,
    client: `effect-kafka ${pinned["effect-kafka"]}, ${client} ${pinned[client]}, effect ${pinned["effect"]}`,
    share,
    open: Effect.map(attempt(name, install), () => ({ run: (count) => Effect.scoped(round(count)) }))
  }
}
