/**
 * F14: what was stored, and its acknowledgement never came.
 */
import { Effect } from "effect"
import { until } from "../live.ts"
import type { Scenario } from "../scenario.ts"
import { inBothModes } from "./lab.ts"

const asserts = ["I1", "I2", "I3", "I4", "I5", "I7"] as const

const lost = [1, 5, 40].flatMap((count) =>
  inBothModes({
    id: "F14",
    name: `${count} lost ack${count === 1 ? "" : "s"}`,
    injects: `${count} acknowledgement${count === 1 ? "" : "s"} that the server has sent never come${
      count === 1 ? "s" : ""
    }, and the connection lives`,
    asserts,
    // Where every aggregate waits for a lost one, no later acknowledgement tells: the ack timeout does. And where all wait,
    // only answers to questions come, some nine in the time until the next try, and they are lost, too, until it is forty.
    longestGapMillis: count === 40 ? 20_000 : 5000,
    quick: count !== 40,
    proxied: true
  }, ({ proxy }) => ({
    inject: (live) =>
      Effect.gen(function*() {
        yield* live.busy()
        proxy.dropAcks(count)
        yield* until(() => proxy.dropped >= count, 30_000)
        if (proxy.dropped < count) live.violation(`I10: only ${proxy.dropped} acknowledgements were lost`)
        live.injected(proxy.dropped)
      })
  }))
)

const cutBehind = inBothModes({
  id: "F14",
  name: "cut behind a publish",
  injects: "the server reads a publish, its answer and the connection are lost; five times",
  asserts,
  longestGapMillis: 5000,
  quick: true,
  proxied: true
}, ({ proxy }) => ({
  inject: (live) =>
    Effect.gen(function*() {
      for (let i = 1; i <= 5; i++) {
        yield* live.busy(5)
        proxy.cutAfterPublish()
        yield* until(() => proxy.cutBehind >= i, 10_000)
        yield* live.acknowledged
      }
      live.injected(proxy.cutBehind)
    })
}))

export const scenarios: ReadonlyArray<Scenario> = [...lost, ...cutBehind]
