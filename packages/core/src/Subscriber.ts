/**
 * Consumes topics: at least once, in the order of each aggregate, with retries in place and dead letters.
 *
 * ```ts
 * const subscriber = yield* Subscriber.Subscriber
 * yield* subscriber.subscribe(Orders, {
 *   group: "billing",
 *   handlers: {
 *     OrderPlaced: (envelope) => Effect.log(envelope.payload.total),
 *     OrderShipped: () => Effect.void
 *   }
 * })
 * ```
 *
 * **What a handler's end means.** Success, with any value that is not a `Settlement`: done. A `Settlement`: what it says.
 * A failure or a defect: the retry schedule decides, then `onExhausted`. A `SchemaError`, or an error whose `isRetryable`
 * is `false`, is not tried again. An interruption that did not come from the subscription (`Effect.interrupt` in the
 * handler, or a fiber of yours that interrupts it) is no failure: the delivery stays unacknowledged and is tried again in
 * its place after the schedule's next delay, as often as it takes.
 *
 * **Order.** The deliveries of one aggregate are handled one after the other, in the order in which they were stored,
 * through all retries. A delivery that is tried again, or whose dead letter is being stored, holds up its own aggregate
 * and nothing else, until what waits behind it fills `maxInFlight`; `status` shows it.
 *
 * **Loss.** A delivery is acknowledged only after its handler succeeded, it was dropped on purpose, or its dead letter was
 * stored. Handlers see duplicates: after a crash, a lost acknowledgement, or a partition that moved in the middle.
 *
 * @since 0.1.0
 */
import { Context, type Duration, Effect, Layer, type Schedule, Schema, type Scope, Stream, Tracer } from "effect"
import * as Broker from "./Broker.ts"
import type * as BrokerError from "./BrokerError.ts"
import type * as Delivery from "./Delivery.ts"
import type * as Envelope from "./Envelope.ts"
import { RawPublisher } from "./internal/rawPublisher.ts"
import type { DeliveryImpl } from "./internal/subscribe/delivery.ts"
import type { Engine } from "./internal/subscribe/engine.ts"
import { isTracing, traced } from "./internal/subscribe/handler.ts"
import { Handout } from "./internal/subscribe/handout.ts"
import { open, type Opened, type Shared } from "./internal/subscribe/open.ts"
import { decide } from "./internal/subscribe/options.ts"
import * as Status from "./internal/subscribe/status.ts"
import { type Run, Workers } from "./internal/subscribe/workers.ts"
import type * as SubscribeError from "./SubscribeError.ts"
import type * as Subscription from "./Subscription.ts"
import type * as Topic from "./Topic.ts"

// --- options ----------------------------------------------------------------------------------------------------------

/**
 * What may be said of any subscription. An option that makes no sense (a count of 0, an infinite `ackWait`) is a defect:
 * a `RangeError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscriptionOptions {
  /** `[A-Za-z0-9_-]{1,100}`. Subscriptions with the same group share the topic's partitions; others are independent. */
  readonly group: string
  /**
   * Where the group starts if it has committed nothing. Default `"earliest"`. That position is committed before the
   * subscription is there.
   */
  readonly from?: Broker.StartPosition | undefined
  /** Deliveries held: waiting, running, or settled and not handed over. Default 1,024. */
  readonly maxInFlight?: number | undefined
  /** Their bytes; one delivery may be larger. Default 64 MiB. */
  readonly maxInFlightBytes?: number | undefined
  /**
   * How long the broker waits for a sign of life of a delivery before it delivers it again, where it does that. Everything
   * held gives one every third of this, so it is how long a crash goes unnoticed, not how long a handler may take.
   * Default 30 seconds.
   */
  readonly ackWait?: Duration.Input | undefined
  /**
   * How often and when a delivery is tried again, in its place. Its input is the handler's failure, or its defect.
   * Default `Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 5 }))`. Each delivery starts it anew; so does
   * a restart.
   */
  readonly retry?: Schedule.Schedule<unknown, unknown> | undefined
  /**
   * For an event whose type or version the topic does not know. Default `"deadLetter"`. Bytes that cannot be decoded are
   * dead-lettered whatever this says.
   */
  readonly onUnknown?: "deadLetter" | "drop" | "halt" | undefined
  /**
   * Acknowledges without handling what has an event id that this subscription settled within `window`. In memory: for
   * duplicates that come soon, not across restarts. Replays of dead letters pass. At most `limit` ids are remembered,
   * the latest; default 100,000.
   */
  readonly dedup?: { readonly window: Duration.Input; readonly limit?: number | undefined } | undefined
  /** Name of the dead letter topic. Default `<topic>.dlq.<group>`. Created when it is first needed. */
  readonly deadLetter?: string | undefined
  /**
   * Creates the group's retry topic, `<topic>.retry.<group>`, at once. Default false: it is read as soon as it exists,
   * and created with the first dead letter.
   */
  readonly retryTopic?: boolean | undefined
  /** How long what runs may take to finish when the scope closes. Default 10 seconds. */
  readonly drainTimeout?: Duration.Input | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SubscribeOptions<Handlers> extends SubscriptionOptions {
  /** Handlers running at once, over all aggregates. Default 64. */
  readonly concurrency?: number | undefined
  /**
   * How long a handler may take; then it is interrupted, which counts as a failure with {@link HandlerTimeout}. Default:
   * as long as it takes.
   */
  readonly handlerTimeout?: Duration.Input | undefined
  /**
   * What becomes of a delivery that the schedule gives up, or that must not be tried again. Default `"deadLetter"`.
   * `"halt"` stops its aggregate: nothing behind it is handled or skipped, `await` fails with `LaneHalted`, and the other
   * aggregates go on.
   */
  readonly onExhausted?: "deadLetter" | "halt" | "drop" | undefined
  /** One for each of the topic's events, by type. */
  readonly handlers: Handlers
}

