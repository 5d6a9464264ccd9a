/**
 * What is published: orders of about 300 bytes with every header of the wire.
 *
 * Each publisher has aggregates of its own and numbers the events of each, so that order, gaps and duplicates can be
 * read off what the broker stored.
 */
import * as Event from "@effect-eventbus/core/Event"
import * as Topic from "@effect-eventbus/core/Topic"
import { Schema } from "effect"

export const OrderPlaced = Event.make("OrderPlaced", {
  version: 1,
  payload: Schema.Struct({
    orderId: Schema.String,
    /** Counts the events of this order, from 0. */
    serial: Schema.Int,
    total: Schema.Finite
  }),
  aggregateId: (order) => order.orderId
})

export type OrderPlaced = Event.EnvelopeOf<typeof OrderPlaced>
type Payload = OrderPlaced["payload"]

/** Records that a topic of the bench keeps; the default of the memory broker would keep, and then refuse, a million. */
export const retention = 100_000

export const orders = Topic.make("orders", {
  events: [OrderPlaced],
  partitions: 4,
  retention: { count: retention }
})

/** Different aggregates over all publishers, where there are not more publishers. */
const usualAggregates = 512

/** What one of several publishers publishes. */
export class Source {
  readonly #orderIds: ReadonlyArray<string>
  readonly #prefix: string
  #next = 0

  constructor(publisher: number, publishers: number, aggregates = usualAggregates) {
    const own = Math.max(1, Math.floor(aggregates / publishers))
    this.#orderIds = Array.from({ length: own }, (_, i) => `order-${publisher}-${i}`)
    // As long as a UUID, without the cost of drawing one.
    this.#prefix = `0193f0c1-7a3e-7b1c-${String(publisher).padStart(4, "0")}-`
  }

  payload(): Payload {
    const n = this.#next++
    const { length } = this.#orderIds
    return {
      orderId: this.#orderIds[n % length]!,
      serial: Math.floor(n / length),
      total: 129.95 + n % 100
    }
  }

  /** The next envelope, as a program has it that got its events from somewhere. The bus validates all of it. */
  envelope(): OrderPlaced {
    // Joined, so that it is one string in memory, as ids are that come from elsewhere, and not a tree of two.
    const eventId = [this.#prefix, String(this.#next).padStart(12, "0")].join("")
    const payload = this.payload()
    return {
      eventId,
      aggregateId: payload.orderId,
      type: "OrderPlaced",
      version: 1,
      timestamp: new Date(),
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      correlationId: "checkout-7f3a",
      tenantId: 42,
      payload
    }
  }

  /** The same by `Event.make`, which draws an id and validates, too. */
  made(): OrderPlaced {
    return OrderPlaced.make(this.payload(), {
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      correlationId: "checkout-7f3a",
      tenantId: 42
    })
  }
}
