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

const round = (way: Way, messages: number) =>
  Effect.map(
    onNats(`${messages} messages`, way, messages, asynchronous(pending)),
    ({ counts, cpuMillis, millis, rssGrowthMb }): Flat => ({ messages, millis, cpuMillis, counts, rssGrowthMb })
  )

/** As `flat` of the memory suite. */
export const natsFlat = (way: Way, messages: number) =>
  round(way, warmUp).pipe(
    Effect.andThen(settleHeap),
    Effect.andThen(
      Effect.forEach(Array.from({ length: Math.ceil(atLeast / messages) }), () => round(way, messages))
    )
  )

/** What `child.ts` hands over. */
export const natsFlatOf = (task: {
  readonly mode: "auto" | "window"
  readonly messages: number
  readonly servers: ReadonlyArray<string>
}) => natsFlat({ servers: task.servers, mode: task.mode, order: "aggregate" }, task.messages)
