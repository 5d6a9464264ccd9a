import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Tracer } from "effect"
import * as Subscriber from "../../src/Subscriber.ts"
import { bus, Orders, placed, publishBytes, settle } from "../fixtures/subscribing.ts"

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

const publish = (headers: ReadonlyArray<readonly [string, string]>) => {
  const encoded = Orders.wire.compile(Orders.events).encode(placed("a", 0, "event"), undefined)
  return "body" in encoded
    ? publishBytes(Orders, {
      eventId: "event",
      key: "a",
      headers: [...encoded.headers, ...headers],
      body: encoded.body
    })
    : Effect.die(encoded)
}

/** Names the span that each handler runs in. */
const subscribe = Effect.fnUntraced(function*(spans: Array<Tracer.AnySpan | undefined>) {
  const subscriber = yield* Subscriber.Subscriber
  yield* subscriber.subscribe(Orders, {
    group: "g",
    handlers: {
      Placed: () =>
        Effect.map(Effect.option(Effect.currentParentSpan), (span) => spans.push(Option.getOrUndefined(span))),
      Shipped: () => Effect.void
    }
  })
  yield* settle
})

describe("spans", () => {
  const recording = (spans: Array<Tracer.Span>) =>
    Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })

  it.effect("a handled message has a consumer span below its publisher's, and not below the one that subscribed", () =>
    Effect.gen(function*() {
      const made: Array<Tracer.Span> = []
      const seen: Array<Tracer.AnySpan | undefined> = []
      yield* publish([["traceparent", traceparent]])
      yield* subscribe(seen).pipe(
        Effect.withSpan("startup"),
        Effect.provideService(Tracer.Tracer, recording(made))
      )
      const [, span] = made
      assert.strictEqual(span?.name, "process orders")
      assert.strictEqual(span?.kind, "consumer")
      assert.strictEqual(span?.traceId, "0af7651916cd43dd8448eb211c80319c")
      assert.strictEqual(Option.getOrUndefined(span?.parent ?? Option.none())?.spanId, "b7ad6b7169203331")
      assert.strictEqual(seen[0]?.spanId, span?.spanId)
      assert.strictEqual(span?.status._tag, "Ended")
      assert.strictEqual(span?.attributes.get("messaging.message.id"), "event")
      assert.strictEqual(span?.attributes.get("messaging.consumer.group.name"), "g")
    }).pipe(Effect.provide(bus())))

  it.effect("without a valid traceparent it is a root", () =>
    Effect.gen(function*() {
      const made: Array<Tracer.Span> = []
      yield* publish([["traceparent", "00-zz-zz-01"]])
      yield* subscribe([]).pipe(Effect.withSpan("startup"), Effect.provideService(Tracer.Tracer, recording(made)))
      assert.strictEqual(made[1]?.name, "process orders")
      assert.isUndefined(Option.getOrUndefined(made[1]?.parent ?? Option.none()))
    }).pipe(Effect.provide(bus())))

  it.effect("without a tracer there is none", () =>
    Effect.gen(function*() {
      const seen: Array<Tracer.AnySpan | undefined> = []
      yield* publish([["traceparent", traceparent]])
      yield* subscribe(seen).pipe(Effect.withSpan("startup"))
      assert.deepStrictEqual(seen, [undefined])
    }).pipe(Effect.provide(bus())))
})
