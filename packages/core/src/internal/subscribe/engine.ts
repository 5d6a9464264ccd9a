import { Cause, type Clock, type Context, Deferred, Effect, Exit, Fiber, Scope, Stream, SubscriptionRef } from "effect"
import type * as Broker from "../../Broker.ts"
import * as SubscribeError from "../../SubscribeError.ts"
import { Conditions } from "./conditions.ts"
import type { Dedup } from "./dedup.ts"
import { type AnyEnvelope, Dispatcher, type Read } from "./dispatcher.ts"
import type { Held } from "./held.ts"
import type { Policy } from "./policy.ts"
import { Source } from "./source.ts"

export interface EngineFields<A> {
  readonly topic: string
  readonly group: string
  readonly broker: Broker.Broker["Service"]
  readonly clock: Clock.Clock
  /** What the fibers of the subscription run with. */
  readonly context: Context.Context<never>
  readonly policy: Policy
  readonly dedup: Dedup | undefined
  readonly drainTimeoutMillis: number
  readonly read: (record: Broker.InboundRecord) => Read<A>
  readonly dedupId: (held: Held<A>, envelope: A) => string
  readonly storeDeadLetter: (
    held: Held<A>,
    cause: Cause.Cause<unknown> | string
  ) => Effect.Effect<void, SubscribeError.DeadLetterFailed>
}

/** What runs handlers, or hands out to a stream: the part that differs. */
export interface Hands<A> {
  /** The end has begun. */
  readonly leave: () => void
  /** The subscription, or a lane, has stopped: `Engine.error` says why. */
  readonly stop: () => void
  /** Cuts off what runs of these, without waiting for it. */
  readonly fence: (which: (held: Held<A>) => boolean) => void
  /** Cuts off everything, without waiting for it. */
  readonly close: () => void
  /** Nothing of it is left. */
  readonly idle: () => boolean
}

