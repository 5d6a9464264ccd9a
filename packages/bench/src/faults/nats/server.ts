/**
 * What happens to one server: nothing (F01), it is killed (F02), it is away for long (F04), it stops (F05).
 */
import { Effect } from "effect"
import type { Live } from "../live.ts"
import type { Scenario } from "../scenario.ts"
import { inBothModes, type Lab, promise } from "./lab.ts"

/** Killed with publishes under way, and started again later. */
const outage = (live: Live, { node }: Lab, millis: number) =>
  Effect.gen(function*() {
    yield* live.busy()
    yield* promise(() => node.kill())
    live.injected()
    yield* Effect.sleep(millis)
    yield* promise(() => node.start())
    live.repaired()
  })

const contention = inBothModes({
  id: "F01",
  name: "64 publishers, one aggregate",
  injects: "64 fibers publish to one aggregate; nothing goes wrong",
  asserts: ["I1", "I2", "I4", "I5"],
  longestGapMillis: 5000,
  quick: true
}, (_, mode) => ({
  aggregates: 1,
  publishers: 64,
  rate: mode === "window" ? 1000 : 4000,
  inject: (live) =>
    Effect.gen(function*() {
      yield* live.busy()
      live.injected(64)
      yield* Effect.sleep(1000)
    })
}))

const killed = inBothModes({
  id: "F02",
  name: "killed, restarted 1 s later",
  injects:
    "SIGKILL of the server with publishes under way, started again after 1 s; at most 2 s to the next acknowledgement",
  asserts: ["I1", "I2", "I3", "I4", "I5", "I6", "I7"],
  longestGapMillis: 5000,
  quick: true
}, (lab) => ({ recoveryMillis: 2000, inject: (live) => outage(live, lab, 1000) }))

/** RSS may grow by so much while the server is away. */
const budgetMb = 64
const megabyte = 1024 * 1024

const long = inBothModes({
  id: "F04",
  name: "away for 30 s",
  injects: "SIGKILL, started again after 30 s: longer than the delivery deadline of what was pending",
  asserts: ["I1", "I2", "I3", "I4", "I5", "I6", "I7"],
  longestGapMillis: 36_000,
  quick: false,
  alone: true
}, (lab) => ({
  recoveryMillis: 3000,
  inject: (live) =>
    Effect.gen(function*() {
      // What the load itself keeps does not grow while nobody is acknowledged: the window is full after a moment.
      const samples: Array<number> = []
      const sampling = Effect.forever(Effect.andThen(
        Effect.sync(() => {
          globalThis.gc?.()
          samples.push(process.memoryUsage.rss() / megabyte)
        }),
        Effect.sleep(500)
      ))
      yield* Effect.raceFirst(outage(live, lab, 30_000), sampling)
      const settled = samples.slice(4)
      const growth = (settled.at(-1) ?? 0) - (settled[0] ?? 0)
      live.note("RSS growth MB", Math.max(0, growth))
      if (growth > budgetMb) {
        live.violation(`I6: RSS grew by ${Math.round(growth)} MB in the outage, at most ${budgetMb}`)
      }
    })
}))

const stopped = [6, 12].flatMap((seconds) =>
  inBothModes({
    id: "F05",
    name: `stopped for ${seconds} s`,
    injects: `SIGSTOP with publishes under way, SIGCONT after ${seconds} s: what was sent is stored late`,
    asserts: ["I1", "I2", "I3", "I4", "I5", "I6", "I7"],
    longestGapMillis: seconds * 1000 + 4000,
    quick: seconds === 6
  }, ({ node }) => ({
    recoveryMillis: 3000,
    inject: (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        node.signal("SIGSTOP")
        live.injected()
        yield* Effect.sleep(seconds * 1000)
        node.signal("SIGCONT")
        live.repaired()
      })
  }))
)

const whileConsuming = inBothModes({
  id: "F18",
  name: "killed while a group consumes",
  injects: "SIGKILL of the server with handlers and publishes under way, started again after 1 s",
  asserts: ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I9"],
  longestGapMillis: 5000,
  quick: true
}, (lab) => ({
  groups: ["g"],
  handle: Effect.sleep(2),
  recoveryMillis: 3000,
  rate: 1000,
  inject: (live) => outage(live, lab, 1000)
}))

export const scenarios: ReadonlyArray<Scenario> = [...contention, ...killed, ...long, ...stopped, ...whileConsuming]
