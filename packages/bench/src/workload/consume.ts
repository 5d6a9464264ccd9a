/**
 * Consuming what a broker holds: with handlers through the bus, and raw, as the driver's own consumer does it.
 *
 * The topic is filled before the clock starts. A round is over when the last record is handled and settled, and it is
 * sound when every event was handled once, in the order of its aggregate, and the group is behind by nothing.
 */
import * as Broker from "@effect-eventbus/core/Broker"
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import * as Publisher from "@effect-eventbus/core/Publisher"
import * as Subscriber from "@effect-eventbus/core/Subscriber"
import * as TopicAdmin from "@effect-eventbus/core/TopicAdmin"
import { Deferred, Effect, Layer } from "effect"
import { noCounts } from "../figures.ts"
import type { Measure } from "../rounds.ts"
import { type Elapsed, startStopwatch } from "../stopwatch.ts"
import { aggregatesTopic, OrderPlaced } from "./orders.ts"
import { Unsound } from "./verify.ts"

const group = "bench"

/** Envelopes over so many aggregates, numbered within each. */
const fill = Effect.fnUntraced(function*(messages: number, aggregates: number) {
  const publisher = yield* Publisher.Publisher
  for (let n = 0; n < messages; n++) {
    const orderId = `order-${n % aggregates}`
    yield* publisher.publishAsync(
      aggregatesTopic,
      OrderPlaced.make({ orderId, serial: Math.floor(n / aggregates), total: 1 })
    )
  }
  yield* publisher.flush
}, Effect.orDie)

/** Counts what is handled, and whether each aggregate's events come in order. */
class Tally {
  handled = 0
  violations = 0
  readonly #last = new Map<string, number>()

  note(orderId: string, serial: number): void {
    if (serial !== (this.#last.get(orderId) ?? -1) + 1) this.violations++
    this.#last.set(orderId, serial)
    this.handled++
  }
}

const layer = () => EventBus.layer().pipe(Layer.provideMerge(MemoryBroker.layer()), Layer.orDie)

const sampleOf = Effect.fnUntraced(function*(measure: string, messages: number, tally: Tally, time: Elapsed) {
  const admin = yield* TopicAdmin.TopicAdmin
  const { lag } = yield* Effect.orDie(admin.backlog(aggregatesTopic, group))
  if (tally.handled !== messages || tally.violations > 0 || lag > 0) {
    return yield* new Unsound({
      measure,
      problem: `${tally.handled} of ${messages} handled, ${tally.violations} out of order, ${lag} behind`
    })
  }
  return { messages, ...time, counts: { ...noCounts, acked: tally.handled } }
})

export interface Handling {
  readonly name: string
  readonly messages: number
  readonly concurrency: number
  readonly aggregates: number
  /** How long a handler takes; 0 is a handler that completes at once. */
  readonly millis: number
}

/** Handled and settled through `subscribe`. */
export const handlers = ({ aggregates, concurrency, messages, millis, name }: Handling): Measure<Unsound> => ({
  name,
  messages,
  round: (count) =>
    Effect.gen(function*() {
      yield* fill(count, aggregates)
      const subscriber = yield* Subscriber.Subscriber
      const tally = new Tally()
      const done = yield* Deferred.make<void>()
      const finish = Deferred.succeed(done, undefined)
      const time = yield* Effect.scoped(Effect.gen(function*() {
        const elapsed = startStopwatch()
        yield* Effect.orDie(subscriber.subscribe(aggregatesTopic, {
          group,
          concurrency,
          maxInFlight: 4096,
          handlers: {
            OrderPlaced: ({ payload }) => {
              const work = Effect.suspend(() => {
                tally.note(payload.orderId, payload.serial)
                return tally.handled === count ? finish : Effect.void
              })
              return millis === 0 ? work : Effect.andThen(Effect.sleep(millis), work)
            }
          }
        }))
        yield* Deferred.await(done)
        return elapsed()
      }))
      return yield* sampleOf(name, count, tally, time)
    }).pipe(Effect.provide(layer()))
})

const decoder = new TextDecoder()

/** The driver's consumer, polled and settled in chunks, each body parsed: no schema, no lanes, no handlers. */
export const raw = (messages: number, aggregates: number): Measure<Unsound> => ({
  name: "raw consumer: poll, JSON.parse, settle",
  messages,
  round: (count) =>
    Effect.gen(function*() {
      yield* fill(count, aggregates)
      const broker = yield* Broker.Broker
      const tally = new Tally()
      const time = yield* Effect.orDie(Effect.scoped(Effect.gen(function*() {
        const elapsed = startStopwatch()
        const consumer = yield* broker.consumer({
          topic: aggregatesTopic,
          group,
          from: "earliest",
          maxInFlight: 4096,
          maxInFlightBytes: 64 * 1024 * 1024,
          ackWaitMillis: 30_000
        })
        while (tally.handled < count) {
          const records = yield* consumer.poll(512)
          for (const { body } of records) {
            const { payload } = JSON.parse(decoder.decode(body))
            tally.note(payload.orderId, payload.serial)
          }
          yield* consumer.settle(records)
        }
        yield* consumer.flush
        return elapsed()
      })))
      return yield* sampleOf("raw consumer", count, tally, time)
    }).pipe(Effect.provide(layer()))
})
