/**
 * Memory brokers that are broken on purpose, each in one way, and the law that has to notice.
 */
import { Effect, Layer, Stream, SubscriptionRef } from "effect"
import * as Broker from "../../src/Broker.ts"
import * as EventBus from "../../src/EventBus.ts"
import * as MemoryBroker from "../../src/MemoryBroker.ts"
import * as Publisher from "../../src/Publisher.ts"
import * as PublishError from "../../src/PublishError.ts"
import * as Faults from "../../testing/Faults.ts"
import * as Subject from "../../testing/Subject.ts"

type Service = Broker.Broker["Service"]
type Wrap = (inner: Service) => Service

export interface Breakage {
  readonly name: string
  /** Laws of which each has to be violated. */
  readonly caughtBy: ReadonlyArray<string>
  /** Made anew for each subject, and shared by its clients. */
  readonly make: () => Wrap
  /** Broken above the broker: in the bus. */
  readonly bus?: Subject.Options["bus"]
}

/** A broker in memory with `wrap` between it and every client. */
export const subject = ({ bus, make, name }: Pick<Breakage, "name" | "make" | "bus">): Subject.Subject => {
  const faults = Effect.runSync(Faults.make)
  const inner = MemoryBroker.layer({ cluster: MemoryBroker.makeClusterUnsafe(), faults: faults.injector })
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

const consuming = (change: (inner: Broker.Consumer, options: Broker.ConsumerOptions) => Broker.Consumer): Wrap =>
(inner) => ({
  ...inner,
  consumer: (options) => Effect.map(inner.consumer(options), (consumer) => change(consumer, options))
})

const producing = (change: (batch: Broker.Batch) => ReadonlyArray<Broker.Batch>): Wrap => (inner) => ({
  ...inner,
  producer: Effect.map(inner.producer, (producer) => ({
    ...producer,
    send: (batches) => producer.send(batches.flatMap(change))
  }))
})

const stored: Broker.Outcome = { _tag: "Stored", offset: 0n, duplicate: false }

/** The batch with some of its records only; answers go to their own places. */
const only = (batch: Broker.Batch, indices: ReadonlyArray<number>, change?: Partial<Broker.Batch>): Broker.Batch => {
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
const copy = (batch: Broker.Batch, change: Partial<Broker.Batch>): Broker.Batch => ({
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

const silent = { settle: () => {}, settleAll: () => {} }

const places = (batch: Broker.Batch): ReadonlyArray<number> => batch.records.map((_, index) => index)

/** Some records of a batch are not handed on, and called stored. */
const pretending = (loses: (record: Broker.OutboundRecord, index: number) => boolean): Wrap =>
  producing((batch) => {
    const lost = batch.records.map(loses)
    lost.forEach((is, index) => {
      if (is) batch.settle(index, stored)
    })
    const rest = places(batch).filter((index) => lost[index] !== true)
    return rest.length === 0 ? [] : [only(batch, rest)]
  })

const number = (record: Broker.OutboundRecord): number => Number(record.eventId.split("-").at(-1))

const publishingThrough = (
  change: (publisher: Publisher.Publisher["Service"]) => Publisher.Publisher["Service"]
): Subject.Options["bus"] => (options) =>
  Layer.effect(Publisher.Publisher, Effect.map(Publisher.Publisher, change)).pipe(
    Layer.provideMerge(EventBus.layer(options))
  )

// --- the breakages ----------------------------------------------------------------------------------------------------

const publishingSide: ReadonlyArray<Breakage> = [
  {
    name: "acknowledges without storing",
    caughtBy: ["a published event is delivered", "rejected means absent", "a driver answers for each record exactly once"],
    make: () => {
      let count = 0
      return pretending(() => ++count % 7 === 1)
    }
  },
  {
    name: "drops on a full queue",
    caughtBy: ["a full window suspends and loses nothing", "closing drains what was accepted"],
    make: () => pretending((_, index) => index >= 5)
  },
  {
    name: "loses the tail at close",
    caughtBy: ["closing drains what was accepted", "without faults an event is stored and delivered exactly once"],
    // Acknowledges at once and keeps the last batch until the next one comes.
    make: () => (inner) => ({
      ...inner,
      producer: Effect.map(inner.producer, (producer) => {
        let kept: ReadonlyArray<Broker.Batch> = []
        return {
          ...producer,
          send: (batches) => {
            const due = kept
            kept = batches.map((batch) => copy(batch, silent))
            for (const batch of batches) batch.settleAll(stored)
            return producer.send(due)
          }
        }
      })
    })
  },
  {
    name: "stores twice on every acknowledgement",
    caughtBy: ["without faults an event is stored and delivered exactly once", "every accepted publish settles exactly once"],
    make: () => {
      let copies = 0
      return producing((batch) => [
        batch,
        copy(batch, {
          atomic: false,
          records: batch.records.map((record) => ({ ...record, eventId: `${record.eventId}-copy-${++copies}` })),
          ...silent
        })
      ])
    }
  },
  {
    name: "forgets deduplication",
    caughtBy: ["a duplicate event id is stored once", "a lost acknowledgement is resent, recognised and in order"],
    make: () => {
      let sends = 0
      return producing((batch) => [copy(batch, {
        records: batch.records.map((record) => ({ ...record, eventId: `${record.eventId}-${++sends}` }))
      })])
    }
  },
  {
    name: "reorders within a partition",
    caughtBy: ["concurrent publishers keep the order of each aggregate", "closing drains what was accepted"],
    make: () => producing((batch) => [only(batch, places(batch).toReversed())])
  },
  {
    name: "reorders on retry",
    caughtBy: ["a lost connection loses, doubles and reorders nothing that is acknowledged"],
    make: () => producing((batch) => batch.resend ? [only(batch, places(batch).toReversed())] : [batch])
  },
  {
    name: "discards what is sent while disconnected",
    caughtBy: ["what is published during an outage is not silently discarded"],
    make: () => (inner) => ({
      ...inner,
      producer: Effect.map(inner.producer, (producer) => ({
        ...producer,
        send: (batches) =>
          Effect.flatMap(SubscriptionRef.get(inner.status), ({ _tag }) =>
            _tag === "Connected" ? producer.send(batches) : Effect.void)
      }))
    })
  },
  {
    name: "settles twice",
    caughtBy: ["a driver answers for each record exactly once"],
    make: () =>
      producing((batch) => [copy(batch, {
        settle: (index, outcome) => {
          batch.settle(index, outcome)
          batch.settle(index, outcome)
        }
      })])
  },
  {
    name: "answers for the wrong record",
    caughtBy: ["a receipt says where its event is stored", "batch results come in input order"],
    make: () =>
      producing((batch) => [copy(batch, {
        settle: (index, outcome) => batch.settle(batch.records.length - 1 - index, outcome)
      })])
  },
  {
    name: "rejects and stores all the same",
    caughtBy: ["a published event is delivered", "a driver answers for each record exactly once"],
    make: () =>
      producing((batch) => [copy(batch, {
        settle: (index) =>
          batch.settle(index, {
            _tag: "NotStored",
            reason: new PublishError.Refused({ kind: "sealed", message: "it says" })
          })
      })])
  },
  {
    name: "stores half of an atomic batch",
    caughtBy: ["a driver stores an atomic batch as a whole or not at all"],
    make: () => {
      let batches = 0
      return producing((batch) =>
        batch.atomic
          ? places(batch).map((index) => only(batch, [index], { atomic: false, lane: `${batch.lane} ${++batches}` }))
          : [batch]
      )
    }
  },
  {
    name: "takes another partition each time",
    caughtBy: ["an aggregate lives in one partition, the same on every broker"],
    make: () => {
      let turn = 0
      return producing((batch) => [copy(batch, {
        records: batch.records.map((record) => ({ ...record, partition: ++turn % batch.topic.partitions }))
      })])
    }
  },
  {
    name: "loses every third event of an outage",
    caughtBy: ["a lost connection loses, doubles and reorders nothing that is acknowledged"],
    make: () => producing((batch) => {
      if (!batch.resend) return [batch]
      const lost = places(batch).filter((index) => number(batch.records[index]!) % 3 === 0)
      for (const index of lost) batch.settle(index, stored)
      const rest = places(batch).filter((index) => !lost.includes(index))
      return rest.length === 0 ? [] : [only(batch, rest)]
    })
  },
  {
    name: "reverses the results of a batch",
    caughtBy: ["batch results come in input order", "an invalid member fails in its place"],
    make: () => (inner) => inner,
    bus: publishingThrough((publisher) => ({
      ...publisher,
      publishBatch: (topic, envelopes, options) =>
        Effect.map(publisher.publishBatch(topic, envelopes, options), (results) => results.toReversed())
    }))
  },
  {
    name: "reports each result twice",
    caughtBy: ["every accepted publish settles exactly once", "results lose nothing to a slow reader"],
    make: () => (inner) => inner,
    bus: publishingThrough((publisher) => ({
      ...publisher,
      results: Stream.flatMap(publisher.results, (result) => Stream.make(result, result))
    }))
  },
  {
    name: "retracts a publish whose caller was interrupted",
    caughtBy: ["interrupting a publisher after acceptance neither loses nor doubles"],
    make: () => (inner) => inner,
    bus: publishingThrough((publisher) => ({
      ...publisher,
      // Sent only while somebody waits for it.
      publish: (topic, envelope) => Effect.andThen(Effect.sleep(100), publisher.publish(topic, envelope))
    }))
  }
]

const consumingSide: ReadonlyArray<Breakage> = [
  {
    name: "acknowledges before handling",
    caughtBy: ["what was not acknowledged comes again after a crash", "no acknowledgement covers another delivery"],
    make: () =>
      consuming((inner) => ({
        ...inner,
        poll: (max) => Effect.tap(inner.poll(max), (records) => inner.settle(records))
      }))
  },
  {
    name: "commits past a gap",
    caughtBy: ["no acknowledgement covers another delivery"],
    make: () =>
      consuming((inner) => {
        const held = new Set<Broker.InboundRecord>()
        return {
          ...inner,
          poll: (max) => Effect.tap(inner.poll(max), (records) => Effect.sync(() => records.forEach((record) => held.add(record)))),
          settle: (records) => {
            const below = [...held].filter((record) =>
              records.some(({ offset, partition }) => partition === record.partition && record.offset <= offset)
            )
            for (const record of below) held.delete(record)
            return inner.settle(below)
          }
        }
      })
  },
  {
    name: "acknowledges what it holds when it ends",
    caughtBy: ["what was not acknowledged comes again after a crash"],
    make: () => (inner) => ({
      ...inner,
      consumer: (options) =>
        Effect.gen(function*() {
          const consumer = yield* inner.consumer(options)
          const held: Array<Broker.InboundRecord> = []
          yield* Effect.addFinalizer(() => Effect.ignore(consumer.settle(held)))
          return {
            ...consumer,
            poll: (max) => Effect.tap(consumer.poll(max), (records) => Effect.sync(() => held.push(...records)))
          }
        })
    })
  },
  {
    name: "delivers everything twice",
    caughtBy: ["without faults an event is stored and delivered exactly once"],
    make: () =>
      consuming((inner) => {
        let again: ReadonlyArray<Broker.InboundRecord> = []
        return {
          ...inner,
          poll: (max) =>
            Effect.suspend(() => {
              const due = again
              again = []
              if (due.length > 0) return Effect.succeed(due.map((record) => ({ ...record, offset: record.offset + 1_000_000n })))
              return Effect.tap(inner.poll(max), (records) => Effect.sync(() => (again = records)))
            }),
          settle: (records) => inner.settle(records.filter(({ offset }) => offset < 1_000_000n))
        }
      })
  },
  {
    name: "delivers to two members at once",
    caughtBy: ["members of a group share its events and never both handle one"],
    make: () => {
      let members = 0
      return (inner) => ({
        ...inner,
        consumer: (options) =>
          inner.consumer({ ...options, group: options.group === "g" ? `${options.group}-${++members}` : options.group })
      })
    }
  },
  {
    name: "shares the events of all groups",
    caughtBy: ["independent groups each see everything"],
    make: () => (inner) => ({
      ...inner,
      consumer: (options) =>
        inner.consumer({ ...options, group: ["one", "two", "three"].includes(options.group) ? "shared" : options.group })
    })
  },
  {
    name: "reorders what it delivers",
    caughtBy: ["order per aggregate with 8 handlers at once", "a late group replays from the start"],
    make: () =>
      consuming((inner) => ({ ...inner, poll: (max) => Effect.map(inner.poll(max), (records) => records.toReversed()) }))
  },
  {
    name: "skips every tenth record",
    caughtBy: ["a late group replays from the start", "order and completeness survive restarts of the consumer"],
    make: () =>
      consuming((inner, { group }) => ({
        ...inner,
        poll: (max) =>
          Effect.flatMap(inner.poll(max), (records) => {
            if (group.startsWith("readback")) return Effect.succeed(records)
            const skipped = records.filter(({ offset }) => offset % 10n === 7n)
            return Effect.as(inner.settle(skipped), records.filter((record) => !skipped.includes(record)))
          })
      }))
  },
  {
    name: "never delivers again",
    caughtBy: ["what was not acknowledged comes again after a crash", "what nobody gives a sign of life of is delivered again"],
    make: () => {
      const seen = new Set<string>()
      return consuming((inner, { group, topic }) => ({
        ...inner,
        poll: (max) =>
          Effect.map(inner.poll(max), (records) =>
            records.filter(({ offset, partition }) => {
              const key = `${group} ${topic.name} ${partition} ${offset}`
              return !seen.has(key) && seen.add(key)
            }))
      }))
    }
  },
  {
    name: "forgets what was acknowledged",
    caughtBy: ["an acknowledgement is durable over a restart"],
    make: () =>
      consuming((inner) => ({ ...inner, settle: () => Effect.void }))
  },
  {
    name: "ignores heartbeats",
    caughtBy: ["heartbeats keep a record in its holder's hands"],
    make: () => consuming((inner) => ({ ...inner, heartbeat: () => Effect.void }))
  },
  {
    name: "ignores the bound in flight",
    caughtBy: ["a consumer is given no more than it asked for"],
    make: () => (inner) => ({ ...inner, consumer: (options) => inner.consumer({ ...options, maxInFlight: 4096 }) })
  },
  {
    name: "ignores the start position",
    caughtBy: ["a group that starts at the latest sees only what is new", "a group can start at an offset or a time"],
    make: () => (inner) => ({ ...inner, consumer: (options) => inner.consumer({ ...options, from: "earliest" }) })
  },
  {
    name: "does not seek",
    caughtBy: ["seek sends a group back, and forward"],
    make: () => consuming((inner) => ({ ...inner, seek: () => Effect.void }))
  },
  {
    name: "loses headers",
    caughtBy: ["metadata and headers come back as they were", "bytes, headers and keys come back as they were"],
    make: () =>
      consuming((inner) => ({
        ...inner,
        poll: (max) => Effect.map(inner.poll(max), (records) => records.map((record) => ({ ...record, headers: [] })))
      }))
  },
  {
    name: "keeps one value of a header",
    caughtBy: ["bytes, headers and keys come back as they were", "what cannot be decoded goes to the dead letters as it was"],
    make: () =>
      consuming((inner) => ({
        ...inner,
        poll: (max) =>
          Effect.map(inner.poll(max), (records) =>
            records.map((record) => ({ ...record, headers: [...new Map(record.headers)] })))
      }))
  },
  {
    name: "drops what is not UTF-8",
    caughtBy: ["what cannot be decoded goes to the dead letters as it was", "bytes, headers and keys come back as they were"],
    make: () =>
      consuming((inner) => ({
        ...inner,
        poll: (max) =>
          Effect.map(inner.poll(max), (records) =>
            records.map((record) => ({
              ...record,
              body: new TextEncoder().encode(new TextDecoder().decode(record.body))
            })))
      }))
  }
]

const topicSide: ReadonlyArray<Breakage> = [
  {
    name: "has no backlog",
    caughtBy: ["the backlog counts what is not settled"],
    make: () => (inner) => ({
      ...inner,
      backlog: (topic, group) =>
        Effect.map(inner.backlog(topic, group), (backlog) =>
          group === "g" ? { ...backlog, lag: 0, partitions: backlog.partitions.map((known) => ({ ...known, lag: 0 })) } : backlog)
    })
  },
  {
    name: "hides drift",
    caughtBy: ["drift is reported as data"],
    make: () => (inner) => ({
      ...inner,
      ensureTopic: (topic, strategy) =>
        Effect.map(inner.ensureTopic(topic, strategy), (ensured) => ({ ...ensured, drift: [] }))
    })
  },
  {
    name: "creates where it may only look",
    caughtBy: [
      "validateOnly refuses what is missing or different, and writes nothing",
      "a bus that may not create topics rejects what has none"
    ],
    make: () => (inner) => ({ ...inner, ensureTopic: (topic) => inner.ensureTopic(topic, "createOnly") })
  },
  {
    name: "is healthy without asking",
    caughtBy: ["health is a round trip to the broker"],
    make: () => (inner) => ({ ...inner, health: () => Effect.succeed({ roundTripMillis: 0, lastAckAt: undefined }) })
  }
]

export const breakages: ReadonlyArray<Breakage> = [...publishingSide, ...consumingSide, ...topicSide]

/** Between the broker and its clients, and changes nothing. */
export const sound: Breakage = {
  name: "a sound wrapper",
  caughtBy: [],
  make: () => (inner) =>
    consuming((consumer) => ({ ...consumer, poll: (max) => consumer.poll(max), settle: (records) => consumer.settle(records) }))(
      producing((batch) => [only(batch, places(batch))])(inner)
    )
}
