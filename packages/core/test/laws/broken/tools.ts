/**
 * What breaks a memory broker: wrappers around the service, its producers and its consumers.
 */
import { Effect, Layer } from "effect"
import * as Broker from "../../../src/Broker.ts"
import * as EventBus from "../../../src/EventBus.ts"
import * as MemoryBroker from "../../../src/MemoryBroker.ts"
import * as Publisher from "../../../src/Publisher.ts"
import * as Faults from "../../../testing/Faults.ts"
import * as Subject from "../../../testing/Subject.ts"

type Service = Broker.Broker["Service"]
export type Wrap = (inner: Service) => Service

export interface Breakage {
  readonly name: string
  /** Laws of which each has to be violated, and what its violation says: nothing else may be the reason. */
  readonly caughtBy: Readonly<Record<string, RegExp>>
  /** Made anew for each subject, and shared by its clients. */
  readonly make: () => Wrap
  /** Broken above the broker: in the bus. */
  readonly bus?: Subject.Options["bus"]
}

/** A broker in memory with `wrap` between it and every client. */
export const subject = (
  { bus, make, name }: Pick<Breakage, "name" | "make" | "bus">,
  settings?: MemoryBroker.Settings
): Subject.Subject => {
  const faults = Effect.runSync(Faults.make)
  const inner = MemoryBroker.layer({ ...settings, cluster: MemoryBroker.makeClusterUnsafe(), faults: faults.injector })
  const wrap = make()
  const layer = Layer.effect(Broker.Broker, Effect.map(Broker.Broker, wrap)).pipe(Layer.provide(inner))
  return Subject.make(name, layer, {
    time: "test",
    patience: "2 minutes",
    cut: faults.disconnect(),
    mend: faults.reconnect,
    dropAcks: (count) => faults.dropAcks(count),
    bus
  })
}

// --- tools ------------------------------------------------------------------------------------------------------------

export const consumers =
  (change: (inner: Broker.Consumer, options: Broker.ConsumerOptions) => Broker.Consumer): Wrap => (inner) => ({
    ...inner,
    consumer: (options) => Effect.map(inner.consumer(options), (consumer) => change(consumer, options))
  })

/** Records on their way to the bus, changed or left out; settled are those that were left out, where `settle` says so. */
export const delivering = (
  change: (
    records: ReadonlyArray<Broker.InboundRecord>,
    options: Broker.ConsumerOptions
  ) => ReadonlyArray<Broker.InboundRecord>,
  settle = false
): Wrap =>
  consumers((inner, options) => {
    const poll = (max: number): ReturnType<Broker.Consumer["poll"]> =>
      Effect.flatMap(inner.poll(max), (records) => {
        const rest = change(records, options)
        const left = settle ? records.filter((record) => !rest.includes(record)) : []
        // A poll waits for at least one record.
        return Effect.andThen(inner.settle(left), rest.length === 0 ? poll(max) : Effect.succeed(rest))
      })
    return { ...inner, poll }
  })

export const producers = (change: (batch: Broker.Batch) => ReadonlyArray<Broker.Batch>): Wrap => (inner) => ({
  ...inner,
  producer: Effect.map(inner.producer, (producer) => ({
    ...producer,
    send: (batches) => producer.send(batches.flatMap(change))
  }))
})

export const stored: Broker.Outcome = { _tag: "Stored", offset: 0n, duplicate: false }

/** The batch with some of its records only; answers go to their own places. */
export const only = (
  batch: Broker.Batch,
  indices: ReadonlyArray<number>,
  change?: Partial<Broker.Batch>
): Broker.Batch => {
  const records = indices.flatMap((index) => batch.records[index] ?? [])
  const answered = new Set<number>()
  const settle = (place: number, outcome: Broker.Outcome): void => {
    answered.add(place)
    batch.settle(indices[place] ?? 0, outcome)
  }
  return copy(batch, {
    records,
    settle,
    settleAll: (outcome, from = 0) => {
      for (let place = from; place < indices.length; place++) if (!answered.has(place)) settle(place, outcome)
    },
    ...change
  })
}

/** The same batch with something changed. A `Batch` may be an instance: a spread would lose its methods. */
export const copy = (batch: Broker.Batch, change: Partial<Broker.Batch>): Broker.Batch => ({
  topic: batch.topic,
  lane: batch.lane,
  epoch: batch.epoch,
  records: batch.records,
  resend: batch.resend,
  atomic: batch.atomic,
  settle: (index, outcome) => batch.settle(index, outcome),
  settleAll: (outcome, from) => batch.settleAll(outcome, from),
  ...change
})

export const silent = { settle: () => {}, settleAll: () => {} }

export const places = (batch: Broker.Batch): ReadonlyArray<number> => batch.records.map((_, index) => index)

/** Some records of a batch are not handed on, and called stored. */
export const pretending = (loses: (record: Broker.OutboundRecord, index: number) => boolean): Wrap =>
  producers((batch) => {
    const lost = batch.records.map(loses)
    lost.forEach((is, index) => {
      if (is) batch.settle(index, stored)
    })
    const rest = places(batch).filter((index) => lost[index] !== true)
    return rest.length === 0 ? [] : [only(batch, rest)]
  })

/** The number of the fact that a record holds. */
export const number = (batch: Broker.Batch, index: number): number =>
  Number(batch.records[index]?.eventId.split("-").at(-1))

export const publishingThrough = (
  change: (publisher: Publisher.Publisher["Service"]) => Publisher.Publisher["Service"]
): Subject.Options["bus"] =>
(options) =>
  Layer.effect(Publisher.Publisher, Effect.map(Publisher.Publisher, change)).pipe(
    Layer.provideMerge(EventBus.layer(options))
  )
