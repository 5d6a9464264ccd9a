/**
 * `publish`, awaited: so many callers, each with one message at a time.
 */
import type * as Publisher from "@effect-eventbus/core/Publisher"
import { Effect } from "effect"
import { Latency } from "../latency.ts"
import type { Measure } from "../rounds.ts"
import { type Done, measured } from "./bus.ts"
import { orders, Source } from "./orders.ts"
import type { Unsound } from "./verify.ts"

/** So many callers, each of whom awaits each receipt, until `messages` are acknowledged. */
export const callersSection = (
  publisher: Publisher.Publisher["Service"],
  callers: number,
  messages: number,
  topic: typeof orders = orders
): Effect.Effect<Done> => {
  const latency = new Latency()
  let left = messages
  let acked = 0
  const caller = Effect.fnUntraced(function*(number: number) {
    const source = new Source(number, callers)
    while (left > 0) {
      left--
      const envelope = source.envelope()
      const started = performance.now()
      yield* publisher.publish(topic, envelope)
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
}

export const callersName = (callers: number): string =>
  `publish awaited, ${callers.toLocaleString("en-US")} caller${callers === 1 ? "" : "s"}`

export const publish = (callers: number, messages: number): Measure<Unsound> => ({
  name: callersName(callers),
  messages,
  round: (count) => measured(callersName(callers), count, (publisher) => callersSection(publisher, callers, count))
})
