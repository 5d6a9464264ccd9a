/**
 * F01, F02, F04, F05, F18: contention, a broker that is killed, away for long, paused.
 */
import { Effect } from "effect"
import { Api } from "../../proxy/kafka.ts"
import { collect } from "../heap.ts"
import type { Live } from "../live.ts"
import type { Invariant, Scenario } from "../scenario.ts"
import { type Lab, lab, promise, round } from "./lab.ts"

const publishing: ReadonlyArray<Invariant> = ["I1", "I2", "I3", "I4", "I5", "I6", "I7"]

const calm: Scenario = {
  id: "F01",
  name: "64 concurrent callers, one aggregate",
  injects: "64 fibers publish to one aggregate, through one idempotent producer",
  asserts: ["I1", "I2", "I4", "I5"],
  longestGapMillis: 5000,
  quick: true,
  run: Effect.flatMap(lab(), (own) =>
    round("f01", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        live.injected(64)
        yield* Effect.sleep(1000)
      }), { aggregates: 1, publishers: 64, rate: 3000 }))
}

/** Kills the broker with publishes under way, and starts it again. */
export const killAndRestart = (own: Lab, live: Live, millis: number) =>
  Effect.gen(function*() {
    yield* live.busy()
    yield* promise(() => own.node.kill())
    live.injected()
    yield* Effect.sleep(millis)
    yield* promise(() => own.node.start())
    live.repaired()
  })

const killed: Scenario = {
  id: "F02",
  name: "killed, restarted 1 s later",
  injects: "SIGKILL of the broker with publishes under way, started again after 1 s",
  asserts: publishing,
  // A JVM starts when the machine lets it; what counts is the recovery.
  longestGapMillis: 120_000,
  quick: true,
  run: Effect.flatMap(lab(), (own) => round("f02", own, (live) => killAndRestart(own, live, 1000)))
}

const megabyte = 1024 * 1024

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, one) => sum + one, 0) / values.length

/** The growth of this process in megabytes a minute, and how much it grew at most. */
const watchMemory = (live: Live, millis: number) =>
  Effect.gen(function*() {
    // What the first seconds allocate (errors, retries, buffers) is there to stay.
    const settle = Math.min(5000, millis / 3)
    yield* Effect.sleep(settle)
    const samples: Array<readonly [at: number, bytes: number]> = []
    const from = performance.now()
    while (performance.now() - from < millis - settle) {
      yield* collect
      samples.push([(performance.now() - from) / 60_000, process.memoryUsage().rss])
      yield* Effect.sleep(500)
    }
    const [x, y] = [mean(samples.map(([at]) => at)), mean(samples.map(([, bytes]) => bytes))]
    const slope = samples.reduce((sum, [at, bytes]) => sum + (at - x) * (bytes - y), 0)
      / samples.reduce((sum, [at]) => sum + (at - x) ** 2, 0)
    const growth = Math.max(...samples.map(([, bytes]) => bytes)) - (samples[0]?.[1] ?? 0)
    live.note("RSS slope MB/min", slope / megabyte)
    live.note("RSS growth in the outage MB", growth / megabyte)
    if (growth > 100 * megabyte) {
      live.violation(`I6: ${Math.round(growth / megabyte)} MB more after the first seconds of the outage`)
    }
  })

const outage: Scenario = {
  id: "F04",
  name: "away for 30 s",
  injects: "SIGKILL of the broker, started again after 30 s, with a full window and a delivery timeout of 12 s",
  asserts: publishing,
  longestGapMillis: 150_000,
  quick: false,
  alone: true,
  run: Effect.flatMap(lab(), (own) =>
    round("f04", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        yield* promise(() => own.node.kill())
        live.injected()
        yield* watchMemory(live, 30_000)
        yield* promise(() => own.node.start())
        live.repaired()
      }), { bus: { deliveryTimeout: "12 seconds" }, options: { sendTimeout: "8 seconds" } }))
}

const paused = (seconds: number, quick: boolean): Scenario => ({
  id: "F05",
  name: `paused for ${seconds} s`,
  injects: `SIGSTOP of the broker with publishes under way, SIGCONT after ${seconds} s`,
  asserts: publishing,
  longestGapMillis: seconds * 1000 + 15_000,
  quick,
  run: Effect.flatMap(lab(), (own) =>
    round("f05", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        own.node.signal("SIGSTOP")
        live.injected()
        yield* Effect.sleep(seconds * 1000)
        own.node.signal("SIGCONT")
        live.repaired()
      })))
})

const whileConsuming: Scenario = {
  id: "F18",
  name: "killed while a group consumes",
  injects: "SIGKILL of the broker with handlers running, started again after 1 s",
  asserts: [...publishing, "I9"],
  // A JVM starts when the machine lets it; what counts is the recovery.
  longestGapMillis: 120_000,
  quick: false,
  run: Effect.flatMap(
    lab(),
    (own) => round("f18", own, (live) => killAndRestart(own, live, 1000), { groups: ["g"], handle: Effect.sleep(2) })
  )
}

const heartbeatsMissed: Scenario = {
  id: "F18",
  name: "heartbeats go unanswered for longer than the session",
  injects: "every answer to a heartbeat is lost for 9 s, with a session of 6 s",
  asserts: [...publishing, "I9"],
  longestGapMillis: 30_000,
  quick: false,
  run: Effect.flatMap(lab(), (own) =>
    round("f18h", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        const before = own.proxy.dropped
        own.proxy.drop(Api.Heartbeat, 1_000_000)
        yield* Effect.sleep(9000)
        own.proxy.mend()
        live.injected(own.proxy.dropped - before)
        live.repaired()
      }), { through: true, groups: ["g"], handle: Effect.sleep(2) }))
}

export const scenarios: ReadonlyArray<Scenario> = [
  calm,
  killed,
  outage,
  paused(6, true),
  paused(12, false),
  whileConsuming,
  heartbeatsMissed
]
