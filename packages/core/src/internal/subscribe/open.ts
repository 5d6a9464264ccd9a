import { Cause, Clock, Context, Effect, Option, Scope } from "effect"
import type * as Broker from "../../Broker.ts"
import type * as BrokerError from "../../BrokerError.ts"
import type * as Envelope from "../../Envelope.ts"
import * as SubscribeError from "../../SubscribeError.ts"
import * as Topic from "../../Topic.ts"
import { makeCodec } from "../codec.ts"
import { groupProblem, topicNameProblem } from "../names.ts"
import type { RawPublisher } from "../rawPublisher.ts"
import { replayOf } from "./deadLetterRecord.ts"
import * as DeadLetterStore from "./deadLetterStore.ts"
import { Dedup } from "./dedup.ts"
import { Engine, type Hands } from "./engine.ts"
import type { Held } from "./held.ts"
import type { Decided } from "./options.ts"
import { reader } from "./read.ts"
import type { Source } from "./source.ts"

/** What subscriptions of one subscriber share. */
export interface Shared {
  readonly broker: Broker.Broker["Service"]
  readonly publisher: RawPublisher["Service"]
  /** Ensures a topic, once. */
  readonly ensure: (topic: Broker.TopicSpec) => Effect.Effect<unknown, BrokerError.BrokerError>
}

export interface Opened {
  readonly engine: Engine<Envelope.Envelope>
  readonly source: Source<Envelope.Envelope>
}

const fromBroker = (reason: BrokerError.Reason): SubscribeError.Reason => {
  switch (reason._tag) {
    case "Unauthorized":
    case "TopicMissing":
    case "BrokerFailure":
      return reason
    case "NotConnected":
      return new SubscribeError.ConnectionLost({ message: reason.message, cause: reason })
    case "TopicMismatch":
    case "Refused":
    case "Timeout":
      return new SubscribeError.BrokerFailure({
        message: reason.message,
        retryable: reason.isRetryable,
        cause: reason
      })
  }
}

/** Throws where the names would be too long, or the one that was given is none. */
const namesOf = (topic: string, { consumer: { group }, deadLetter }: Decided) => {
  const problem = deadLetter === undefined ? undefined : topicNameProblem(deadLetter)
  if (problem !== undefined) throw new RangeError(`the dead letter topic's name ${problem}`)
  return { deadLetter: deadLetter ?? Topic.deadLetterName(topic, group), retry: Topic.retryName(topic, group) }
}

/** How often a subscription without a retry topic asks whether there is one by now: another member may have made it. */
const retryTopicLookup = "1 minute"

/**
 * Opens a subscription in the scope of `context`: its topics are ensured, its consumers open, its fibers run. `hands` is
 * asked for what runs handlers before the first record can come.
 */
export const open = Effect.fnUntraced(function*(
  shared: Shared,
  topic: Topic.Any,
  decided: Decided,
  context: Context.Context<Scope.Scope>,
  hands: (engine: Engine<Envelope.Envelope>) => Hands<Envelope.Envelope>
): Effect.fn.Return<Opened, SubscribeError.SubscribeError> {
  const { broker, publisher } = shared
  const { group } = decided.consumer
  const failWith = (reason: SubscribeError.Reason) =>
    new SubscribeError.SubscribeError({ topic: topic.name, group, reason })

  const problem = groupProblem(group)
  if (problem !== undefined) {
    return yield* failWith(
      new SubscribeError.GroupConflict({ group: String(group), message: `the group's name ${problem}` })
    )
  }
  const names = yield* Effect.try({
    try: () => namesOf(topic.name, decided),
    catch: (error) => failWith(new SubscribeError.GroupConflict({ group, message: String(error) }))
  })
  yield* Effect.mapError(shared.ensure(topic), (error) => failWith(fromBroker(error.reason)))

  const clock = Context.get(context, Clock.Clock)
  const deadLetterTopic = DeadLetterStore.topicSpec(names.deadLetter, topic)
  const retryTopic: Broker.TopicSpec = { ...topic, name: names.retry }
  const dedup = decided.dedup === undefined ? undefined : new Dedup(decided.dedup.windowMillis, decided.dedup.limit)
  const store = DeadLetterStore.store({
    publisher,
    topic: deadLetterTopic,
    group,
    onFailure: () => engine.dispatcher.counters.deadLetterFailures++
  })
  const engine: Engine<Envelope.Envelope> = new Engine<Envelope.Envelope>({
    topic: topic.name,
    group,
    broker,
    clock,
    context,
    policy: decided.policy,
    dedup,
    drainTimeoutMillis: decided.drainTimeoutMillis,
    read: reader(makeCodec(topic)),
    dedupId: (held: Held<Envelope.Envelope>, envelope) => `${envelope.eventId} ${replayOf(held.record.headers)}`,
    storeDeadLetter: (held, cause) =>
      Effect.andThen(
        store(held.record, held.attempt, cause, held.seenAt),
        // Only what is dead can be replayed: from now on there may be replays for this group alone.
        Effect.sync(() => openRetryTopic(true))
      )
  })
  engine.hands = hands(engine)

  let retryTopicOpen = false
  /** A second consumer on the group's retry topic, once there is one. No message costs a request for it. */
  const readRetryTopic = Effect.fnUntraced(function*(create: boolean) {
    if (retryTopicOpen) return
    if (create) yield* shared.ensure(retryTopic)
    else if (Option.isNone(yield* broker.describeTopic(retryTopic.name))) return
    if (retryTopicOpen || engine.dispatcher.closing) return
    retryTopicOpen = true
    yield* engine.addSource({ ...decided.consumer, topic: retryTopic, from: "earliest" }).pipe(
      Effect.onError(() =>
        Effect.sync(() => {
          retryTopicOpen = false
        })
      )
    )
  })
  const openRetryTopic = (create: boolean): void => {
    if (retryTopicOpen) return
    engine.runBackground(
      Effect.catchCause(
        readRetryTopic(create),
        (cause) => Effect.logWarning(`cannot read ${retryTopic.name} yet: ${Cause.pretty(cause)}`)
      )
    )
  }

  // Added first: from here on, whatever is open is closed with the scope, in the engine's order.
  yield* Scope.addFinalizer(Context.get(context, Scope.Scope), engine.close)
  return yield* Effect.gen(function*() {
    yield* engine.start
    const source = yield* engine.addSource(decided.consumer)
    yield* Effect.mapError(
      readRetryTopic(decided.retryTopic),
      (error) => error._tag === "SubscribeError" ? error : failWith(fromBroker(error.reason))
    )
    if (!retryTopicOpen) {
      engine.runBackground(
        Effect.sync(() => openRetryTopic(false)).pipe(
          Effect.delay(retryTopicLookup),
          Effect.repeat({ until: () => retryTopicOpen }),
          Effect.asVoid
        )
      )
    }
    return { engine, source }
  }).pipe(Effect.onError(() => engine.close))
})
