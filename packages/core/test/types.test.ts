/**
 * What must and must not type-check. `tsc` runs this file; vitest has nothing to do in it but to load it.
 */
import type * as Broker from "@effect-eventbus/core/Broker"
import type * as Envelope from "@effect-eventbus/core/Envelope"
import * as Event from "@effect-eventbus/core/Event"
import type * as PublishError from "@effect-eventbus/core/PublishError"
import { Event as EventGenerators, Topic as TopicGenerators } from "@effect-eventbus/core/testing"
import * as Topic from "@effect-eventbus/core/Topic"
import { assert, it } from "@effect/vitest"
import { type Arbitrary, Context, Effect, Schema, SchemaGetter } from "effect"

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
const same = <A, B>(equal: Equals<A, B>): void => assert.isTrue(equal)

const Placed = Event.make("OrderPlaced", {
  version: 1,
  payload: Schema.Struct({ orderId: Schema.String, total: Schema.Number }),
  aggregateId: (p) => p.orderId
})
const Shipped = Event.make("OrderShipped", {
  version: 1,
  payload: Schema.Struct({ orderId: Schema.String, carrier: Schema.optionalKey(Schema.String) }),
  aggregateId: (p) => p.orderId
})
const Other = Event.make("Other", {
  version: 1,
  payload: Schema.Struct({ x: Schema.Int, at: Schema.DateFromString }),
  aggregateId: (p) => String(p.x + p.at.getTime())
})
const Orders = Topic.make("orders", { events: [Placed, Shipped] })
const All = Topic.make("all", { events: [Placed, Shipped, Other] })

type PlacedEnvelope = Envelope.Envelope<"OrderPlaced", { readonly orderId: string; readonly total: number }>
type ShippedEnvelope = Envelope.Envelope<"OrderShipped", { readonly orderId: string; readonly carrier?: string }>

