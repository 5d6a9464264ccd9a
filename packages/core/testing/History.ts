/**
 * What happened in a run, written down as it happened: what was issued, what came of it, which handler had what. The
 * verdict is `Checker`'s, afterwards, over the history and what a fresh consumer reads back.
 *
 * A history is data: it can be kept as JSON lines and judged again.
 *
 * ```ts
 * const history = yield* History.make
 * const outcome = yield* history.publish(publisher, Orders, envelope) // accepted, or refused
 * yield* outcome                                                     // what the caller was told
 * yield* subscriber.subscribe(Orders, { group: "g", handlers: { OrderPlaced: history.handler("g", "member-1", handle) } })
 * ```
 *
 * @since 0.1.0
 */
import { Cause, Clock, Effect, Exit, Fiber, Schema, Stream } from "effect"
import type * as Delivery from "../src/Delivery.ts"
import type * as Envelope from "../src/Envelope.ts"
import type * as Publisher from "../src/Publisher.ts"
import type * as PublishError from "../src/PublishError.ts"
import type { Receipt } from "../src/Receipt.ts"
import { isSettlement } from "../src/Settlement.ts"
import type * as Topic from "../src/Topic.ts"

// --- entries ----------------------------------------------------------------------------------------------------------

const at = Schema.Finite
const position = { topic: Schema.String, partition: Schema.Int, offset: Schema.BigInt }

/**
 * A publish was called. `issue` is its number, rising in the order of the calls; the same event may be issued twice.
 *
 * @category models
 * @since 0.1.0
 */
export const Issued = Schema.TaggedStruct("Issued", {
  at,
  issue: Schema.Int,
  topic: Schema.String,
  eventId: Schema.String,
  aggregateId: Schema.String
})

/**
 * What the caller of a publish was told. `withdrawn`: it was interrupted before the publish was accepted.
 *
 * @category models
 * @since 0.1.0
 */
export const Settled = Schema.TaggedStruct("Settled", {
  at,
  issue: Schema.Int,
  eventId: Schema.String,
  outcome: Schema.Literals(["acked", "rejected", "unknown", "withdrawn"]),
  reason: Schema.optionalKey(Schema.String),
  partition: Schema.optionalKey(Schema.Int),
  offset: Schema.optionalKey(Schema.BigInt),
  duplicate: Schema.optionalKey(Schema.Boolean)
})

/**
 * What `Publisher.results` told.
 *
 * @category models
 * @since 0.1.0
 */
export const Reported = Schema.TaggedStruct("Reported", {
  at,
  topic: Schema.String,
  eventId: Schema.String,
  outcome: Schema.Literals(["acked", "rejected", "unknown"])
})

/**
 * A handler began with a delivery. `run` numbers the beginnings.
 *
 * @category models
 * @since 0.1.0
 */
export const Started = Schema.TaggedStruct("Started", {
  at,
  run: Schema.Int,
  group: Schema.String,
  member: Schema.String,
  eventId: Schema.String,
  aggregateId: Schema.String,
  attempt: Schema.Int,
  ...position
})

/**
 * A handler ended.
 *
 * @category models
 * @since 0.1.0
 */
export const Ended = Schema.TaggedStruct("Ended", {
  at,
  run: Schema.Int,
  outcome: Schema.Literals(["done", "retry", "deadLetter", "drop", "failed", "died", "interrupted"])
})

/**
 * A dead letter was found for a record.
 *
 * @category models
 * @since 0.1.0
 */
export const DeadLettered = Schema.TaggedStruct("DeadLettered", { at, group: Schema.String, ...position })

/**
 * Something was done to the broker, or to us: `"cut"`, `"mend"`, `"crash"`, `"restart"`, `"kill"`, ...
 *
 * @category models
 * @since 0.1.0
 */
