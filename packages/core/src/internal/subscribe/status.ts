import { Cause, Effect, Stream, SubscriptionRef } from "effect"
import type * as Broker from "../../Broker.ts"
import type { LaneStatus, PartitionStatus, SubscriptionStatus } from "../../Subscription.ts"
import type { AnyEnvelope } from "./dispatcher.ts"
import type { Engine } from "./engine.ts"
import type { Held } from "./held.ts"
import type { Lane } from "./lanes.ts"
import type { Source } from "./source.ts"

const maxRetrying = 100
const intervalMillis = 1000

const causeOf = <A>(held: Held<A>): string => {
  if (held.halted !== undefined) return `${held.halted._tag}: ${held.halted.message}`
  if (held.cause !== undefined) return String(Cause.squash(held.cause))
  return "a retry was asked for"
}

const laneStatus = <A>({ key, length }: Lane<Held<A>>, head: Held<A>): LaneStatus => {
  const { attempt, record } = head
  return {
    aggregateId: key,
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    attempts: attempt,
    waiting: length - 1,
    cause: causeOf(head)
  }
}

/** The lag of each partition of a source, where the broker can be asked. */
const lags = (
  broker: Broker.Broker["Service"],
  spec: Broker.TopicSpec,
  group: string
): Effect.Effect<ReadonlyMap<number, number>> =>
  Effect.match(broker.backlog(spec, group), {
    onSuccess: ({ partitions }) => new Map(partitions.map(({ lag, partition }) => [partition, lag] as const)),
    onFailure: () => new Map<number, number>()
  })

const partitionsOf = Effect.fnUntraced(function*<A>(
  broker: Broker.Broker["Service"],
  source: Source<A>,
  group: string,
  ended: boolean
) {
  const lag = yield* lags(broker, source.spec, group)
  const assigned = new Set(
    ended ? [] : (yield* SubscriptionRef.get(source.consumer.assignment)).map(({ partition }) => partition)
  )
  const numbers = new Set([...assigned, ...source.partitions.keys()])
  return Array.from(numbers).toSorted((a, b) => a - b).map((number): PartitionStatus => {
    const partition = source.partitions.get(number)
    return {
      topic: source.spec.name,
      partition: number,
      assigned: assigned.has(number),
      inFlight: partition?.held.size ?? 0,
      lag: lag.get(number),
      lastHandled: partition?.lastHandled
    }
  })
})

const snapshot = Effect.fnUntraced(function*<A extends AnyEnvelope>(
  broker: Broker.Broker["Service"],
  engine: Engine<A>
) {
  const { dispatcher, ended, error } = engine
  const { counters, lanes, sources, storing } = dispatcher
  const partitions = yield* Effect.forEach(sources, (source) => partitionsOf(broker, source, engine.group, ended))
  const retrying: Array<LaneStatus> = []
  const halted: Array<LaneStatus> = []
  for (const lane of lanes.sleeping + lanes.halted === 0 ? [] : lanes.values()) {
    const { head, state } = lane
    if (head === undefined) continue
    if (state === "halted") halted.push(laneStatus(lane, head))
    else if (state === "sleeping" && retrying.length < maxRetrying) retrying.push(laneStatus(lane, head))
  }
  const sum = (f: (source: Source<A>) => number) => sources.reduce((total, source) => total + f(source), 0)
  const status: SubscriptionStatus = {
    topic: engine.topic,
    group: engine.group,
    state: ended ? "stopped" : dispatcher.closing ? "stopping" : dispatcher.paused ? "paused" : "running",
    partitions: partitions.flat(),
    inFlight: {
      count: sum((source) => source.inFlight),
      bytes: sum((source) => source.bytes),
      limit: sum((source) => source.maxInFlight),
      limitBytes: sum((source) => source.maxInFlightBytes),
      aggregates: lanes.active,
      running: lanes.running - storing,
      storing
    },
    retrying,
    halted,
    counters: { ...counters },
    error
  }
  return status
})

/** See `Subscription.status`. */
export const stream = <A extends AnyEnvelope>(
  broker: Broker.Broker["Service"],
  engine: Engine<A>
): Stream.Stream<SubscriptionStatus> =>
  Stream.unfold(
    -1,
    Effect.fnUntraced(function*(seen: number) {
      // -1: the first one; -2: the one after the last.
      if (seen === -2) return undefined
      if (seen !== -1 && !engine.ended) {
        yield* Effect.raceFirst(
          Effect.sleep(intervalMillis),
          engine.changes.until(() => engine.revision !== seen || engine.ended)
        )
      }
      const { revision } = engine
      const status = yield* snapshot(broker, engine)
      return [status, status.state === "stopped" ? -2 : revision] as const
    })
  )
