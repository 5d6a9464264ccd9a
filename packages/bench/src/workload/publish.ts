/**
 * `publish`, awaited: so many callers, each with one message at a time.
 */
import { Effect } from "effect"
import { Latency } from "../latency.ts"
import type { Measure } from "../rounds.ts"
import { measured } from "./bus.ts"
import { orders, Source } from "./orders.ts"
import type { Unsound } from "./verify.ts"

export const publish = (callers: number, messages: number): Measure<Unsound> => {
  const name = `publish awaited, ${callers.toLocaleString("en-US")} caller${callers === 1 ? "" : "s"}`
  return {
    name,
    messages,
    round: (count) =>
      measured(name, count, (publisher) => {
        const latency = new Latency()
        let left = count
        let acked = 0
        const caller = Effect.fnUntraced(function*(number: number) {
          const source = new Source(number, callers)
          while (left > 0) {
            left--
            const started = performance.now()
            yield* publisher.publish(orders, source.envelope())
            latency.record(performance.now() - started)
            acked++
          }
        })
        return Effect.forEach(Array.from({ length: callers }, (_, i) => i), caller, {
          concurrency: "unbounded",
          discard: true
        }).pipe(
          Effect.map(() => ({ acked, failed: 0, unknown: 0, publishToAck: latency })),
          Effect.orDie
        )
      })
  }
}
