/**
 * A member of a group as the SPI's consumer.
 */
import type { Assignment, Consumer, ConsumerOptions, InboundRecord } from "@effect-eventbus/core/Broker"
import * as SubscribeError from "@effect-eventbus/core/SubscribeError"
import { Clock, Deferred, Effect, FiberSet, Schedule, type Scope, SubscriptionRef } from "effect"
import { ask } from "./ask.ts"
import { subscribeError } from "./classify.ts"
import type { Counters } from "./counters.ts"
import type { Engine } from "./engine.ts"
import type { Failure } from "./failure.ts"
import { Member } from "./member.ts"
import { passes, patienceInRequests } from "./patientAdmin.ts"
import { resolve } from "./positions.ts"
import type { Settings } from "./settings.ts"

const groupName = /^[A-Za-z0-9_-]{1,100}$/

/** Joining a group takes as long as its slowest member. */
const closeMillis = 3000

/** What is not committed at the end comes again: a busy broker is asked once more, one that is away is not waited for. */
const lastCommit = (member: Member): Effect.Effect<void, Failure> =>
  Effect.retry(member.commits.once, { while: ({ kind }) => kind === "timeout" })

export interface ConsumerFields {
  readonly engine: Engine
  readonly settings: Settings
  readonly counters: Counters
}

export const makeConsumer = Effect.fnUntraced(function*(
  { counters, engine, settings }: ConsumerFields,
  options: ConsumerOptions
): Effect.fn.Return<Consumer, SubscribeError.SubscribeError, Scope.Scope> {
  const { group } = options
  const topic = options.topic.name
  const { admin } = engine
  const failWith = (found: Failure): SubscribeError.SubscribeError => subscribeError(found, { topic, group })
  const refuse = (reason: SubscribeError.Reason) => new SubscribeError.SubscribeError({ topic, group, reason })
  if (!groupName.test(group)) {
    return yield* refuse(
      new SubscribeError.GroupConflict({ group, message: `a group's name must match ${groupName}` })
    )
  }
  const described = yield* Effect.mapError(ask(() => admin.describe(topic)), failWith)
  if (described === undefined) {
    return yield* refuse(new SubscribeError.TopicMissing({ topic, message: `there is no topic "${topic}"` }))
  }

  const clock = yield* Clock.Clock
  const context = yield* Effect.context<never>()
  const assignment = yield* SubscriptionRef.make<ReadonlyArray<Assignment>>([])
  const background = yield* FiberSet.make<void>()
  const fork = yield* FiberSet.runtime(background)<never>()
  const member = new Member({
    options,
    settings: settings.consumer,
    admin,
    counters,
    assignment,
    fork: (effect) => {
      if (!member.closed) fork(effect)
    },
    run: Effect.runPromiseWith(context),
    now: () => clock.currentTimeMillisUnsafe()
  })
  const membership = engine.membership(group, topic, {
    now: () => clock.currentTimeMillisUnsafe(),
    onRevoke: (lost) => member.revoke(lost),
    onAssign: (partitions) => member.assign(partitions),
    onLost: (partitions) => {
      void member.revoke(true, partitions)
    },
    onStall: (message) => {
      counters.heartbeatStalls++
      fork(Effect.logWarning(`${topic} (${group}): ${message}`))
    }
  })
  member.membership = membership

  yield* Effect.addFinalizer(() =>
    Effect.interruptible(Effect.ignore(Effect.timeoutOption(lastCommit(member), closeMillis))).pipe(
      Effect.andThen(Effect.sync(() => member.close())),
      Effect.andThen(Effect.interruptible(Effect.timeoutOption(Effect.promise(() => membership.close()), closeMillis)))
    )
  )

  // The position is committed for the group before anybody joins it. Where it has members already, the one that is
  // assigned a partition without a position commits it.
  const committed = yield* Effect.mapError(ask(() => admin.committed(group, topic, described.partitions)), failWith)
  if (committed.size === 0) {
    const positions = yield* Effect.mapError(resolve(admin, topic, options.from), failWith)
    member.start = positions
    yield* Effect.ignore(ask(() => admin.commit(group, topic, positions)))
  }
  const begin = clock.monotonicTimeNanosUnsafe()
  const { rebalanceTimeoutMillis } = settings.consumer
  // A member that hands over makes the others wait, longer than for other requests. To ask again is no second membership.
  const patience = (found: Failure): number =>
    // A request that is not answered in time takes its connection with it, and so the others that wait on it.
    found.kind === "timeout" || found.kind === "lost"
      ? rebalanceTimeoutMillis
      : patienceInRequests * settings.requestTimeoutMillis
  yield* ask(() => membership.join()).pipe(
    Effect.retry({
      while: (found) => passes(found) && Number(clock.monotonicTimeNanosUnsafe() - begin) / 1e6 < patience(found),
      schedule: Schedule.spaced(settings.retryDelayMillis)
    }),
    Effect.mapError(failWith)
  )
  yield* Deferred.await(member.opened)

  yield* Effect.forkScoped(member.commits.run)
  yield* Effect.forkScoped(member.watch)
  yield* Effect.forkScoped(
    Effect.forever(Effect.andThen(Effect.sleep(settings.metadataMaxAgeMillis), member.fetcher.refreshLeaders))
  )

  const poll = (max: number): Effect.Effect<ReadonlyArray<InboundRecord>, SubscribeError.SubscribeError> =>
    Effect.suspend(() => {
      if (member.error !== undefined) return Effect.fail(member.error)
      if (member.closed) {
        return Effect.fail(refuse(new SubscribeError.ConnectionLost({ message: "the consumer is closed" })))
      }
      const records = member.take(max)
      return records.length > 0
        ? Effect.succeed(records)
        : Effect.flatMap(member.arrivals.wait(member.ready), () => poll(max))
    })

  return {
    poll,
    settle: (records) => Effect.sync(() => member.settle(records)),
    flush: member.commits.flush,
    // A classic consumer proves that it lives for all that it holds at once, in the background.
    heartbeat: () => Effect.void,
    assignment,
    revocations: member.revocations.stream,
    seek: (position) =>
      Effect.mapError(resolve(admin, topic, position), failWith).pipe(
        Effect.flatMap((positions) => member.seek(positions))
      )
  }
})
