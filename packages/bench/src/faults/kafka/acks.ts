/**
 * F14: the broker has stored the records, and the client does not hear of it.
 */
import { Effect } from "effect"
import { Api } from "../../proxy/kafka.ts"
import type { Invariant, Scenario } from "../scenario.ts"
import { lab, round } from "./lab.ts"

const asserts: ReadonlyArray<Invariant> = ["I1", "I2", "I3", "I4", "I5", "I7"]

/** The client tries again under the same sequence numbers, so nothing may be stored twice. */
const lost = (times: number, quick: boolean): Scenario => ({
  id: "F14",
  name: `${times} lost ${times === 1 ? "acknowledgement" : "acknowledgements"}`,
  injects: `the next ${times} answers to Produce are dropped, one after the other`,
  asserts,
  longestGapMillis: 8000 + times * 1500,
  quick,
  run: Effect.flatMap(lab(), (own) =>
    round("f14", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        const before = own.proxy.dropped
        own.proxy.drop(Api.Produce, times)
        const end = performance.now() + 2000 + times * 2000
        while (own.proxy.dropped - before < times && performance.now() < end) yield* Effect.sleep(50)
        live.injected(own.proxy.dropped - before)
        live.repaired()
      }), { through: true, noDuplicates: true, options: { requestTimeout: "1 second" } }))
})

/** Longer than the client tries: it is told "unknown" by itself, and what is sent again has a new producer id. */
const all: Scenario = {
  id: "F14",
  name: "40 lost acknowledgements, the client gives up",
  injects: "the next 40 answers to Produce are dropped, with a send timeout of 2 s and a delivery timeout of 6 s",
  asserts,
  longestGapMillis: 60_000,
  quick: false,
  run: Effect.flatMap(lab(), (own) =>
    round("f14a", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        const before = own.proxy.dropped
        own.proxy.drop(Api.Produce, 40)
        const end = performance.now() + 25_000
        while (own.proxy.dropped - before < 40 && performance.now() < end) yield* Effect.sleep(50)
        own.proxy.mend()
        live.injected(own.proxy.dropped - before)
        live.repaired()
      }), {
      through: true,
      options: { requestTimeout: "500 millis", sendTimeout: "2 seconds" },
      bus: { deliveryTimeout: "6 seconds" }
    }))
}

const late: Scenario = {
  id: "F14",
  name: "acknowledgements 4 s late",
  injects: "every answer to Produce is held back for 4 s, longer than the client waits, for 6 s",
  asserts,
  longestGapMillis: 20_000,
  quick: false,
  run: Effect.flatMap(lab(), (own) =>
    round("f14l", own, (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        const before = own.proxy.late
        own.proxy.delay(Api.Produce, 4000)
        yield* Effect.sleep(6000)
        own.proxy.mend()
        live.injected(own.proxy.late - before)
        live.repaired()
      }), { through: true }))
}

export const scenarios: ReadonlyArray<Scenario> = [lost(1, true), lost(5, false), all, late]
