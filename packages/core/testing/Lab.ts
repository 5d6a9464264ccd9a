/**
 * What a law works with: topics and groups of its own, buses that can be closed or made to crash, a history, and time
 * that passes by itself where the broker lives in real time, and is moved where it lives by a `TestClock`.
 *
 * @since 0.1.0
 */
import { Context, type Duration, Effect, Equal, Formatter, type Latch, Random, Scope } from "effect"
import type * as Broker from "../src/Broker.ts"
import type * as DeadLetters from "../src/DeadLetters.ts"
import type * as Delivery from "../src/Delivery.ts"
import type * as Event from "../src/Event.ts"
import type * as EventBus from "../src/EventBus.ts"
import type * as Health from "../src/Health.ts"
import type * as Publisher from "../src/Publisher.ts"
import type { Receipt } from "../src/Receipt.ts"
import type * as SubscribeError from "../src/SubscribeError.ts"
import type * as Subscriber from "../src/Subscriber.ts"
import type * as Subscription from "../src/Subscription.ts"
import * as Topic from "../src/Topic.ts"
import type * as TopicAdmin from "../src/TopicAdmin.ts"
import * as Checker from "./Checker.ts"
import * as History from "./History.ts"
import { Corrected, type Fact, type LawTopic, Noted } from "./internal/facts.ts"
import { asViolation, connect, open } from "./internal/labBus.ts"
import * as Time from "./internal/time.ts"
import { type LawViolation, violated } from "./internal/time.ts"
import * as ReadBack from "./ReadBack.ts"
import type * as Subject from "./Subject.ts"

// --- violations -------------------------------------------------------------------------------------------------------

export {
  /**
   * A law does not hold.
   *
   * @category errors
   * @since 0.1.0
   */
  LawViolation,
  /**
   * @category errors
   * @since 0.1.0
   */
  violated
} from "./internal/time.ts"

/**
 * Fails unless it is so.
 *
 * @category assertions
 * @since 0.1.0
 */
export const expect = (condition: boolean, message: () => string): Effect.Effect<void, LawViolation> =>
  Effect.suspend(() => condition ? Effect.void : Effect.fail(violated(message())))

/**
 * Fails unless both are structurally equal.
 *
 * @category assertions
 * @since 0.1.0
 */
export const expectEqual = (what: string, actual: unknown, expected: unknown): Effect.Effect<void, LawViolation> =>
  expect(
    Equal.equals(actual, expected),
    () => `${what}: ${Formatter.format(actual)} where ${Formatter.format(expected)} was expected`
  )

// --- facts ------------------------------------------------------------------------------------------------------------

export {
  /**
   * The second event of the laws.
   *
   * @category facts
   * @since 0.1.0
   */
  Corrected,
  /**
   * @category facts
   * @since 0.1.0
   */
  type Fact,
  /**
   * @category facts
   * @since 0.1.0
   */
  type LawTopic,
  /**
   * The event of the laws: `n` counts the events of the aggregate `key`.
   *
   * @category facts
   * @since 0.1.0
   */
  Noted
} from "./internal/facts.ts"

// --- buses ------------------------------------------------------------------------------------------------------------

/**
 * A subscription of a {@link Bus}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Consuming extends Subscription.Subscription {
  /** Ends it as its scope would. */
  readonly close: Effect.Effect<void, LawViolation>
}

/**
 * What a law says of a subscription.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConsumeOptions extends Omit<Subscriber.SubscribeOptions<never>, "handlers"> {
  /** As the history knows it. Default `"m1"`. */
  readonly member?: string | undefined
  /** Default: done. */
  readonly handle?: ((fact: Fact, delivery: Delivery.Any) => Effect.Effect<unknown, unknown>) | undefined
}

/**
 * A bus over a client of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bus {
  readonly publisher: Publisher.Publisher["Service"]
  readonly subscriber: Subscriber.Subscriber["Service"]
  readonly admin: TopicAdmin.TopicAdmin["Service"]
  readonly deadLetters: DeadLetters.DeadLetters["Service"]
  readonly health: Health.Health["Service"]
  readonly broker: Broker.Broker["Service"]
  readonly scope: Scope.Scope
  /** Subscribes in a scope of its own inside of the bus, with everything in the history. */
  readonly consume: (
    topic: LawTopic,
    options: ConsumeOptions
  ) => Effect.Effect<Consuming, SubscribeError.SubscribeError | LawViolation>
  /** Publishes one after the other, without waiting for acknowledgements; completes with what the callers were told. */
  readonly publishAll: (
    topic: LawTopic,
    facts: Iterable<Fact>
  ) => Effect.Effect<ReadonlyArray<History.Told>, LawViolation>
  /** The same, and each has to be acknowledged. */
  readonly acked: (topic: LawTopic, facts: Iterable<Fact>) => Effect.Effect<ReadonlyArray<Receipt>, LawViolation>
  /** Ends it gracefully. */
  readonly close: Effect.Effect<void, LawViolation>
  /** Ends it like a process that is killed: nothing that it still has to say reaches the broker. */
  readonly crash: Effect.Effect<void, LawViolation>
  /** Closed, the client takes no more records. */
  readonly gate: Latch.Latch
}

/**
 * What a law says of a bus.
 *
 * @category models
 * @since 0.1.0
 */
export interface BusOptions extends EventBus.Options {
  /** Writes down what `results` tells. Default true. */
  readonly reports?: boolean | undefined
}

// --- the lab ----------------------------------------------------------------------------------------------------------

