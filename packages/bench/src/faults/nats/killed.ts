/**
 * F01 and F02: nothing goes wrong; the server is killed.
 */
import { Effect } from "effect"
import { runLoad } from "../load.ts"
import type { Scenario } from "../scenario.ts"
import { driver, lab, modes, observer, promise } from "./lab.ts"

/** No fault: the figure beside which the others are read. What is injected is contention. */
const calm = modes.map((mode): Scenario => ({
  id: "F01",
  name: "64 publishers, one aggregate",
  mode,
  injects: "64 fibers publish to one aggregate",
  asserts: ["I1", "I2", "I4", "I5"],
  longestGapMillis: 1000,
  quick: true,
  run: Effect.gen(function*() {
    const { cluster } = yield* lab()
    return yield* runLoad({
      name: `f01-${mode}`,
      broker: driver(cluster.url, mode),
      observer: observer(cluster.url),
      aggregates: 1,
      publishers: 64,
      rate: mode === "window" ? 1000 : 4000,
      inject: (live) =>
        Effect.gen(function*() {
          yield* live.busy()
          live.injected(64)
          yield* Effect.sleep(1000)
        })
    })
  })
}))

const killed = modes.map((mode): Scenario => ({
  id: "F02",
  name: "killed, restarted 1 s later",
  mode,
  injects: "SIGKILL of the server with publishes under way, started again after 1 s",
  asserts: ["I1", "I2", "I3", "I4", "I5", "I6", "I7"],
  longestGapMillis: 4000,
  quick: true,
  run: Effect.gen(function*() {
    const { cluster, node } = yield* lab()
    return yield* runLoad({
      name: `f02-${mode}`,
      broker: driver(cluster.url, mode),
      observer: observer(cluster.url),
      recoveryMillis: 2000,
      inject: (live) =>
        Effect.gen(function*() {
          yield* live.busy()
          yield* promise(() => node.kill())
          live.injected()
          yield* Effect.sleep(1000)
          yield* promise(() => node.start())
          live.repaired()
        })
    })
  })
}))

export const scenarios: ReadonlyArray<Scenario> = [...calm, ...killed]