it("types", () => {
  // --- envelopes
  const placed = Placed.make({ orderId: "1", total: 2 })
  same<typeof placed, PlacedEnvelope>(true)
  same<Event.EnvelopeOf<typeof Placed>, PlacedEnvelope>(true)
  same<Topic.EnvelopeOf<typeof Orders>, PlacedEnvelope | ShippedEnvelope>(true)
  same<Topic.EventOf<typeof Orders>["type"], "OrderPlaced" | "OrderShipped">(true)

  const made = Placed.makeEffect({ orderId: "1", total: 2 }, { correlationId: undefined })
  same<typeof made, Effect.Effect<PlacedEnvelope, PublishError.InvalidEnvelope>>(true)

  const narrowed = (envelope: Topic.EnvelopeOf<typeof Orders>): string =>
    envelope.type === "OrderPlaced" ? envelope.payload.total.toFixed(1) : envelope.payload.carrier ?? "none"

  // --- publishing
  const publish = <T extends Topic.Any>(_topic: T, envelope: Topic.EnvelopeOf<T>): string => envelope.eventId
  publish(Orders, placed)
  publish(All, placed)
  const either = (which: boolean) => which ? placed : Shipped.make({ orderId: "1" })
  publish(Orders, either(true))
  // @ts-expect-error another event
  publish(Orders, Other.make({ x: 1, at: new Date(0) }))
  // @ts-expect-error another payload
  publish(Orders, { ...placed, payload: { orderId: "1" } })
  // @ts-expect-error another type
  publish(Orders, { ...placed, type: "OrderCancelled" })
  // @ts-expect-error no event id
  const incomplete: PlacedEnvelope = { type: "OrderPlaced", payload: { orderId: "1", total: 2 } }

  const bad = () => [
    // @ts-expect-error a missing key
    Placed.make({ orderId: "1" }),
    // @ts-expect-error metadata that does not exist
    Placed.make({ orderId: "1", total: 1 }, { tenant: 1 }),
    // @ts-expect-error metadata of another type
    Placed.make({ orderId: "1", total: 1 }, { tenantId: "1" }),
    // @ts-expect-error the encoded side is not what is published
    Other.make({ x: 1, at: "1970-01-01" })
  ]

  // --- definitions
  // @ts-expect-error an aggregate id that is no text
  Event.make("E", { version: 1, payload: Schema.Struct({ n: Schema.Int }), aggregateId: (p) => p.n })
  // @ts-expect-error a payload that the schema does not have
  Event.make("E", { version: 1, payload: Schema.Struct({ n: Schema.Int }), aggregateId: (p) => p.m })

  class Db extends Context.Service<Db, { readonly find: (id: string) => Effect.Effect<string> }>()("test/Db") {}
  const Needy = Schema.String.pipe(Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transformEffect((id: string) => Db.use((db) => db.find(id))),
    encode: SchemaGetter.passthrough()
  }))
  const NeedyBack = Schema.String.pipe(Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.passthrough(),
    encode: SchemaGetter.transformEffect((id: string) => Db.use((db) => db.find(id)))
  }))
  // @ts-expect-error decoding needs a service
  Event.make("E", { version: 1, payload: Needy, aggregateId: (p) => p })
  // @ts-expect-error encoding needs a service
  Event.make("E", { version: 1, payload: NeedyBack, aggregateId: (p) => p })

  // --- versions: each step gives the payload of the next one
  const V1 = Schema.Struct({ id: Schema.Int })
  const V2 = Schema.Struct({ id: Schema.String })
  const V3 = Schema.Struct({ id: Schema.String, tags: Schema.Array(Schema.String) })
  const aggregateId = (p: typeof V3.Type) => p.id
  Event.make("E", {
    version: 3,
    payload: V3,
    aggregateId,
    upcasts: {
      1: { payload: V1, to: (v1) => ({ id: v1.id.toFixed(0) }) },
      2: { payload: V2, to: (v2) => ({ id: v2.id.trim(), tags: [] }) }
    }
  })
  Event.make("E", {
    version: 3,
    payload: V3,
    aggregateId,
    // @ts-expect-error the payload of version 3, not of version 2
    upcasts: {
      1: { payload: V1, to: (v1) => ({ id: v1.id, tags: [] }) },
      2: { payload: V2, to: (v2) => ({ ...v2, tags: [] }) }
    }
  })
  Event.make("E", {
    version: 2,
    payload: V3,
    aggregateId,
    // @ts-expect-error not the payload of the current version
    upcasts: {
      1: { payload: V1, to: (v1) => ({ id: String(v1.id) }) }
    }
  })
  Event.make("E", {
    version: 2,
    payload: V3,
    aggregateId,
    upcasts: {
      // @ts-expect-error not a member of version 1
      1: { payload: V1, to: (v1) => ({ id: v1.name, tags: [] }) }
    }
  })

  // --- topics
  const spec: Broker.TopicSpec = Orders
  const any: Topic.Any = Orders
  const anyEvent: Event.Any = Placed
  // @ts-expect-error not an event
  const wrongTopic = () => Topic.make("t", { events: [{ type: "A" }] })

  // --- handlers: exhaustive, each with its own envelope; what they need adds up
  const subscribe = <
    T extends Topic.Any,
    Handlers extends Topic.HandlersOf<T, { readonly attempt: number }, unknown, unknown>
  >(
    _topic: T,
    handlers: Handlers
  ): Handlers => handlers
  const handled = subscribe(Orders, {
    OrderPlaced: (envelope, delivery) =>
      Db.use((db) => db.find(envelope.payload.orderId + envelope.payload.total.toFixed(delivery.attempt))),
    OrderShipped: (envelope) => Effect.succeed(envelope.payload.carrier)
  })
  same<ReturnType<typeof handled.OrderPlaced>, Effect.Effect<string, never, Db>>(true)
  // @ts-expect-error a missing handler
  subscribe(Orders, { OrderPlaced: () => Effect.void })
  subscribe(Orders, {
    OrderPlaced: () => Effect.void,
    // @ts-expect-error a member of the other event
    OrderShipped: (envelope) => Effect.succeed(envelope.payload.total)
  })

  // --- generators
  const ofEvent = EventGenerators.arbitrary(Placed)
  const ofTopic = TopicGenerators.arbitrary(Orders)
  same<typeof ofEvent, Arbitrary.Arbitrary<PlacedEnvelope>>(true)
  same<typeof ofTopic, Arbitrary.Arbitrary<PlacedEnvelope | ShippedEnvelope>>(true)

  assert.strictEqual(narrowed(placed), "2.0")
  assert.isDefined([incomplete, bad, spec, any, anyEvent, wrongTopic])
})
