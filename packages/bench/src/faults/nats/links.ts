/**
 * What happens to the link: it breaks (F12), it is slow (F13).
 */
import { Effect } from "effect"
import type { Scenario } from "../scenario.ts"
import { inBothModes } from "./lab.ts"

const asserts = ["I1", "I2", "I3", "I4", "I5", "I6", "I7"] as const

const reset = inBothModes({
  id: "F12",
  name: "connections reset",
  injects: "TCP reset with publishes under way, five times",
  asserts,
  longestGapMillis: 5000,
  quick: true,
  proxied: true
}, ({ proxy }) => ({
  inject: (live) =>
    Effect.gen(function*() {
      for (let i = 0; i < 5; i++) {
        yield* live.busy()
        const before = proxy.cuts
        proxy.reset()
        live.injected(proxy.cuts - before)
        // Back before the next one: the client waits its connect timeout where a connection dies in the handshake.
        yield* Effect.sleep(800)
        yield* live.acknowledged
      }
    })
}))

const halfOpen = inBothModes({
  id: "F12",
  name: "half-open",
  injects: "nothing goes through for 4 s and nobody says so, with a ping every second; then the connection is reset",
  asserts,
  longestGapMillis: 8000,
  quick: true,
  proxied: true,
  options: { pingInterval: "1 second" }
}, ({ proxy }) => ({
  inject: (live) =>
    Effect.gen(function*() {
      yield* live.busy()
      proxy.stall()
      live.injected()
      yield* Effect.sleep(4000)
      proxy.mend()
      live.repaired()
    })
}))

const limited = inBothModes({
  id: "F12",
  name: "connections end after 20 kB",
  injects: "every connection is reset after 20,000 bytes, in the middle of a message, for 3 s",
  asserts,
  longestGapMillis: 5000,
  quick: false,
  proxied: true
}, ({ proxy }) => ({
  rate: 1000,
  inject: (live) =>
    Effect.gen(function*() {
      const before = proxy.cuts
      proxy.limit(20_000)
      yield* Effect.sleep(3000)
      proxy.mend()
      live.injected(proxy.cuts - before)
      live.repaired()
    })
}))

const sliced = inBothModes({
  id: "F12",
  name: "sliced",
  injects: "bytes come in pieces of 17, in both directions, for 2 s",
  asserts,
  longestGapMillis: 5000,
  quick: false,
  proxied: true
}, ({ proxy }) => ({
  rate: 100,
  inject: (live) =>
    Effect.gen(function*() {
      proxy.slice(17, 0.1)
      const before = live.acked
      yield* Effect.sleep(2000)
      proxy.mend()
      live.injected(live.acked > before ? 1 : 0)
      live.repaired()
    })
}))

const late = inBothModes({
  id: "F13",
  name: "300 ± 100 ms each way",
  injects: "each direction is late by 200 to 400 ms, for 5 s",
  asserts,
  longestGapMillis: 5000,
  quick: false,
  proxied: true
}, ({ proxy }) => ({
  inject: (live) =>
    Effect.gen(function*() {
      yield* live.busy()
      proxy.latency(300, 100)
      live.injected()
      yield* Effect.sleep(5000)
      proxy.mend()
      live.repaired()
    })
}))

const kilobyte = 1000

/** The naive protocol stays stuck for ever with 2,000 and 8,000: it resends what is still on its way. */
const slow = [200, 2000, 8000].flatMap((window) =>
  inBothModes({
    id: "F13",
    name: `50 kB/s, ${window} unsettled`,
    injects: `a link of 50 kB/s for 12 s, with a window of ${window}: it has to drain, and nothing may be sent twice`,
    asserts,
    longestGapMillis: 14_000,
    quick: window === 2000,
    proxied: true
  }, ({ proxy }) => ({
    bus: { maxPending: window, deliveryTimeout: "2 minutes" },
    rate: 20_000,
    inject: (live) =>
      Effect.gen(function*() {
        yield* live.busy(Math.min(150, window - 10))
        const before = yield* live.publisher.totals
        const from = proxy.bytesToServer
        const acked = live.acked
        proxy.throttle(50 * kilobyte)
        live.injected()
        yield* Effect.sleep(12_000)
        const after = yield* live.publisher.totals
        live.note("acked on it", live.acked - acked)
        live.note("sent kB", (proxy.bytesToServer - from) / kilobyte)
        live.note("resent", after.resent - before.resent)
        if (after.resent - before.resent > 50) {
          live.violation(`I6: ${after.resent - before.resent} resent on a slow link`)
        }
        if (live.acked - acked < 100) {
          live.violation(`I7: only ${live.acked - acked} acknowledged in 12 s on a slow link`)
        }
        proxy.mend()
        live.repaired()
      })
  }))
)

/** After the cut everything in the window has to be asked for before it is sent: on this link that takes its time. */
const slowAndCut = inBothModes({
  id: "F13",
  name: "50 kB/s, 4000 unsettled, then a cut",
  injects: "a link of 50 kB/s for 20 s, with a window of 4,000, whose connection is reset after 4 s: it has to go on",
  asserts,
  longestGapMillis: 20_000,
  quick: false,
  proxied: true
}, ({ proxy }) => ({
  bus: { maxPending: 4000, deliveryTimeout: "2 minutes" },
  rate: 20_000,
  inject: (live) =>
    Effect.gen(function*() {
      yield* live.busy(150)
      proxy.throttle(50 * kilobyte)
      yield* Effect.sleep(4000)
      const before = proxy.cuts
      proxy.reset()
      live.injected(proxy.cuts - before)
      const acked = live.acked
      yield* Effect.sleep(16_000)
      live.note("acked after the cut", live.acked - acked)
      if (live.acked - acked < 100) live.violation(`I7: only ${live.acked - acked} acknowledged in 16 s after the cut`)
      proxy.mend()
      live.repaired()
    })
}))

export const scenarios: ReadonlyArray<Scenario> = [
  ...reset,
  ...halfOpen,
  ...limited,
  ...sliced,
  ...late,
  ...slow,
  ...slowAndCut
]
