/**
 * Publishing, with an acknowledgement for every envelope.
 *
 * Each accepted envelope settles exactly once, within its delivery deadline, whatever becomes of the fiber that
 * published it: as acknowledged, as rejected (proved not to be stored) or as unknown (it may be stored). Until then it
 * holds a place in the window; a full window makes the caller wait.
 *
 * @since 0.1.0
 */
import { Context, Effect, type Exit, type Fiber, type Sink, Stream } from "effect"
import { type Atomic, publishAtomic } from "./internal/publish/atomic.ts"
import type { Entry } from "./internal/publish/entry.ts"
import { type Intake, type Refusal, refusal, refusalError } from "./internal/publish/intake.ts"
import * as through from "./internal/publish/through.ts"
import * as PublishError from "./PublishError.ts"
import type * as PublishResult from "./PublishResult.ts"
import type { Receipt } from "./Receipt.ts"
import type * as Topic from "./Topic.ts"

/**
 * What became of the envelopes that {@link Publisher} `sink` published: counts by outcome and the first ten failures.
 *
 * @category models
 * @since 0.1.0
 */
export interface PublishSummary extends through.Summary {}

/**
 * @category models
 * @since 0.1.0
 */
export interface BatchOptions {
  /**
   * All or nothing: either every member is stored, next to each other in the order of its aggregate, or none is. Only
   * where the broker can (`Broker.Capabilities.atomicBatch` is its limit); elsewhere every member fails with `Refused`,
   * kind `unsupported`. An atomic batch whose answer is lost ends as unknown and is not sent again. Default `false`.
   */
  readonly atomic?: boolean | undefined
}

/**
 * How much of the window is taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pending {
  /** Envelopes whose permit is out: at most `maxPending`. */
  readonly count: number
  /** Their bytes: at most `maxPendingBytes`. */
  readonly bytes: number
  /** Publishes that wait for room. */
  readonly waiting: number
  /** Envelopes accepted and not settled: at most `count`. */
  readonly unsettled: number
}

/**
 * Totals since the bus was opened.
 *
 * @category models
 * @since 0.1.0
 */
export interface Totals {
  readonly accepted: number
  readonly acked: number
  readonly rejected: number
  readonly unknown: number
  /** Acknowledged as stored before, by the broker's deduplication. */
  readonly duplicates: number
  /** Records handed to the driver again. */
  readonly resent: number
  /** Answers that came after the deadline of their envelope. */
  readonly late: number
}

/**
 * @category services
 * @since 0.1.0
 */