const within = (millis: number, effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> =>
  Effect.ignore(Effect.timeoutOption(effect, millis))

/** How long the end waits for what was interrupted, and for the last settlements to be durable. */
const graceMillis = 5_000

/**
 * The running parts of a subscription: its sources with their fibers, the dispatcher between them, and the end of it all.
 *
 * The end, in this order, whether the scope closes or the broker has failed:
 * 1. nothing is polled or started any more;
 * 2. what runs may finish, within the drain timeout, then it is interrupted;
 * 3. what is settled is handed over and made durable;
 * 4. the consumer leaves. What was only waiting stays unsettled and comes back.
 */
export class Engine<A extends AnyEnvelope> {
  readonly dispatcher: Dispatcher<A>
  /** Fails with what stopped the subscription or one of its lanes; succeeds when it has ended. */
  readonly stopped = Deferred.makeUnsafe<void, SubscribeError.SubscribeError>()
  /** The first reason that the subscription, or a lane, stopped for. */
  error: SubscribeError.SubscribeError | undefined
  /** Told of everything that a reader of the status would want to know at once. */
  readonly changes = new Conditions()
  revision = 0
  ended = false
  hands: Hands<A> = { leave: () => {}, stop: () => {}, fence: () => {}, close: () => {}, idle: () => true }
  readonly #fields: EngineFields<A>
  readonly #scope = Scope.makeUnsafe()
  readonly #pollers: Array<Fiber.Fiber<unknown, unknown>> = []
  readonly #background = new Map<Fiber.Fiber<void>, Held<A>>()
  readonly #fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly #closed = Deferred.makeUnsafe<void>()
  #closing = false

  constructor(fields: EngineFields<A>) {
    this.#fields = fields
    this.#fork = Effect.runForkWith(fields.context)
    this.dispatcher = new Dispatcher({
      ...fields,
      fork: (effect, held) => this.#forkFor(effect, held),
      onHalt: (reason) => this.halted(reason)
    })
  }

  get group(): string {
    return this.#fields.group
  }
  get topic(): string {
    return this.#fields.topic
  }

  /** See `Subscription.await`. */
  get await(): Effect.Effect<void, SubscribeError.SubscribeError> {
    return Deferred.await(this.stopped)
  }

  touch(): void {
    this.revision++
    this.changes.check()
  }

  #forkFor(effect: Effect.Effect<void>, held: Held<A>): void {
    const fiber = this.#fork(effect)
    if (fiber.pollUnsafe() !== undefined) return
    this.#background.set(fiber, held)
    fiber.addObserver(() => {
      this.#background.delete(fiber)
      this.dispatcher.conditions.check()
    })
  }

  /** A lane has stopped: whoever awaits the subscription learns it, and the other lanes go on. */
  halted(reason: SubscribeError.Reason): void {
    const error = new SubscribeError.SubscribeError({ topic: this.topic, group: this.group, reason })
    this.error ??= error
    this.#fork(Effect.logError(`lane halted: ${error.message}`))
    Deferred.doneUnsafe(this.stopped, Exit.fail(error))
    this.hands.stop()
    this.touch()
  }

  /** The subscription cannot go on: it ends by itself. */
  #fail(cause: Cause.Cause<SubscribeError.SubscribeError>): void {
    if (this.#closing) return
    const error = cause.reasons.find(Cause.isFailReason)?.error ?? new SubscribeError.SubscribeError({
      topic: this.topic,
      group: this.group,
      reason: new SubscribeError.BrokerFailure({
        retryable: false,
        message: "the consumer died",
        cause: Cause.squash(cause)
      })
    })
    this.error ??= error
    Deferred.doneUnsafe(this.stopped, Exit.fail(error))
    this.hands.stop()
    this.#fork(Effect.andThen(Effect.logError(`subscription stopped: ${error.message}`), this.close))
  }

  /** Starts the fiber that keeps time. */
  readonly start: Effect.Effect<void> = Effect.suspend(() => this.#run(this.dispatcher.timekeeper.loop)).pipe(
    Effect.asVoid
  )

  #run<E extends SubscribeError.SubscribeError>(
    effect: Effect.Effect<unknown, E>
  ): Effect.Effect<Fiber.Fiber<unknown, E>> {
    return effect.pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (exit._tag === "Failure" && !Cause.hasInterruptsOnly(exit.cause)) this.#fail(exit.cause)
        })
      ),
      Effect.provideContext(this.#fields.context),
      Effect.forkIn(this.#scope, { startImmediately: true })
    )
  }

  /** Runs something until it ends or the subscription does. */
  runBackground(effect: Effect.Effect<void>): void {
    this.#fork(Effect.asVoid(Effect.forkIn(effect, this.#scope, { startImmediately: true })))
  }

  /** Opens a consumer and starts its fibers. */
  readonly addSource = Effect.fnUntraced(function*(
    this: Engine<A>,
    options: Broker.ConsumerOptions
  ) {
    const consumer = yield* Scope.provide(this.#fields.broker.consumer(options), this.#scope)
    const source = new Source<A>(consumer, options)
    this.dispatcher.sources.push(source)
    yield* this.#run(source.settler)
    yield* this.#run(
      Effect.forever(Effect.andThen(Effect.sleep(options.ackWaitMillis / 3), source.heartbeat))
    )
    yield* this.#run(
      Stream.runForEach(consumer.revocations, (revocation) => this.#run(this.#revoke(source, revocation)))
    )
    yield* this.#run(
      Stream.runForEach(SubscriptionRef.changes(consumer.assignment), () => Effect.sync(() => this.touch()))
    )
    this.#pollers.push(yield* this.#run(source.poller((records) => this.dispatcher.arrive(source, records))))
    return source
  })

  /**
   * A partition goes. What waits is given up at once. What runs may end, and its settlements are handed over and made
   * durable; after the deadline it is cut off, and what it settles then no longer counts.
   */
  #revoke(source: Source<A>, revocation: Broker.Revocation): Effect.Effect<void> {
    return Effect.suspend(() => {
      const partition = source.partition(revocation.partition)
      const gone = (held: Held<A>) => held.partition === partition && held.stale
      this.dispatcher.fence(partition, revocation.epoch + 1)
      if (this.dispatcher.lanes.ready > 0) this.dispatcher.onReady()
      this.touch()
      return this.dispatcher.conditions.until(() => partition.running === 0).pipe(
        Effect.andThen(source.handedOver),
        Effect.andThen(Effect.ignore(source.consumer.flush)),
        Effect.timeoutOption(revocation.deadlineMillis),
        Effect.tap((done) =>
          Effect.sync(() => {
            if (done._tag === "Some") return
            this.hands.fence(gone)
            for (const [fiber, held] of this.#background) if (gone(held)) fiber.interruptUnsafe()
          })
        ),
        Effect.andThen(revocation.released),
        Effect.andThen(Effect.sync(() => this.touch()))
      )
    })
  }

  // --- pause, resume, seek ----------------------------------------------------------------------------------------------

  readonly pause: Effect.Effect<void> = Effect.sync(() => this.#setPaused(true))

  readonly resume: Effect.Effect<void> = Effect.sync(() => this.#setPaused(false))

  #setPaused(paused: boolean): void {
    if (this.dispatcher.paused === paused) return
    this.dispatcher.paused = paused
    for (const source of this.dispatcher.sources) {
      source.paused = paused
      if (!paused) source.resumePolling()
    }
    this.touch()
    if (!paused && this.dispatcher.lanes.ready > 0) this.dispatcher.onReady()
  }

  seek(source: Source<A>, position: Broker.StartPosition): Effect.Effect<void, SubscribeError.SubscribeError> {
    return Effect.andThen(
      source.consumer.seek(position),
      Effect.map(SubscriptionRef.get(source.consumer.assignment), (assignments) => {
        // What was handled before the seek is to be handled again.
        this.#fields.dedup?.clear()
        for (const { epoch, partition } of assignments) this.dispatcher.fence(source.partition(partition), epoch)
        if (this.dispatcher.lanes.ready > 0) this.dispatcher.onReady()
        this.touch()
      })
    )
  }

  // --- the end ----------------------------------------------------------------------------------------------------------

  /**
   * Ends the subscription, once; completes when it has ended. The end runs in a fiber of its own: whoever closes the scope
   * may have been interrupted, and in an interrupted fiber nothing can be awaited for a limited time.
   */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.#closing) {
      this.#closing = true
      this.dispatcher.closing = true
      this.touch()
      this.#fork(Effect.onExit(this.#drain(), () =>
        Effect.sync(() => {
          this.ended = true
          Deferred.doneUnsafe(this.stopped, Exit.void)
          this.touch()
          Deferred.doneUnsafe(this.#closed, Exit.void)
        })))
    }
    return Deferred.await(this.#closed)
  })

  #drain(): Effect.Effect<void> {
    const { conditions, lanes, sources } = this.dispatcher
    this.hands.leave()
    return Fiber.interruptAll(this.#pollers).pipe(
      Effect.andThen(within(this.#fields.drainTimeoutMillis, conditions.until(() => lanes.running === 0))),
      Effect.andThen(Effect.sync(() => {
        this.hands.close()
        for (const fiber of this.#background.keys()) fiber.interruptUnsafe()
      })),
      Effect.andThen(within(graceMillis, conditions.until(() => this.hands.idle() && this.#background.size === 0))),
      Effect.andThen(within(
        graceMillis,
        Effect.forEach(sources, (source) => Effect.andThen(source.handedOver, source.consumer.flush), { discard: true })
      )),
      Effect.andThen(Scope.close(this.#scope, Exit.void))
    )
  }
}