/**
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions extends SubscriptionOptions {
  /**
   * How long the stream may be asked for more while only settlements could bring more, before it fails instead of waiting
   * for ever: `Stream.grouped` beyond the window, or beyond the number of aggregates that have something. It counts while
   * nobody has looked into any of the deliveries that are out, because they are being collected; where somebody has, and
   * the window is full, twelve times as long without any settlement. Default 5 seconds. Give more than the duration to
   * `Stream.groupedWithin`, or an infinite one to wait for ever.
   */
  readonly stallTimeout?: Duration.Input | undefined
}

/**
 * What the handlers of a subscription need.
 *
 * @category models
 * @since 0.1.0
 */
export type HandlersServices<Handlers> = {
  readonly [K in keyof Handlers]: Handlers[K] extends (...args: never) => Effect.Effect<infer _A, infer _E, infer R> ?
    R :
    never
}[keyof Handlers]

/**
 * What handlers may fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type HandlersError<Handlers> = {
  readonly [K in keyof Handlers]: Handlers[K] extends (...args: never) => Effect.Effect<infer _A, infer E, infer _R> ?
    E :
    never
}[keyof Handlers]

/**
 * A handler took longer than `handlerTimeout` and was interrupted. Retryable.
 *
 * @category errors
 * @since 0.1.0
 */
export class HandlerTimeout
  extends Schema.TaggedError<HandlerTimeout>("@effect-eventbus/core/Subscriber/HandlerTimeout")(
    "HandlerTimeout",
    { millis: Schema.Finite }
  )
{
  override get message(): string {
    return `the handler was interrupted after ${this.millis} ms`
  }
  get isRetryable(): boolean {
    return true
  }
}

// --- the service ------------------------------------------------------------------------------------------------------

/**
 * @category services
 * @since 0.1.0
 */
export class Subscriber extends Context.Service<Subscriber, {
  /**
   * Handles a topic's events for a group, until the scope closes. Completes when the consumer is open and the group's
   * start position is committed. Handlers run with the context of this call, without its parent span.
   */
  readonly subscribe: <
    T extends Topic.Any,
    Handlers extends Topic.HandlersOf<T, Delivery.Delivery<T>, unknown, unknown>
  >(
    topic: T,
    options: SubscribeOptions<Handlers>
  ) => Effect.Effect<
    Subscription.Subscription,
    SubscribeError.SubscribeError,
    Scope.Scope | HandlersServices<Handlers>
  >
  /**
   * A topic's deliveries as a stream, for a group, as long as it runs. Each has to be settled: at most one unsettled
   * delivery of each aggregate is out, so that a `Retry` keeps order, and at most `maxInFlight` of all. What is unsettled
   * when the stream ends comes back.
   *
   * Fails with what stops it: the broker, or the first lane that stops for good. A consumer that collects more than may
   * be out at once (`Stream.grouped`) gets a `BrokerFailure` that says so: see `stallTimeout`.
   */
  readonly stream: <T extends Topic.Any>(
    topic: T,
    options: StreamOptions
  ) => Stream.Stream<Delivery.Delivery<T>, SubscribeError.SubscribeError>
}>()("@effect-eventbus/core/Subscriber") {}

// --- constructors -----------------------------------------------------------------------------------------------------

const timedOut = (millis: number): HandlerTimeout => new HandlerTimeout({ millis })

