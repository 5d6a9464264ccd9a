/**
 * `publishAsync` + ack: several fibers publish as fast as the window lets them, and each awaits every receipt.
 */
import type * as Publisher from "@effect-eventbus/core/Publisher"
import type { PublishError } from "@effect-eventbus/core/PublishError"
import type { Receipt } from "@effect-eventbus/core/Receipt"
import { Effect } from "effect"
import { Latency } from "../latency.ts"
import type { Measure } from "../rounds.ts"
import { type Done, measured } from "./bus.ts"
import { type OrderPlaced, orders, Source } from "./orders.ts"
import type { Unsound } from "./verify.ts"

export const publishers = 8

/** Receipts that a publisher has not looked at yet: 512 messages are in flight. */
const few = 64
/** More than the window takes: 8,192 messages are in flight, and the publishers wait for room. */
const many = 2048

/** Every so many messages the time to the acknowledgement is taken, by a fiber of its own. */
const sampleEvery = 101

const publishAll = Effect.fnUntraced(function*(
  publisher: Publisher.Publisher["Service"],
  topic: typeof orders,
  next: () => OrderPlaced,
  messages: number,
  ahead: number,
  latency: Latency | undefined
) {
  const receipts = new Array<Effect.Effect<Receipt, PublishError>>(ahead)
  let acked = 0
  for (let i = 0; i < messages; i++) {
    const slot = i % ahead
    if (i >= ahead) {
      yield* receipts[slot]!
      acked++
    }
    const receipt = yield* publisher.publishAsync(topic, next())
    receipts[slot] = receipt
    if (latency !== undefined && i % sampleEvery === 0) {
      const accepted = performance.now()
      yield* Effect.forkChild(
        Effect.flatMap(receipt, () => Effect.sync(() => latency.record(performance.now() - accepted))),
        { startImmediately: true }
      )
    }
  }
  for (let i = Math.max(0, messages - ahead); i < messages; i++) {
    yield* receipts[i % ahead]!
    acked++
  }
  return acked
})

/** Publishes so many messages from several fibers and awaits each receipt. Forks nothing else without `latency`. */
export const section = (
  publisher: Publisher.Publisher["Service"],
  messages: number,
  next: (source: Source) => OrderPlaced,
  ahead = few,
  latency?: Latency,
  topic: typeof orders = orders
): Effect.Effect<Done> => {
  const share = Math.ceil(messages / publishers)
  return Effect.forEach(
    Array.from({ length: publishers }, (_, i) => i),
    (i) => {
      const source = new Source(i, publishers)
      return publishAll(publisher, topic, () => next(source), Math.min(share, messages - i * share), ahead, latency)
    },
    { concurrency: "unbounded" }
  ).pipe(
    Effect.map((acked) => ({
      acked: acked.reduce((sum, count) => sum + count, 0),
      failed: 0,
      unknown: 0,
      publishToAck: latency
    })),
    Effect.orDie
  )
}

const workload = (
  name: string,
  messages: number,
  next: (source: Source) => OrderPlaced,
  ahead = few
): Measure<Unsound> => ({
  name,
  messages,
  round: (count) => measured(name, count, (publisher) => section(publisher, count, next, ahead, new Latency()))
})

export const publishAsync = (messages: number): Measure<Unsound> =>
  workload("publishAsync + ack", messages, (source) => source.envelope())

export const fullWindow = (messages: number): Measure<Unsound> =>
  workload("publishAsync + ack, window full", messages, (source) => source.envelope(), many)

export const makeAndPublish = (messages: number): Measure<Unsound> =>
  workload("Event.make, publishAsync + ack", messages, (source) => source.made())
