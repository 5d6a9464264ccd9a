/**
 * A member of a group as the SPI's consumer.
 */
import { Effect, type Scope, SubscriptionRef } from "effect"
import type { Assignment, Consumer, ConsumerOptions, InboundRecord } from "../../Broker.ts"
import * as SubscribeError from "../../SubscribeError.ts"
import type { Connection } from "./connection.ts"
import { Group } from "./group.ts"
import { MemberState } from "./member.ts"
import { resolve } from "./position.ts"

const groupName = /^[A-Za-z0-9_-]{1,100}$/

export const makeConsumer = Effect.fnUntraced(function*(
  connection: Connection,
  options: ConsumerOptions
): Effect.fn.Return<Consumer, SubscribeError.SubscribeError, Scope.Scope> {
  const name = options.topic.name
  const fail = (reason: SubscribeError.Reason): SubscribeError.SubscribeError =>
    new SubscribeError.SubscribeError({ topic: name, group: options.group, reason })
  const outOfRange = (message: string): SubscribeError.SubscribeError =>
    fail(new SubscribeError.BrokerFailure({ retryable: false, message }))
  const lost = (): SubscribeError.SubscribeError =>
    fail(new SubscribeError.ConnectionLost({ message: connection.reason || "the consumer is closed" }))

  const open = (assignment: SubscriptionRef.SubscriptionRef<ReadonlyArray<Assignment>>) =>
    Effect.suspend(() => {
      if (!groupName.test(options.group)) {
        return Effect.fail(fail(
          new SubscribeError.GroupConflict({ group: options.group, message: `a group's name must match ${groupName}` })
        ))
      }
      if (!connection.connected) return Effect.fail(lost())
      const topic = connection.cluster.topics.get(name)
      if (topic === undefined) {
        return Effect.fail(fail(
          new SubscribeError.TopicMissing({ topic: name, message: `there is no topic "${name}"` })
        ))
      }
      let group = topic.groups.get(options.group)
      if (group === undefined) {
        topic.evictExpired(connection.wall())
        const start = resolve(topic, options.from, topic.logs.map(({ partition }) => partition))
        if (start._tag === "OutOfRange") return Effect.fail(outOfRange(start.message))
        group = new Group(options.group, topic, start.positions)
        topic.groups.set(options.group, group)
      }
      return Effect.succeed(new MemberState(connection, group, options, assignment))
    })

  const assignment = yield* SubscriptionRef.make<ReadonlyArray<Assignment>>([])
  const member = yield* Effect.acquireRelease(open(assignment), (opened) => Effect.sync(() => opened.close()))

  const poll = (max: number): Effect.Effect<ReadonlyArray<InboundRecord>, SubscribeError.SubscribeError> =>
    Effect.suspend(() => {
      if (member.closed) return Effect.fail(lost())
      const records = member.take(max)
      return records.length > 0
        ? Effect.succeed(records)
        : Effect.flatMap(member.arrivals.wait(member.ready), () => poll(max))
    })

  const flush: Effect.Effect<void, SubscribeError.SubscribeError> = Effect.suspend(() => {
    if (member.flushed()) return Effect.void
    if (member.closed) return Effect.fail(lost())
    return Effect.andThen(connection.awaitConnected, flush)
  })

  return {
    poll,
    settle: (records) => Effect.sync(() => member.settle(records)),
    flush,
    heartbeat: (records) => Effect.sync(() => member.heartbeat(records)),
    assignment,
    revocations: member.revocations.stream,
    seek: (position) =>
      Effect.suspend(() => {
        if (member.closed || !connection.connected) return Effect.fail(lost())
        const moved = member.seek(position)
        return moved._tag === "OutOfRange" ? Effect.fail(outOfRange(moved.message)) : Effect.void
      })
  }
})
