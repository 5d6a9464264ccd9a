import { EventBus, Publisher, Topic } from "@effect-eventbus/core"
import { NatsBroker } from "@effect-eventbus/nats"
import { Effect, Layer } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import path from "node:path"
import { createInterface } from "node:readline"
import { afterEach, expect, test } from "vitest"
import { Moved } from "./fixtures/moved.ts"
import { url } from "./fixtures/server.ts"

interface Line {
  readonly at: number
  readonly member: number
  readonly what: string
  readonly partition: number
  readonly key: string
  readonly n: number
}

const children: Array<ChildProcess> = []

afterEach(() => {
  for (const child of children) child.kill("SIGKILL")
})

const member = (number: number, topic: string, lines: Array<Line>) =>
  new Promise<ChildProcess>((resolve) => {
    const file = path.join(import.meta.dirname, "fixtures/member.ts")
    const child = spawn(process.execPath, [file, url(), topic, "8", "5"], { stdio: ["ignore", "pipe", "inherit"] })
    children.push(child)
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [what = "", partition, key = "", n] = line.split(" ")
      if (what === "ready") resolve(child)
      else lines.push({ at: performance.now(), member: number, what, partition: Number(partition), key, n: Number(n) })
    })
  })

const sleep = (millis: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, millis)
  })

test(
  "two processes share 8 partitions, one is killed under load: nothing is lost, and every aggregate keeps its order",
  async () => {
    const name = `sharing.${Math.random().toString(36).slice(2, 8)}`
    const topic = Topic.make(name, { events: [Moved], partitions: 8 })
    let count = 0
    const load = { running: true }
    const lines: Array<Line> = []
    const publishing = Effect.runPromise(
      Effect.gen(function*() {
        const publisher = yield* Publisher.Publisher
        while (load.running) {
          const n = count++
          yield* publisher.publishAsync(topic, Moved.make({ key: `k${n % 256}`, n }))
          if (n % 20 === 0) yield* Effect.sleep(20)
        }
        yield* publisher.flush
      }).pipe(Effect.provide(EventBus.layer().pipe(Layer.provide(NatsBroker.layer({ servers: url() })))))
    )
    await sleep(300)
    const first = await member(1, name, lines)
    await sleep(1000)
    await member(2, name, lines)
    await sleep(4000)
    const since = performance.now() - 2000
    const shares = [1, 2].map((who) =>
      new Set(lines.filter((line) => line.member === who && line.at > since).map(({ partition }) => partition))
    )
    const killed = performance.now()
    const lost = shares[0] ?? new Set()
    first.kill("SIGKILL")
    await sleep(1000)
    load.running = false
    await publishing
    for (
      let i = 0;
      i < 200 && new Set(lines.filter(({ what }) => what === "done").map(({ n }) => n)).size < count;
      i++
    ) await sleep(100)

    const handOver = [...lost].map((partition) =>
      (lines.find((line) => line.member === 2 && line.partition === partition && line.at > killed)?.at ?? Infinity) -
      killed
    )
    console.info(
      `partitions: ${shares.map((share) => share.size).join(" and ")}; hand-over ${Math.round(Math.min(...handOver))}`
        + ` to ${Math.round(Math.max(...handOver))} ms after the kill`
    )
    expect(shares.map((share) => share.size)).toEqual([4, 4])
    expect(new Set(lines.filter(({ what }) => what === "done").map(({ n }) => n)).size).toBe(count)
    // The order in which events of an aggregate were handled for the first time, over both processes.
    const seen = new Map<string, number>()
    const handled = new Set<number>()
    const inversions: Array<Line> = []
    for (const line of lines) {
      if (line.what !== "start" || handled.has(line.n)) continue
      handled.add(line.n)
      if (line.n < (seen.get(line.key) ?? -1)) inversions.push(line)
      seen.set(line.key, line.n)
    }
    expect(inversions).toEqual([])
    expect(Math.max(...handOver)).toBeLessThan(12_000)
  },
  90_000
)
