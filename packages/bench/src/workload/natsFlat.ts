/**
 * One long run over NATS in a process of its own: does it slow down, how far does memory grow.
 */
import { Effect } from "effect"
import { settleHeap } from "../rss.ts"
import type { Flat } from "./flat.ts"
import { asynchronous, onNats, type Way } from "./natsPublish.ts"

const warmUp = 50_000
/** A run that is over in no time is repeated until so many messages have passed. */
const atLeast = 30_000
/** The bus's own default bound. */
const pending = 8192

const round = (way: Way, messages: number, options: { readonly readsBack?: boolean; readonly rssBefore?: number }) =>
  Effect.map(
    onNats(`${messages} messages`, way, messages, asynchronous(pending), options),
    ({ counts, cpuMillis, millis, rssGrowthMb }): Flat => ({ messages, millis, cpuMillis, counts, rssGrowthMb })
  )

/**
 * So many messages, once or more often, after a warm-up. RSS grows from before the warm-up, which is not read back: what
 * the warm-up left behind counts, what verifying it would leave does not.
 */
export const natsFlat = Effect.fnUntraced(function*(way: Way, messages: number) {
  yield* settleHeap
  const rssBefore = process.memoryUsage.rss()
  yield* round(way, warmUp, { readsBack: false })
  yield* settleHeap
  // Only the first run knows: later ones find what reading back has left.
  const first = yield* round(way, messages, { rssBefore })
  const others = Array.from({ length: Math.ceil(atLeast / messages) - 1 })
  const more = yield* Effect.forEach(others, () => round(way, messages, {}))
  return [first, ...more]
})

/** What `child.ts` hands over. */
export const natsFlatOf = (task: {
  readonly mode: "auto" | "window"
  readonly messages: number
  readonly servers: ReadonlyArray<string>
}) => natsFlat({ servers: task.servers, mode: task.mode, order: "aggregate" }, task.messages)
