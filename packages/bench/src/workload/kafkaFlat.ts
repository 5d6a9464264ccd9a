/**
 * One long run over Kafka in a process of its own: does it slow down, how far does memory grow.
 */
import { Effect } from "effect"
import { settleHeap } from "../rss.ts"
import type { Flat } from "./flat.ts"
import { asynchronous, onKafka } from "./kafkaPublish.ts"

const warmUp = 50_000
/** A run that is over in no time is repeated until so many messages have passed. */
const atLeast = 100_000
/** The bus's own default bound. */
const pending = 8192

const round = (bootstrap: ReadonlyArray<string>, messages: number) =>
  Effect.map(
    onKafka(`${messages} messages`, bootstrap, messages, asynchronous(pending)),
    ({ counts, cpuMillis, millis, rssGrowthMb }): Flat => ({ messages, millis, cpuMillis, counts, rssGrowthMb })
  )

/** As `flat` of the memory suite. */
export const kafkaFlat = (bootstrap: ReadonlyArray<string>, messages: number) =>
  round(bootstrap, warmUp).pipe(
    Effect.andThen(settleHeap),
    Effect.andThen(
      Effect.forEach(Array.from({ length: Math.ceil(atLeast / messages) }), () => round(bootstrap, messages))
    )
  )

/** What `child.ts` hands over. */
export const kafkaFlatOf = (task: { readonly messages: number; readonly bootstrap: ReadonlyArray<string> }) =>
  kafkaFlat(task.bootstrap, task.messages)