export const Happened = Schema.TaggedStruct("Happened", {
  at,
  what: Schema.String,
  detail: Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export const Entry = Schema.Union([Issued, Settled, Reported, Started, Ended, DeadLettered, Happened])

/**
 * @category models
 * @since 0.1.0
 */
export type Entry = typeof Entry.Type

type WithoutTime<E> = E extends Entry ? Omit<E, "at"> : never

/**
 * An entry that gets its time when it is written down.
 *
 * @category models
 * @since 0.1.0
 */
export type Unstamped = WithoutTime<Entry>

/**
 * What the caller of a publish was told.
 *
 * @category models
 * @since 0.1.0
 */
export type Told = Exit.Exit<Receipt, PublishError.PublishError>

// --- the history ------------------------------------------------------------------------------------------------------

/**
 * Append-only.
 *
 * @category models
 * @since 0.1.0
 */
export interface History {
  /** Everything so far, in order. */
  readonly entries: ReadonlyArray<Entry>
  readonly add: (entry: Unstamped) => void
  /** Writes down that a publish is being called; returns its number. */
  readonly issue: (topic: string, envelope: Pick<Envelope.Envelope, "eventId" | "aggregateId">) => number
  /** Writes down what the caller was told. */
  readonly settle: (issue: number, eventId: string, told: Told) => void
  /**
   * Publishes, and writes down both. Completes when the envelope is accepted, or refused; the inner effect waits for what
   * the caller is told, which is written down whether or not anybody waits.
   */
  readonly publish: <T extends Topic.Any>(
    publisher: Publisher.Publisher["Service"],
    topic: T,
    envelope: Topic.EnvelopeOf<T>
  ) => Effect.Effect<Effect.Effect<Told>>
  /** Publishes a batch and writes everything down. */
  readonly publishBatch: <T extends Topic.Any>(
    publisher: Publisher.Publisher["Service"],
    topic: T,
    envelopes: ReadonlyArray<Topic.EnvelopeOf<T>>,
    options?: Publisher.BatchOptions
  ) => Effect.Effect<ReadonlyArray<Told>>
  /** Writes down what `results` tells, until the bus has closed. Fork it before the first publish. */
  readonly reports: (publisher: Publisher.Publisher["Service"]) => Effect.Effect<void>
  /** The handler, with its beginnings and ends written down. */
  readonly handler: <E extends Envelope.Envelope, A, X, R>(
    group: string,
    member: string,
    handle: (envelope: E, delivery: Delivery.Any) => Effect.Effect<A, X, R>
  ) => (envelope: E, delivery: Delivery.Any) => Effect.Effect<A, X, R>
}

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): typeof Ended.Type["outcome"] => {
  if (Exit.isSuccess(exit)) {
    if (!isSettlement(exit.value)) return "done"
    return ({ Ack: "done", Retry: "retry", DeadLetter: "deadLetter", Drop: "drop" } as const)[exit.value._tag]
  }
  if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted"
  return Cause.hasFails(exit.cause) ? "failed" : "died"
}

/**
 * An empty history, with the `Clock` of the fiber.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<History> = Effect.map(Clock.clockWith(Effect.succeed), (clock) => {
  const entries: Array<Entry> = []
  let issues = 0
  let runs = 0

  const add = (entry: Unstamped): void => {
    entries.push({ ...entry, at: clock.currentTimeMillisUnsafe() })
  }

  const issue: History["issue"] = (topic, { aggregateId, eventId }) => {
    add({ _tag: "Issued", issue: ++issues, topic, eventId, aggregateId })
    return issues
  }

  const settle: History["settle"] = (number, eventId, told) => {
    if (Exit.isSuccess(told)) {
      const { duplicate, offset, partition } = told.value
      add({
        _tag: "Settled",
        issue: number,
        eventId,
        outcome: "acked",
        partition,
        ...(offset === undefined ? undefined : { offset }),
        ...(duplicate === undefined ? undefined : { duplicate })
      })
      return
    }
    const error = told.cause.reasons.find(Cause.isFailReason)?.error
    if (error !== undefined) {
      add({ _tag: "Settled", issue: number, eventId, outcome: error.outcome, reason: error.reason._tag })
    } else if (Cause.hasInterruptsOnly(told.cause)) {
      add({ _tag: "Settled", issue: number, eventId, outcome: "withdrawn" })
    } else {
      add({ _tag: "Settled", issue: number, eventId, outcome: "unknown", reason: Cause.pretty(told.cause) })
    }
  }

  return {
    entries,
    add,
    issue,
    settle,
    publish: (publisher, topic, envelope) =>
      Effect.suspend(() => {
        const number = issue(topic.name, envelope)
        return publisher.publishAsync(topic, envelope).pipe(
          // Nothing may come between the acceptance and its record.
          Effect.onExit((exit) =>
            Effect.sync(() => {
              if (Exit.isFailure(exit)) settle(number, envelope.eventId, Exit.failCause(exit.cause))
            })
          ),
          Effect.matchCauseEffect({
            onFailure: (cause) => Effect.succeed(Effect.succeed(Exit.failCause(cause))),
            onSuccess: (receipt) =>
              Effect.exit(receipt).pipe(
                Effect.tap((told) => Effect.sync(() => settle(number, envelope.eventId, told))),
                Effect.forkDetach({ startImmediately: true }),
                Effect.map(Fiber.join)
              )
          })
        )
      }),
    publishBatch: (publisher, topic, envelopes, options) =>
      Effect.suspend(() => {
        const numbers = envelopes.map((envelope) => issue(topic.name, envelope))
        return Effect.tap(
          publisher.publishBatch(topic, envelopes, options),
          (told) =>
            Effect.sync(() => told.forEach((exit, i) => settle(numbers[i] ?? -1, envelopes[i]?.eventId ?? "", exit)))
        )
      }),
    reports: (publisher) =>
      Stream.runForEach(publisher.results, (result) =>
        Effect.sync(() =>
          add({
            _tag: "Reported",
            topic: result.topic,
            eventId: result.eventId,
            outcome: result._tag === "Acked" ? "acked" : result._tag === "Rejected" ? "rejected" : "unknown"
          })
        )),
    handler: <E extends Envelope.Envelope, A, X, R>(
      group: string,
      member: string,
      handle: (envelope: E, delivery: Delivery.Any) => Effect.Effect<A, X, R>
    ) =>
    (envelope: E, delivery: Delivery.Any) =>
      Effect.suspend(() => {
        const run = ++runs
        const { aggregateId, eventId } = envelope
        const { attempt, offset, partition, topic } = delivery
        add({ _tag: "Started", run, group, member, eventId, aggregateId, attempt, topic, partition, offset })
        return Effect.onExit(handle(envelope, delivery), (exit) =>
          Effect.sync(() => add({ _tag: "Ended", run, outcome: outcomeOf(exit) })))
      })
  }
})

// --- JSON lines -------------------------------------------------------------------------------------------------------

const line = Schema.fromJsonString(Schema.toCodecJson(Entry))
const encode = Schema.encodeUnknownSync(line)
const decode = Schema.decodeUnknownEffect(line)

/**
 * One line of JSON per entry.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toJsonLines = (entries: ReadonlyArray<Entry>): string =>
  entries.map((entry) => `${encode(entry)}\n`).join("")

/**
 * The inverse of {@link toJsonLines}.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromJsonLines = (text: string): Effect.Effect<ReadonlyArray<Entry>, Schema.SchemaError> =>
  Effect.forEach(text.split("\n").filter((part) => part.trim() !== ""), (part) => decode(part))
