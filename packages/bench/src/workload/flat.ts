/**
 * One long run in a process of its own: does it slow down, how far does memory grow, what is left of it.
 */
import * as Publisher from "@effect-eventbus/core/Publisher"
import { Effect } from "effect"
import { type Alive, type Counted, Counter } from "../counting.ts"
import type { Counts } from "../figures.ts"
import { settleHeap, startSampling } from "../rss.ts"
import { type Elapsed, startStopwatch } from "../stopwatch.ts"
import { layer } from "./bus.ts"
import { section } from "./publishAsync.ts"
import { verify } from "./verify.ts"

const warmUp = 100_000
/** A run that is over in no time is repeated until so many messages have passed. */
const atLeast = 300_000

/** One run on a bus of its own. */
export interface Flat extends Elapsed {
  readonly messages: number
  readonly counts: Counts
  readonly rssGrowthMb: number
}

const round = (messages: number) =>
  Effect.gen(function*() {
    const publisher = yield* Publisher.Publisher
    const sampler = startSampling()
    const elapsed = startStopwatch()
    const outcome = yield* section(publisher, messages, (source) => source.envelope())
    const time = elapsed()
    const rssGrowthMb = sampler.stop()
    const counts = yield* verify(`${messages} messages`, messages, {
      acked: outcome.acked,
      failed: outcome.failed,
      unknown: outcome.unknown
    })
    const flat: Flat = { messages, ...time, counts, rssGrowthMb }
    return flat
  }).pipe(Effect.provide(layer()))

/**
 * So many messages through a new bus, once or more often, after a warm-up on another one and a collection. What is said
 * of memory is true of the first run: later ones find a heap that has grown already.
 */
export const flat = (messages: number) =>
  round(warmUp).pipe(
    Effect.andThen(settleHeap),
    Effect.andThen(Effect.forEach(Array.from({ length: Math.ceil(atLeast / messages) }), () => round(messages)))
  )

export interface PerMessage {
  readonly messages: number
  readonly counted: Counted
  readonly before: Alive
  readonly open: Alive
  readonly after: Alive
}

/** What so many messages take in fibers and timers, and what is left when the bus has closed. */
export const perMessage = (messages: number) => {
  const counter = new Counter()
  return counter.watch(Effect.gen(function*() {
    yield* round(1000)
    yield* settleHeap
    const before = counter.alive
    const [counted, open] = yield* Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const [, taken] = yield* counter.during(section(publisher, messages, (source) => source.envelope()))
      return [taken, counter.alive] as const
    }).pipe(Effect.provide(layer()))
    yield* settleHeap
    const result: PerMessage = { messages, counted, before, open, after: counter.alive }
    return result
  }))
}