/** Finds the handler of an envelope. */
const route = <T extends Topic.Any, R>(
  topic: T,
  handlers: Topic.HandlersOf<T, Delivery.Delivery<T>, unknown, unknown>
): Run<Envelope.Envelope, R> => {
  // The one place where types end: the codec yields only envelopes of the topic's events, each with the payload of its
  // own event, so the handler of its type takes it. TypeScript cannot follow that through a lookup by string. `R` is
  // what all handlers need, and what the workers' context holds.
  const byType = new Map(
    topic.events.map(({ type }) =>
      [type, handlers[type as keyof typeof handlers] as unknown as Run<Envelope.Envelope, R>] as const
    )
  )
  return (envelope, delivery) => {
    const handler = byType.get(envelope.type)
    return handler === undefined
      ? Effect.die(new Error(`there is no handler for ${envelope.type}`))
      : handler(envelope, delivery)
  }
}

const subscriptionOf = (shared: Shared, { engine, source }: Opened): Subscription.Subscription => ({
  status: Status.stream(shared.broker, engine),
  pause: engine.pause,
  resume: engine.resume,
  seek: (position) => engine.seek(source, position),
  await: engine.await
})

const subscribe = Effect.fnUntraced(function*<R>(
  shared: Shared,
  topic: Topic.Any,
  options: SubscribeOptions<unknown>,
  run: Run<Envelope.Envelope, R>
): Effect.fn.Return<Subscription.Subscription, SubscribeError.SubscribeError, Scope.Scope | R> {
  const decided = decide(topic, options)
  const context = withoutSpan(yield* Effect.context<Scope.Scope | R>())
  const { group } = options
  const hands = (engine: Engine<Envelope.Envelope>) =>
    new Workers<Envelope.Envelope, Scope.Scope | R>({
      dispatcher: engine.dispatcher,
      run: isTracing(context) ? traced(run, { system: shared.broker.system, group }) : run,
      context,
      group,
      concurrency: decided.concurrency,
      timedOut
    })
  return subscriptionOf(shared, yield* open(shared, topic, decided, context, hands))
})

/** Handlers that run later are no children of the span that subscribed. */
const withoutSpan = <R>(context: Context.Context<R>): Context.Context<R> => {
  const services = new Map(context.mapUnsafe)
  services.delete(Tracer.ParentSpan.key)
  return Context.makeUnsafe(services)
}

const stream = (
  shared: Shared,
  topic: Topic.Any,
  options: StreamOptions
): Stream.Stream<DeliveryImpl<Envelope.Envelope>, SubscribeError.SubscribeError> =>
  Stream.unwrap(Effect.gen(function*() {
    const decided = decide(topic, options)
    const context = withoutSpan(yield* Effect.context<Scope.Scope>())
    let pull: Handout<Envelope.Envelope>["pull"] = Effect.never
    yield* open(shared, topic, decided, context, (engine) => {
      const handout = new Handout(engine, decided.stallMillis)
      pull = handout.pull
      return handout
    })
    return Stream.fromPull(Effect.succeed(pull))
  }))

/**
 * @category constructors
 * @since 0.1.0
 */
export interface MakeOptions {
  /** Ensures a topic at its first use. Default: the broker's `createOnly`, once per topic. */
  readonly ensure?: ((topic: Broker.TopicSpec) => Effect.Effect<unknown, BrokerError.BrokerError>) | undefined
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  settings?: MakeOptions
): Effect.fn.Return<Subscriber["Service"], never, Broker.Broker | RawPublisher> {
  const broker = yield* Broker.Broker
  const publisher = yield* RawPublisher
  const ensured = new Set<string>()
  const shared: Shared = {
    broker,
    publisher,
    ensure: settings?.ensure ?? ((topic) =>
      Effect.suspend(() =>
        ensured.has(topic.name)
          ? Effect.void
          : Effect.map(broker.ensureTopic(topic, "createOnly"), () => {
            ensured.add(topic.name)
          })
      ))
  }
  return Subscriber.of({
    subscribe: <
      T extends Topic.Any,
      Handlers extends Topic.HandlersOf<T, Delivery.Delivery<T>, unknown, unknown>
    >(topic: T, options: SubscribeOptions<Handlers>) =>
      subscribe(shared, topic, options, route<T, HandlersServices<Handlers>>(topic, options.handlers)),
    // The codec yields only envelopes of the topic's events.
    stream: <T extends Topic.Any>(topic: T, options: StreamOptions) =>
      stream(shared, topic, options) as unknown as Stream.Stream<Delivery.Delivery<T>, SubscribeError.SubscribeError>
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Subscriber, never, Broker.Broker | RawPublisher> = Layer.effect(Subscriber, make())
