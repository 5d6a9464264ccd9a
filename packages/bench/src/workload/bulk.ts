/**
 * Many at once: `publishBatch`, and a stream through the bus.
 */
import * as PublishResult from "@effect-eventbus/core/PublishResult"
import { Effect, Stream } from "effect"
import type { Measure } from "../rounds.ts"
import { measured } from "./bus.ts"
import { type OrderPlaced, orders, Source } from "./orders.ts"
import type { Unsound } from "./verify.ts"

const batchSize = 500

const take = (source: Source, count: number): Array<OrderPlaced> =>
  Array.from({ length: count }, () => source.envelope())

export const publishBatch = (messages: number): Measure<Unsound> => {
  const name = `publishBatch of ${batchSize}`
  return {
    name,
    messages,
    round: (count) =>
      measured(
        name,
        count,
        Effect.fnUntraced(function*(publisher) {
          const source = new Source(0, 1)
          let acked = 0
          let failed = 0
          for (let left = count; left > 0; left -= batchSize) {
            const exits = yield* publisher.publishBatch(orders, take(source, Math.min(batchSize, left)))
            for (const exit of exits) {
              if (exit._tag === "Success") acked++
              else failed++
            }
          }
          return { acked, failed, unknown: 0 }
        })
      )
  }
}

export const through = (messages: number): Measure<Unsound> => {
  const name = "through, a stream"
  return {
    name,
    messages,
    round: (count) =>
      measured(
        name,
        count,
        Effect.fnUntraced(function*(publisher) {
          const source = new Source(0, 1)
          const counts = { acked: 0, failed: 0, unknown: 0 }
          const chunks = Array.from(
            { length: Math.ceil(count / batchSize) },
            (_, i) => Math.min(batchSize, count - i * batchSize)
          )
          yield* Stream.fromIterable(chunks).pipe(
            Stream.flatMap((size) => Stream.fromIterable(take(source, size))),
            publisher.through(orders),
            Stream.runForEachArray((results) =>
              Effect.sync(() => {
                for (const result of results) {
                  PublishResult.match(result, {
                    onAcked: () => counts.acked++,
                    onRejected: () => counts.failed++,
                    onUnknown: () => counts.unknown++
                  })
                }
              })
            )
          )
          return counts
        })
      )
  }
}
