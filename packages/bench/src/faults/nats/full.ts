/**
 * F17: there is no more room: the stream's limit, the disk.
 */
import { Effect, Exit } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { runDirect } from "../direct.ts"
import { type Live, until } from "../live.ts"
import { runLoad } from "../load.ts"
import { Moved } from "../moved.ts"
import type { Scenario } from "../scenario.ts"
import { api, makeStream, streamOf } from "./api.ts"
import { driver, lab, modes, observer, promise } from "./lab.ts"

/** Publishes until something is refused, and returns why. */
const fill = Effect.fnUntraced(function*(live: Live) {
  for (let n = 0; n < 2000; n++) {
    const event = Moved.make({ key: `k${n % 5}`, n, text: "x".repeat(2000) }, { eventId: `${live.topic.name}-${n}` })
    const told = yield* Effect.flatten(live.history.publish(live.publisher, live.topic, event))
    if (Exit.isFailure(told)) {
      const failure = told.cause.reasons.find((reason) => reason._tag === "Fail")
      return failure?.error
    }
  }
  return undefined
})

const stream = modes.map((mode): Scenario => ({
  id: "F17",
  name: "stream full",
  mode,
  injects: "a stream of 200 kB that refuses when it is full; later it gets room",
  asserts: ["I1", "I2", "I3", "I4", "I5", "I7"],
  longestGapMillis: 15_000,
  quick: true,
  run: Effect.gen(function*() {
    const { cluster } = yield* lab()
    return yield* runDirect({
      name: `f17-${mode}`,
      broker: driver(cluster.url, mode),
      observer: observer(cluster.url),
      bus: { deliveryTimeout: "2 seconds" },
      run: (live) =>
        Effect.gen(function*() {
          yield* makeStream(cluster.url, live.topic.name, { max_bytes: 200_000 })
          const refused = yield* fill(live)
          if (refused === undefined) return
          live.injected()
          // It is tried again until the deadline, because room may come back; the message says what was wrong.
          const said = `${refused.outcome} ${refused.reason._tag}: ${refused.reason.message}`
          if (refused.outcome !== "rejected" || !/maximum bytes|Refused/.test(said)) {
            live.violation(`I3: a full stream is told as ${said}`)
          }
          // A publish that waits for room, and gets it.
          const waiting = yield* live.history.publish(
            live.publisher,
            live.topic,
            Moved.make({ key: "k0", n: 5000, text: "x".repeat(2000) }, { eventId: `${live.topic.name}-waiting` })
          )
          yield* Effect.sleep(300)
          const name = streamOf(live.topic.name)
          const { config } = yield* api<{ readonly config: object }>(cluster.url, `STREAM.INFO.${name}`)
          const started = performance.now()
          yield* api(cluster.url, `STREAM.UPDATE.${name}`, { ...config, max_bytes: 10_000_000 })
          if (Exit.isFailure(yield* waiting)) live.violation("I7: a publish that waited for room was not acknowledged")
          live.note("recovery ms", performance.now() - started)
        })
    })
  })
}))

const mount = (folder: string): string | undefined => {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], { stdio: "ignore" })
    return undefined
  } catch {
    return "a file system of 24 MB cannot be mounted here: it needs root"
  }
}

const unmount = (folder: string): void => {
  try {
    execFileSync("umount", ["-l", folder], { stdio: "ignore" })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const scratch = (): string => mkdtempSync(path.join(os.tmpdir(), "eventbus-full-"))

/** Whether a small file system can be had, asked once. */
const noDisk = ((): string | undefined => {
  const folder = scratch()
  const problem = mount(folder)
  if (problem === undefined) unmount(folder)
  else rmSync(folder, { recursive: true, force: true })
  return problem
})()

/** Fills what is free. */
const fillDisk = (file: string): void => {
  try {
    execFileSync("dd", ["if=/dev/zero", `of=${file}`, "bs=64k"], { stdio: "ignore" })
  } catch {
    // It ends with "no space left": that is what it is for.
  }
}

const disk = modes.map((mode): Scenario => ({
  id: "F17",
  name: "disk full",
  mode,
  leftOut: noDisk,
  injects: "a server on a file system of 24 MB, which others fill; they go, and the server is started again",
  asserts: ["I1", "I2", "I3", "I4", "I5", "I6", "I7"],
  longestGapMillis: 40_000,
  quick: false,
  run: Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const made = scratch()
        mount(made)
        return made
      }),
      (made) => Effect.sync(() => unmount(made))
    )
    const { cluster, node } = yield* lab({ folder })
    const ballast = path.join(folder, "ballast")
    return yield* runLoad({
      name: `f17d-${mode}`,
      broker: driver(cluster.url, mode),
      observer: observer(cluster.url),
      textBytes: 4000,
      rate: 1000,
      bus: { maxPending: 256, deliveryTimeout: "10 seconds" },
      inject: (live) =>
        Effect.gen(function*() {
          yield* live.busy()
          fillDisk(ballast)
          let acked = -1
          // Full when nothing was acknowledged for two seconds.
          const still = () => {
            const same = acked === live.acked
            acked = live.acked
            return same
          }
          if (yield* until(still, 20_000, 2000)) live.injected()
          rmSync(ballast, { force: true })
          // nats-server has given up its storage, and takes it up again when it is started again.
          yield* promise(() => node.stop())
          yield* promise(() => node.start())
          live.repaired()
        })
    })
  })
}))

export const scenarios: ReadonlyArray<Scenario> = [...stream, ...disk]
