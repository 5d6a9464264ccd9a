/**
 * Broken on the way in.
 */
import { Effect, Stream, SubscriptionRef } from "effect"
import type * as Broker from "../../../src/Broker.ts"
import * as PublishError from "../../../src/PublishError.ts"
import {
  type Breakage,
  copy,
  number,
  only,
  places,
  pretending,
  producers,
  publishingThrough,
  silent,
  stored
} from "./tools.ts"

export const publishing: ReadonlyArray<Breakage> = [
  {
    name: "acknowledges without storing",
    caughtBy: {
      "a published event is delivered": /handled 0 of 1/,
      "rejected means absent": /what is stored/,
      "a driver answers for each record exactly once": /were called stored/
    },
    make: () => {
      let count = 0
      return pretending(() => ++count % 7 === 1)
    }
  },
  {
    name: "drops on a full queue",
    caughtBy: {
      "a full window suspends and loses nothing": /pending/,
      "closing drains what was accepted": /I1:/
    },
    make: () => pretending((_, index) => index >= 5)
  },
  {
    name: "loses the tail at close",
    caughtBy: {
      "closing drains what was accepted": /I1:/,
      "without faults an event is stored and delivered exactly once": /in vain/
    },
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
    caughtBy: {
      "without faults an event is stored and delivered exactly once": /I5:/,
      "every accepted publish settles exactly once": /I5:/
    },
    make: () => {
      let copies = 0
      return producers((batch) => [
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
    caughtBy: {
      "a duplicate event id is stored once": /duplicate/,
      "a lost acknowledgement is resent, recognised and in order": /I5:/
    },
    make: () => {
      let sends = 0
      return producers((batch) => [copy(batch, {
        records: batch.records.map((record) => ({ ...record, eventId: `${record.eventId}-${++sends}` }))
      })])
    }
  },
  {
    name: "reorders within a partition",
    caughtBy: {
      "concurrent publishers keep the order of each aggregate": /I4:/,
      "closing drains what was accepted": /I4:/
    },
    make: () => producers((batch) => [only(batch, places(batch).toReversed())])
  },
  {
    name: "reorders on retry",
    caughtBy: {
      "a lost connection loses, doubles and reorders nothing that is acknowledged": /I4:/
    },
    make: () => producers((batch) => batch.resend ? [only(batch, places(batch).toReversed())] : [batch])
  },
  {
    name: "discards what is sent while disconnected",
    caughtBy: {
      "what is published during an outage is not silently discarded": /not stored after it/
    },
    make: () => (inner) => ({
      ...inner,
      producer: Effect.map(inner.producer, (producer) => ({
        ...producer,
        send: (batches) =>
          Effect.flatMap(
            SubscriptionRef.get(inner.status),
            ({ _tag }) => _tag === "Connected" ? producer.send(batches) : Effect.void
          )
      }))
    })
  },
  {
    name: "settles twice",
    caughtBy: {
      "a driver answers for each record exactly once": /answers for each record/
    },
    make: () =>
      producers((batch) => [copy(batch, {
        settle: (index, outcome) => {
          batch.settle(index, outcome)
          batch.settle(index, outcome)
        }
      })])
  },
  {
    name: "answers for the wrong record",
    caughtBy: {
      "a receipt says where its event is stored": /the place of/,
      "batch results come in input order": /the offset of result/
    },
    make: () =>
      producers((batch) => [copy(batch, {
        settle: (index, outcome) => batch.settle(batch.records.length - 1 - index, outcome)
      })])
  },
  {
    name: "rejects and stores all the same",
    caughtBy: {
      "a published event is delivered": /not acknowledged/,
      "a driver answers for each record exactly once": /outcomes/
    },
    make: () =>
      producers((batch) => [copy(batch, {
        settle: (index) =>
          batch.settle(index, {
            _tag: "NotStored",
            reason: new PublishError.Refused({ kind: "sealed", message: "it says" })
          })
      })])
  },
  {
    name: "stores half of an atomic batch",
    caughtBy: {
      "a driver stores an atomic batch as a whole or not at all": /too large/
    },
    make: () => {
      let batches = 0
      return producers((batch) =>
        batch.atomic
          ? places(batch).map((index) => only(batch, [index], { atomic: false, lane: `${batch.lane} ${++batches}` }))
          : [batch]
      )
    }
  },
  {
    name: "takes another partition each time",
    caughtBy: {
      "an aggregate lives in one partition, the same on every broker": /partitions of/
    },
    make: () => {
      let turn = 0
      return producers((batch) => [copy(batch, {
        records: batch.records.map((record) => ({ ...record, partition: ++turn % batch.topic.partitions }))
      })])
    }
  },
  {
    name: "loses every third event of an outage",
    caughtBy: {
      "a lost connection loses, doubles and reorders nothing that is acknowledged": /in vain/
    },
    make: () =>
      producers((batch) => {
        if (!batch.resend) return [batch]
        const lost = places(batch).filter((index) => number(batch, index) % 3 === 0)
        for (const index of lost) batch.settle(index, stored)
        const rest = places(batch).filter((index) => !lost.includes(index))
        return rest.length === 0 ? [] : [only(batch, rest)]
      })
  },
  {
    name: "reverses the results of a batch",
    caughtBy: {
      "batch results come in input order": /results/,
      "an invalid member fails in its place": /outcomes/
    },
    make: () => (inner) => inner,
    bus: publishingThrough((publisher) => ({
      ...publisher,
      publishBatch: (topic, envelopes, options) =>
        Effect.map(publisher.publishBatch(topic, envelopes, options), (results) => results.toReversed())
    }))
  },
  {
    name: "reports each result twice",
    caughtBy: {
      "every accepted publish settles exactly once": /I2:/,
      "results lose nothing to a slow reader": /I2:/
    },
    make: () => (inner) => inner,
    bus: publishingThrough((publisher) => ({
      ...publisher,
      results: Stream.flatMap(publisher.results, (result) => Stream.make(result, result))
    }))
  },
  {
    name: "publishes again what was interrupted",
    caughtBy: {
      "interrupting a publisher after acceptance neither loses nor doubles": /reported/
    },
    make: () => (inner) => inner,
    bus: publishingThrough((publisher) => ({
      ...publisher,
      publish: (topic, envelope) =>
        Effect.onInterrupt(
          publisher.publish(topic, envelope),
          () => Effect.ignore(publisher.publishAsync(topic, { ...envelope, eventId: `${envelope.eventId}-again` }))
        )
    }))
  }
]
