/**
 * A connection as the SPI's broker.
 */
import { Deferred, Effect, Option, Schema, type Scope } from "effect"
import type * as Broker from "../../Broker.ts"
import * as BrokerError from "../../BrokerError.ts"
import type { Connection } from "./connection.ts"
import { makeConsumer } from "./consumer.ts"
import { ProducerState } from "./producer.ts"
import { atomicBatch } from "./store.ts"

export const brokerError = (reason: BrokerError.Reason): BrokerError.BrokerError =>
  new BrokerError.BrokerError({ reason })

export const topicMissing = (topic: string): BrokerError.BrokerError =>
  brokerError(new BrokerError.TopicMissing({ topic, message: `there is no topic "${topic}"` }))

export const makeService = (connection: Connection): Broker.Broker["Service"] => {
  const { cluster } = connection

  /** The request reaches the broker only over a connection. */
  const request = <A>(
    answer: () => Effect.Effect<A, BrokerError.BrokerError>
  ): Effect.Effect<A, BrokerError.BrokerError> =>
    Effect.suspend(() =>
      connection.connected
        ? answer()
        : Effect.fail(brokerError(new BrokerError.NotConnected({ message: connection.reason })))
    )

  const ensureTopic = (spec: Broker.TopicSpec, strategy: Broker.EnsureStrategy) =>
    Effect.suspend((): Effect.Effect<Broker.Ensured, BrokerError.BrokerError> => {
      // It asks nothing, so it needs no connection.
      const ask = () => ensure(spec, strategy)
      return strategy === "skip" ? ask() : request(ask)
    })

  const ensure = (
    spec: Broker.TopicSpec,
    strategy: Broker.EnsureStrategy
  ): Effect.Effect<Broker.Ensured, BrokerError.BrokerError> => {
    const result = cluster.ensure(spec, strategy, connection.wall())
    const topic = spec.name
    switch (result._tag) {
      case "Created":
        return Effect.succeed({ topic: result.info, action: "created", drift: [] })
      case "Updated":
        return Effect.succeed({ topic: result.info, action: "updated", drift: result.drift })
      case "Found":
        return Effect.succeed({ topic: result.info, action: "found", drift: result.drift })
      case "Skipped":
        return Effect.succeed({ topic: result.info, action: "skipped", drift: [] })
      case "Missing":
        return Effect.fail(topicMissing(topic))
      case "Mismatch": {
        const fields = result.drift.map(({ actual, expected, field }) => `${field} is ${actual}, not ${expected}`)
        return Effect.fail(brokerError(new BrokerError.TopicMismatch({ topic, message: fields.join("; ") })))
      }
      case "Invalid":
        return Effect.fail(brokerError(new BrokerError.Refused({ kind: "invalid", message: result.message })))
    }
  }

  const backlog = (spec: Broker.TopicSpec, group: string) =>
    request((): Effect.Effect<Broker.Backlog, BrokerError.BrokerError> => {
      const topic = cluster.topics.get(spec.name)
      if (topic === undefined) return Effect.fail(topicMissing(spec.name))
      const now = connection.wall()
      topic.evictExpired(now)
      const state = topic.groups.get(group)
      let lag = 0
      let oldest = Infinity
      const partitions = topic.logs.map((log) => {
        const window = state?.windowOf(log.partition)
        const committed = window?.committed ?? log.start
        const behind = window?.lag(log.end) ?? log.end - log.start
        lag += behind
        if (behind > 0) oldest = Math.min(oldest, log.timestampOf(committed))
        return { partition: log.partition, committed: BigInt(committed), end: BigInt(log.end), lag: behind }
      })
      return Effect.succeed({
        topic: spec.name,
        group,
        partitions,
        lag,
        oldestMillis: oldest === Infinity ? undefined : Math.max(0, now - oldest)
      })
    })

  let probes = 0
  const health = Effect.fnUntraced(function*(
    options?: { readonly probe?: Broker.TopicSpec | undefined }
  ): Effect.fn.Return<Broker.HealthReport, BrokerError.BrokerError> {
    const started = connection.timers.now()
    yield* request(() => Effect.yieldNow)
    if (options?.probe !== undefined) yield* Effect.scoped(probe(options.probe, ++probes))
    return { roundTripMillis: connection.timers.now() - started, lastAckAt: connection.lastAckAt }
  })

  const probe = Effect.fnUntraced(function*(
    topic: Broker.TopicSpec,
    number: number
  ): Effect.fn.Return<void, BrokerError.BrokerError, Scope.Scope> {
    const info = cluster.topics.get(topic.name)?.info
    if (info === undefined) return yield* topicMissing(topic.name)
    const answer = Deferred.makeUnsafe<Broker.Outcome>()
    const settle = (outcome: Broker.Outcome): void =>
      connection.schedule(() => Deferred.doneUnsafe(answer, Effect.succeed(outcome)))
    const { send } = yield* producer
    yield* send([{
      topic: info,
      lane: "0",
      epoch: 0,
      records: [{
        // The same id again would be a duplicate, and store nothing.
        eventId: `probe-${connection.wall()}-${number}`,
        key: "probe",
        partition: 0,
        headers: [],
        body: new Uint8Array(0),
        size: 5
      }],
      resend: false,
      atomic: false,
      settle: (_, outcome) => settle(outcome),
      settleAll: settle
    }])
    const outcome = yield* Deferred.await(answer)
    if (outcome._tag === "Stored") return
    return yield* brokerError(
      isBrokerReason(outcome.reason)
        ? outcome.reason
        : new BrokerError.BrokerFailure({ retryable: outcome.reason.isRetryable, message: outcome.reason.message })
    )
  })

  const producer = Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new ProducerState(connection)),
      (state) => Effect.sync(() => state.close())
    ),
    (state): Broker.Producer => ({ lanes: state.lanes, send: state.send })
  )

  return {
    system: "memory",
    capabilities: {
      ordered: true,
      durable: true,
      deduplicates: true,
      ackWait: true,
      sharedGroups: true,
      replay: true,
      atomicBatch,
      offsets: true,
      maxRecordBytes: cluster.limits.maxRecordBytes
    },
    ensureTopic,
    describeTopic: (name) => request(() => Effect.succeed(Option.fromUndefinedOr(cluster.topics.get(name)?.info))),
    producer,
    consumer: (options) => makeConsumer(connection, options),
    health,
    status: connection.status,
    backlog
  }
}

const isBrokerReason = Schema.is(BrokerError.Reason)
