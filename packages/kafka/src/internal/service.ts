/**
 * An engine as the SPI's broker: the same for every client library.
 */
import * as Broker from "@effect-eventbus/core/Broker"
import * as BrokerError from "@effect-eventbus/core/BrokerError"
import { firstConnection } from "@effect-eventbus/core/Driver"
import * as SubscribeError from "@effect-eventbus/core/SubscribeError"
import { Clock, Deferred, Effect, Exit, Option, Queue, Schema, type Scope, Stream, SubscriptionRef } from "effect"
import { makeConsumer } from "./consumer.ts"
import { type Counters, makeCounters } from "./counters.ts"
import type { Engine } from "./engine.ts"
import { checked, topicProblem } from "./names.ts"
import { patienceInRequests, patient } from "./patientAdmin.ts"
import { makeProducer } from "./producer.ts"
import type { Settings } from "./settings.ts"
import { defaultMaxMessageBytes, leastFraming } from "./size.ts"
import { ensure, infoOf, request, topicMissing } from "./topology.ts"

const isBrokerReason = Schema.is(BrokerError.Reason)

export interface Opened {
  readonly service: Broker.Broker["Service"]
  readonly counters: Counters
}

/** The clients try again and again, and each request on each try: a broker that never speaks would be waited for, for minutes. */
export const firstAnswer = <A>(
  { bootstrapBrokers, connectTimeoutMillis, requestTimeoutMillis, tls }: Settings,
  asked: Effect.Effect<A, BrokerError.BrokerError>
): Effect.Effect<A, BrokerError.BrokerError> => {
  const millis = bootstrapBrokers.length * connectTimeoutMillis + 2 * requestTimeoutMillis
  // With TLS 1.3 it says so after the handshake, and the clients do not pass it on.
  const message = tls === undefined ? "no broker answered" : "no broker answered: it may want a client's certificate"
  const orElse = () => new BrokerError.BrokerError({ reason: new BrokerError.Timeout({ millis, message }) })
  return Effect.mapError(
    Effect.timeoutOrElse(asked, { duration: millis, orElse }),
    (error) =>
      error.reason._tag === "NotConnected" && /closed/i.test(error.reason.message)
        ? new BrokerError.BrokerError({
          reason: new BrokerError.NotConnected({
            message: `${error.reason.message}: the broker may want TLS, a client's certificate or SASL`,
            cause: error.reason.cause
          })
        })
        : error
  )
}