export class Publisher extends Context.Service<Publisher, {
  /**
   * Publishes and waits for the broker's acknowledgement. Interrupting it after acceptance stops the waiting, not the
   * publish.
   */
  readonly publish: <T extends Topic.Any>(
    topic: T,
    envelope: Topic.EnvelopeOf<T>
  ) => Effect.Effect<Receipt, PublishError.PublishError>
  /**
   * Completes when the envelope is accepted, waiting while the window is full; the inner effect completes with the
   * acknowledgement. The inner effect may be dropped: the envelope settles all the same, and shows in `results`. Where
   * the outer one is interrupted after the acceptance, the envelope is published all the same, too.
   */
  readonly publishAsync: <T extends Topic.Any>(
    topic: T,
    envelope: Topic.EnvelopeOf<T>
  ) => Effect.Effect<Effect.Effect<Receipt, PublishError.PublishError>, PublishError.PublishError>
  /** As `publishAsync`, but a full window, or somebody waiting for it, is a `PublishError` with reason `Backpressure`. */
  readonly tryPublish: <T extends Topic.Any>(
    topic: T,
    envelope: Topic.EnvelopeOf<T>
  ) => Effect.Effect<Effect.Effect<Receipt, PublishError.PublishError>, PublishError.PublishError>
  /**
   * Publishes all, and waits for all: outcomes in input order. Never fails; an invalid member fails in its own place,
   * and the others go on. Interrupting it stops what is not accepted yet and nothing else.
   */
  readonly publishBatch: <T extends Topic.Any>(
    topic: T,
    envelopes: Iterable<Topic.EnvelopeOf<T>>,
    options?: BatchOptions
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<Receipt, PublishError.PublishError>>>
  /**
   * Publishes a stream: results in input order, at most `maxPending` in flight. An envelope that is refused is a
   * `Rejected` in its place; only the stream's own failures fail it, after the results of what came before.
   */
  readonly through: <T extends Topic.Any>(
    topic: T
  ) => <E, R>(
    self: Stream.Stream<Topic.EnvelopeOf<T>, E, R>
  ) => Stream.Stream<PublishResult.PublishResult, E, R>
  /** As `through`, for elements that carry more than the envelope; each comes out beside its result. */
  readonly throughWith: <T extends Topic.Any, A>(
    topic: T,
    options: { readonly envelope: (value: A) => Topic.EnvelopeOf<T> }
  ) => <E, R>(self: Stream.Stream<A, E, R>) => Stream.Stream<readonly [PublishResult.PublishResult, A], E, R>
  /** Publishes all that it is given, waits until all has settled, and counts. */
  readonly sink: <T extends Topic.Any>(topic: T) => Sink.Sink<PublishSummary, Topic.EnvelopeOf<T>>
  /**
   * The outcome of every envelope that settles from the subscription on: nothing from before, nothing lost. A slow
   * reader holds back permits, and so new publishes, never settlements. Ends when the bus has closed. Dead letters and
   * replays go through the same window, but nobody published them: they are not told here.
   */
  readonly results: Stream.Stream<PublishResult.PublishResult>
  /** Waits until everything that was accepted before has settled. */
  readonly flush: Effect.Effect<void>
  readonly pending: Effect.Effect<Pending>
  readonly totals: Effect.Effect<Totals>
}>()("@effect-eventbus/core/Publisher") {}

const errorOf = (entry: Entry, reason: PublishError.Reason): PublishError.PublishError =>
  new PublishError.PublishError({
    outcome: "rejected",
    reason,
    topic: entry.topic.info.name,
    eventId: entry.eventId
  })

/** @internal */
export const make = (intake: Intake, atomic: Atomic): Publisher["Service"] => {
  const { pipeline } = intake

  /** Runs `use` with the entry of the envelope, opening the topic first where this is its first use. */
  const prepared = <A>(
    topic: Topic.Any,
    envelope: unknown,
    use: (entry: Entry) => Effect.Effect<A, PublishError.PublishError>
  ): Effect.Effect<A, PublishError.PublishError> =>
    Effect.withFiber((fiber) => {
      if (!intake.knows(topic)) {
        return Effect.matchEffect(intake.open(topic), {
          onFailure: (reason) => Effect.fail(refusalError(topic.name, refusal(envelope, reason))),
          onSuccess: () => enter(topic, envelope, fiber, use)
        })
      }
      return enter(topic, envelope, fiber, use)
    })

  const enter = <A>(
    topic: Topic.Any,
    envelope: unknown,
    fiber: Fiber.Fiber<unknown, unknown>,
    use: (entry: Entry) => Effect.Effect<A, PublishError.PublishError>
  ): Effect.Effect<A, PublishError.PublishError> => {
    const entry = intake.prepare(topic, envelope, fiber)
    return entry._tag === "Refusal" ? Effect.fail(refusalError(topic.name, entry)) : use(entry)
  }

  const admitted = (entry: Entry): Effect.Effect<void, PublishError.PublishError> =>
    Effect.mapError(pipeline.admit(entry), (reason) => errorOf(entry, reason))

  const awaitReceipt = (entry: Entry) =>
    pipeline.tryAdmit(entry) ? entry.receipt : Effect.flatMap(admitted(entry), () => entry.receipt)

  const acceptance = (entry: Entry) => {
    if (!pipeline.tryAdmit(entry)) return Effect.map(admitted(entry), () => entry.receipt)
    return pipeline.crowded(entry.topic) ? Effect.as(Effect.yieldNow, entry.receipt) : Effect.succeed(entry.receipt)
  }

  const acceptanceNow = (entry: Entry) => {
    if (pipeline.tryAdmit(entry)) return Effect.succeed(entry.receipt)
    const { bytes, closed, count } = pipeline.window
    return Effect.fail(errorOf(
      entry,
      closed
        ? new PublishError.Closed()
        : new PublishError.Backpressure({ pending: count, pendingBytes: bytes })
    ))
  }

  const publishBatch = Effect.fnUntraced(function*(topic: Topic.Any, envelopes: Iterable<unknown>) {
    const opened = yield* Effect.result(intake.open(topic))
    const fiber = yield* Effect.fiber
    const slots: Array<Entry | Refusal> = []
    for (const envelope of envelopes) {
      if (opened._tag === "Failure") {
        slots.push(refusal(envelope, opened.failure))
        continue
      }
      const entry = intake.prepare(topic, envelope, fiber)
      if (entry._tag === "Entry" && !pipeline.tryAdmit(entry)) {
        const admission = yield* Effect.result(pipeline.admit(entry))
        slots.push(admission._tag === "Success" ? entry : refusal(envelope, admission.failure))
      } else {
        slots.push(entry)
      }
    }
    const out: Array<Exit.Exit<Receipt, PublishError.PublishError>> = []
    for (const slot of slots) {
      out.push(
        yield* Effect.exit(
          slot._tag === "Refusal" ? Effect.fail(refusalError(topic.name, slot)) : slot.receipt
        )
      )
    }
    return out
  })

  return Publisher.of({
    publish: (topic, envelope) => prepared(topic, envelope, awaitReceipt),
    publishAsync: (topic, envelope) => prepared(topic, envelope, acceptance),
    tryPublish: (topic, envelope) => prepared(topic, envelope, acceptanceNow),
    publishBatch: (topic, envelopes, options) =>
      options?.atomic === true ? publishAtomic(intake, atomic, topic, envelopes) : publishBatch(topic, envelopes),
    through: (topic) => (self) =>
      Stream.map(through.throughWith(intake, topic, self, (envelope) => envelope), ([result]) => result),
    throughWith: (topic, options) => (self) => through.throughWith(intake, topic, self, options.envelope),
    sink: (topic) => through.sink(intake, topic),
    results: pipeline.settlements.results.stream,
    flush: pipeline.ledger.flush,
    pending: Effect.sync(() => ({
      count: pipeline.window.count,
      bytes: pipeline.window.bytes,
      waiting: pipeline.window.waiting,
      unsettled: pipeline.ledger.pending
    })),
    totals: Effect.sync(() => {
      const { surplus: _, ...totals } = pipeline.counters
      return totals
    })
  })
}