/**
 * What a law says of its topic.
 *
 * @category models
 * @since 0.1.0
 */
export type TopicOptions = Omit<Topic.Options<never>, "events">

/**
 * What {@link Lab} `verify` judges beside the history.
 *
 * @category models
 * @since 0.1.0
 */
export type VerifyOptions = Pick<Checker.Input, "caughtUp" | "noDuplicates" | "unordered" | "reported" | "faults">

/**
 * @category services
 * @since 0.1.0
 */
export class Lab extends Context.Service<Lab, {
  readonly subject: Subject.Subject
  /** A client that takes no part: to look at the broker. */
  readonly observer: Broker.Broker["Service"]
  readonly capabilities: Broker.Capabilities
  readonly history: History.History
  /** A part of names that no other law and no other run has. */
  readonly token: string
  /** A definition under a name that nobody has used. Its topic does not exist yet. */
  readonly topic: (options?: TopicOptions) => LawTopic
  /** The `n`-th fact of an aggregate, with an id that tells which it is. */
  readonly fact: (key: string, n: number, meta?: Event.Meta & { readonly text?: string }) => Fact
  readonly bus: (options?: BusOptions) => Effect.Effect<Bus, LawViolation>
  /** A client without a bus. */
  readonly client: Effect.Effect<Broker.Broker["Service"], LawViolation>
  /** Waits for an effect while time goes by. Violated where it takes longer than the subject's patience. */
  readonly await: <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LawViolation, R>
  /** Waits for a condition while time goes by. */
  readonly until: (what: string | (() => string), condition: () => boolean) => Effect.Effect<void, LawViolation>
  /** Waits for a condition that has to be asked for. */
  readonly eventually: <E, R>(
    what: string,
    condition: Effect.Effect<boolean, E, R>
  ) => Effect.Effect<void, E | LawViolation, R>
  /** Lets time go by. */
  readonly pass: (duration: Duration.Input) => Effect.Effect<void>
  /** Lets enough time go by to see that nothing happens. */
  readonly quiet: Effect.Effect<void>
  /** Everything a topic holds. */
  readonly stored: (topic: Topic.Any) => Effect.Effect<ReadonlyArray<ReadBack.Stored>, LawViolation>
  /** Judges the history and what the topic holds. */
  readonly verify: (topic: Topic.Any, options?: VerifyOptions) => Effect.Effect<Checker.Figures, LawViolation>
  /** Handlings of a group that ended with success, in order. */
  readonly done: (group: string) => ReadonlyArray<History.Entry & { readonly _tag: "Started" }>
  /** Handlings of a group that began, in order. */
  readonly started: (group: string) => ReadonlyArray<History.Entry & { readonly _tag: "Started" }>
  /** Waits until a group has handled so many different events with success. */
  readonly handled: (group: string, count: number) => Effect.Effect<void, LawViolation>
}>()("@effect-eventbus/core/testing/Lab") {}

const timestamp = Date.UTC(2026, 0, 1)

/**
 * Opens a lab in the current scope. Where the subject lives by a `TestClock`, the fiber has to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  subject: Subject.Subject
): Effect.fn.Return<Lab["Service"], LawViolation, Scope.Scope> {
  const root = yield* Effect.scope
  const history = yield* History.make
  const word = yield* Random.nextIntBetween(0, 36 ** 6)
  const token = `x${word.toString(36).padStart(6, "0")}`
  const time = Time.make(subject)
  const fields = { subject, time, history, root }
  let names = 0
  const observer = yield* connect(subject, time, root)

  const stored = (topic: Topic.Any) =>
    Effect.suspend(() =>
      time.await(`${topic.name} is read back`, ReadBack.read(observer, topic, `readback-${token}-${++names}`))
    ).pipe(asViolation(`${topic.name} cannot be read back`))

  const started = (group: string) =>
    history.entries.flatMap((entry) => entry._tag === "Started" && entry.group === group ? [entry] : [])

  const done = (group: string) => {
    const ended = new Set(
      history.entries.flatMap((entry) => entry._tag === "Ended" && entry.outcome === "done" ? [entry.run] : [])
    )
    return started(group).filter(({ run }) => ended.has(run))
  }

  return Lab.of({
    subject,
    observer,
    capabilities: observer.capabilities,
    history,
    token,
    topic: (options) =>
      Topic.make(`${subject.prefix}.${token}.t${++names}`, {
        ...options,
        ...subject.topic,
        events: [Noted, Corrected]
      }),
    fact: (key, n, meta = {}) => {
      const { text, ...rest } = meta
      return Noted.make(
        { key, n, ...(text === undefined ? undefined : { text }) },
        { eventId: `${token}-${key}-${n}`, timestamp: new Date(timestamp + n % 86_400_000), ...rest }
      )
    },
    bus: (options) => open(fields, options),
    client: Effect.flatMap(Scope.fork(root), (scope) => connect(subject, time, scope)),
    ...time,
    stored,
    verify: Effect.fnUntraced(function*(topic, options) {
      const report = Checker.check({ entries: history.entries, stored: yield* stored(topic), ...options })
      yield* expect(report.violations.length === 0, () => Checker.format(report))
      return report.figures
    }),
    done,
    started,
    handled: (group, count) =>
      time.until(
        () => `${group} has handled ${new Set(done(group).map(({ eventId }) => eventId)).size} of ${count} events`,
        () => new Set(done(group).map(({ eventId }) => eventId)).size >= count
      )
  })
})