/** Connects, until the scope closes. Fails where no broker can be reached, or lets nobody in. */
export const open = Effect.fnUntraced(function*(
  settings: Settings,
  impatient: Engine
): Effect.fn.Return<Opened, BrokerError.BrokerError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  const engine: Engine = {
    ...impatient,
    admin: patient(impatient.admin, {
      now: () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
      sleep: (millis) => run(Effect.sleep(millis)),
      withinMillis: patienceInRequests * settings.requestTimeoutMillis,
      pauseMillis: settings.retryDelayMillis
    })
  }
  const { admin } = engine
  const counters = makeCounters()
  const status = yield* SubscriptionRef.make<Broker.Status>({
    _tag: "Disconnected",
    since: 0,
    reason: "not connected yet"
  })
  const millis = (): number => Number(clock.currentTimeNanosUnsafe()) / 1e6

  if (settings.sasl?.mechanism === "PLAIN" && settings.tls === undefined) {
    yield* Effect.logWarning("SASL PLAIN without TLS sends the password in clear text")
  }
  yield* Effect.addFinalizer(() =>
    Effect.promise(() => engine.close()).pipe(
      Effect.timeoutOption(settings.requestTimeoutMillis),
      Effect.interruptible,
      Effect.andThen(SubscriptionRef.set(status, { _tag: "Closed" }))
    )
  )

  // The client tells of its connections from its callbacks; only the last word counts.
  const words = yield* Queue.sliding<Broker.Status>(16)
  engine.onStatus(({ connected, reason }) => {
    Queue.offerUnsafe(
      words,
      connected ? { _tag: "Connected" } : { _tag: "Disconnected", since: clock.currentTimeMillisUnsafe(), reason }
    )
  })
  const asked = yield* firstConnection(
    firstAnswer(settings, request("", () => impatient.admin.maxMessageBytes())),
    {
      system: "kafka",
      within: settings.initialConnectTimeoutMillis,
      pause: settings.retryDelayMillis
    }
  )
  const largest = asked ?? defaultMaxMessageBytes
  yield* SubscriptionRef.set(status, { _tag: "Connected" })
  yield* Effect.forkScoped(
    Stream.runForEach(
      Stream.fromQueue(words),
      (next) => SubscriptionRef.update(status, (now) => now._tag === next._tag || now._tag === "Closed" ? now : next)
    )
  )

  let lastAckAt: number | undefined
  const ensureTopic = (spec: Broker.TopicSpec, strategy: Broker.EnsureStrategy) =>
    checked(spec.name, undefined, ensure(admin, spec, settings.topicSettings(spec.name), strategy))

  const describeTopic = (name: string) =>
    checked(
      name,
      undefined,
      Effect.map(
        request(name, () => admin.describe(name)),
        (found) => found === undefined ? Option.none() : Option.some(infoOf(name, found))
      )
    )

  const producer = Effect.suspend(() =>
    makeProducer({
      sender: engine.sender(() => clock.currentTimeMillisUnsafe()),
      clock,
      sendTimeoutMillis: settings.sendTimeoutMillis,
      requestTimeoutMillis: settings.requestTimeoutMillis,
      maxBufferedBytes: settings.maxBufferedBytes,
      maxMessageBytes: ({ maxRecordBytes }) => maxRecordBytes === undefined ? largest : maxRecordBytes + leastFraming,
      onAck: () => {
        lastAckAt = clock.currentTimeMillisUnsafe()
      }
    })
  )

  const backlog = Effect.fnUntraced(function*(
    { name }: Broker.TopicSpec,
    group: string
  ): Effect.fn.Return<Broker.Backlog, BrokerError.BrokerError> {
    const ends = yield* request(name, () => admin.offsets(name, "latest"))
    const [starts, committed] = yield* Effect.all([
      request(name, () => admin.offsets(name, "earliest")),
      request(name, () => admin.committed(group, name, ends.size))
    ])
    const partitions = [...ends].toSorted(([a], [b]) => a - b).map(([partition, end]) => {
      const start = starts.get(partition) ?? 0n
      const position = committed.get(partition) ?? start
      // What retention has removed is not there to be behind of.
      const from = position < start ? start : position
      return { partition, committed: position, end, lag: Math.max(0, Number(end - from)) }
    })
    const now = clock.currentTimeMillisUnsafe()
    let oldestMillis: number | undefined
    for (const { committed: position, lag, partition } of partitions) {
      if (lag === 0) continue
      const start = starts.get(partition) ?? 0n
      const stored = yield* request(name, () => admin.timestampAt(name, partition, position < start ? start : position))
      if (stored !== undefined) oldestMillis = Math.max(oldestMillis ?? 0, now - stored)
    }
    return { topic: name, group, partitions, lag: partitions.reduce((sum, { lag }) => sum + lag, 0), oldestMillis }
  })

  let probes = 0
  const probe = Effect.fnUntraced(function*(
    { name }: Broker.TopicSpec
  ): Effect.fn.Return<void, BrokerError.BrokerError, Scope.Scope> {
    const info = yield* describeTopic(name)
    if (info._tag === "None") return yield* topicMissing(name)
    const answer = Deferred.makeUnsafe<Broker.Outcome>()
    const settle = (outcome: Broker.Outcome): void => {
      queueMicrotask(() => Deferred.doneUnsafe(answer, Exit.succeed(outcome)))
    }
    const { send } = yield* producer
    yield* send([{
      topic: info.value,
      lane: "0",
      epoch: 0,
      records: [{
        eventId: `probe-${clock.currentTimeMillisUnsafe()}-${++probes}`,
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
    const { reason } = outcome
    return yield* new BrokerError.BrokerError({
      reason: isBrokerReason(reason)
        ? reason
        : new BrokerError.BrokerFailure({ retryable: reason.isRetryable, message: reason.message })
    })
  })

  const health = Effect.fnUntraced(function*(
    options?: { readonly probe?: Broker.TopicSpec | undefined }
  ): Effect.fn.Return<Broker.HealthReport, BrokerError.BrokerError> {
    const started = millis()
    if (options?.probe === undefined) yield* request("", () => admin.ping())
    else yield* Effect.scoped(probe(options.probe))
    return { roundTripMillis: millis() - started, lastAckAt }
  })

  return {
    counters,
    service: Broker.Broker.of({
      system: "kafka",
      capabilities: {
        ordered: true,
        durable: true,
        // Its idempotent producer recognises its own resends, not an event id.
        deduplicates: false,
        // Kafka gives a record again when its member is gone, not after a time.
        ackWait: false,
        sharedGroups: true,
        replay: true,
        atomicBatch: 0,
        offsets: true,
        maxRecordBytes: largest - leastFraming
      },
      ensureTopic,
      describeTopic,
      producer,
      consumer: (options) => {
        const { group, topic: { name } } = options
        const message = topicProblem(name)
        if (message === undefined) return makeConsumer({ engine, settings, counters }, options)
        const reason = new SubscribeError.BrokerFailure({ message, retryable: false })
        return Effect.fail(new SubscribeError.SubscribeError({ topic: name, group, reason }))
      },
      health,
      status,
      backlog: (topic, group) => checked(topic.name, group, backlog(topic, group))
    })
  }
})
