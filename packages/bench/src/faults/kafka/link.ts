/**
 * F12 and F13: connections that are reset, dead without a word, chopped; a link that is far or thin.
 */
import { Effect } from "effect"
import type { Invariant, Scenario } from "../scenario.ts"
import { lab, round } from "./lab.ts"

const asserts: ReadonlyArray<Invariant> = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I9"]

const reset: Scenario = {
  id: "F12",
  name: "connections reset, three times",
  injects: "RST on every connection with publishes under way, three times in 900 ms, while a group consumes",
  asserts,
  longestGapMillis: 8000,
  quick: true,
  run: Effect.flatMap(lab(), (own) =>
    round("f12r", own, (live) =>
      Effect.gen(function*() {
        for (let i = 0; i < 3; i++) {
          yield* live.busy()
          const before = own.proxy.cuts
          own.proxy.reset()
          live.injected(own.proxy.cuts - before)
          yield* Effect.sleep(300)
        }
        live.repaired()
      }), { through: true, groups: ["g"] }))
}

const dead: Scenario = {
  id: "F12",
  name: "connections dead without a word",
  injects: "nothing goes through what is connected, for ever, and nobody says so; new connections live",
  asserts,
  longestGapMillis: 15_000,
  quick: true,
  run: Effect.flatMap(lab(), (own) =>
    round("f12d", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        live.injected(own.proxy.kill())
        live.repaired()
        yield* live.acknowledged
      }), { through: true, groups: ["g"] }))
}

const sliced: Scenario = {
  id: "F12",
  name: "everything comes in small pieces",
  injects: "both ways in pieces of 100 bytes, for 3 s",
  asserts,
  longestGapMillis: 8000,
  quick: false,
  run: Effect.flatMap(lab(), (own) =>
    round("f12s", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy(1)
        const before = own.proxy.bytesToServer
        own.proxy.slice(100, 0)
        yield* Effect.sleep(3000)
        own.proxy.mend()
        live.injected(Math.floor((own.proxy.bytesToServer - before) / 100))
        live.repaired()
      }), { through: true, groups: ["g"], rate: 300 }))
}

const far: Scenario = {
  id: "F13",
  name: "300 +- 100 ms each way",
  injects: "300 ms, 100 more or less, each way for 5 s",
  asserts,
  longestGapMillis: 10_000,
  quick: false,
  run: Effect.flatMap(lab(), (own) =>
    round("f13f", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        const before = own.proxy.bytesToServer
        own.proxy.latency(300, 100)
        yield* Effect.sleep(5000)
        own.proxy.mend()
        if (own.proxy.bytesToServer > before) live.injected()
        live.repaired()
      }), { through: true, groups: ["g"] }))
}

const thin: Scenario = {
  id: "F13",
  name: "50 KB/s",
  injects: "each connection passes on 50 KB/s for 6 s, a fraction of what is published",
  asserts,
  longestGapMillis: 25_000,
  quick: false,
  run: Effect.flatMap(lab(), (own) =>
    round("f13t", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        const before = own.proxy.bytesToServer
        own.proxy.throttle(50_000)
        yield* Effect.sleep(6000)
        own.proxy.mend()
        if (own.proxy.bytesToServer > before) live.injected()
        live.repaired()
      }), { through: true, groups: ["g"], textBytes: 200 }))
}

export const scenarios: ReadonlyArray<Scenario> = [reset, dead, sliced, far, thin]
