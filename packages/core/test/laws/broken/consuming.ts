/**
 * Broken on the way out.
 */
import { Effect } from "effect"
import type * as Broker from "../../../src/Broker.ts"
import { type Breakage, consumers, delivering } from "./tools.ts"

export const consuming: ReadonlyArray<Breakage> = [
  {
    name: "acknowledges before handling",
    caughtBy: {
      "what was not acknowledged comes again after a crash": /in vain/,
      "no acknowledgement covers another delivery": /8 of 10/
    },
    make: () =>
      consumers((inner) => ({
        ...inner,
        poll: (max) => Effect.tap(inner.poll(max), (records) => inner.settle(records))
      }))
  },
  {
    name: "commits past a gap",
    caughtBy: {
      "no acknowledgement covers another delivery": /8 of 10/
    },
    make: () =>
      consumers((inner) => {
        const held = new Set<Broker.InboundRecord>()
        return {
          ...inner,
          poll: (max) =>
            Effect.tap(inner.poll(max), (records) => Effect.sync(() => records.forEach((record) => held.add(record)))),
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
    caughtBy: {
      "what was not acknowledged comes again after a crash": /in vain/
    },
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
    caughtBy: {
      // What comes again is behind newer events, if those were polled before it.
      "without faults an event is stored and delivered exactly once": /handlers started|I4: /
    },
    make: () =>
      consumers((inner) => {
        let again: ReadonlyArray<Broker.InboundRecord> = []
        return {
          ...inner,
          poll: (max) =>
            Effect.suspend(() => {
              const due = again
              again = []
              if (due.length > 0) {
                return Effect.succeed(due.map((record) => ({ ...record, offset: record.offset + 1_000_000n })))
              }
              return Effect.tap(inner.poll(max), (records) => Effect.sync(() => (again = records)))
            }),
          settle: (records) => inner.settle(records.filter(({ offset }) => offset < 1_000_000n))
        }
      })
  },
  {
    name: "delivers to two members at once",
    caughtBy: {
      "members of a group share its events and never both handle one": /handlers started/
    },
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
    caughtBy: {
      "independent groups each see everything": /has handled/
    },
    make: () => (inner) => ({
      ...inner,
      consumer: (options) =>
        inner.consumer({
          ...options,
          group: ["one", "two", "three"].includes(options.group) ? "shared" : options.group
        })
    })
  },
  {
    name: "reorders what it delivers",
    caughtBy: {
      "order per aggregate with 8 handlers at once": /I4:/,
      "a late group replays from the start": /I4:/
    },
    make: () => delivering((records) => records.toReversed())
  },
  {
    name: "skips every tenth record",
    caughtBy: {
      "a late group replays from the start": /54 of 60/,
      "order and completeness survive restarts of the consumer": /162 of 180/
    },
    make: () =>
      delivering(
        (records, { group }) =>
          group.startsWith("readback") ? records : records.filter(({ offset }) => offset % 10n !== 7n),
        true
      )
  },
  {
    name: "never delivers again",
    caughtBy: {
      "what was not acknowledged comes again after a crash": /in vain/,
      "what nobody gives a sign of life of is delivered again": /two come again/
    },
    make: () => {
      const seen = new Set<string>()
      return delivering((records, { group, topic }) =>
        records.filter(({ offset, partition }) => {
          const key = `${group} ${topic.name} ${partition} ${offset}`
          return !seen.has(key) && seen.add(key)
        })
      )
    }
  },
  {
    name: "forgets what was acknowledged",
    caughtBy: {
      "an acknowledgement is durable over a restart": /handled again/
    },
    make: () => consumers((inner) => ({ ...inner, settle: () => Effect.void }))
  },
  {
    name: "ignores heartbeats",
    caughtBy: {
      "heartbeats keep a record in its holder's hands": /delivered again after/
    },
    make: () => consumers((inner) => ({ ...inner, heartbeat: () => Effect.void }))
  },
  {
    name: "ignores the bound in flight",
    caughtBy: {
      "a consumer is given no more than it asked for": /a sixth record/
    },
    make: () => (inner) => ({ ...inner, consumer: (options) => inner.consumer({ ...options, maxInFlight: 4096 }) })
  },
  {
    name: "ignores the start position",
    caughtBy: {
      "a group that starts at the latest sees only what is new": /events from before/,
      "a group can start at an offset or a time": /from the offset/
    },
    make: () => (inner) => ({ ...inner, consumer: (options) => inner.consumer({ ...options, from: "earliest" }) })
  },
  {
    name: "does not seek",
    caughtBy: {
      "seek sends a group back, and forward": /handled again/
    },
    make: () => consumers((inner) => ({ ...inner, seek: () => Effect.void }))
  },
  {
    name: "loses headers",
    caughtBy: {
      "metadata and headers come back as they were": /the envelope/,
      "bytes, headers and keys come back as they were": /values of X-A/
    },
    make: () => delivering((records) => records.map((record) => ({ ...record, headers: [] })))
  },
  {
    name: "keeps one value of a header",
    caughtBy: {
      "bytes, headers and keys come back as they were": /values of X-A/,
      "what cannot be decoded goes to the dead letters as it was": /headers/
    },
    make: () => delivering((records) => records.map((record) => ({ ...record, headers: [...new Map(record.headers)] })))
  },
  {
    name: "drops what is not UTF-8",
    caughtBy: {
      "what cannot be decoded goes to the dead letters as it was": /bytes/,
      "bytes, headers and keys come back as they were": /bytes/
    },
    make: () =>
      delivering((records) =>
        records.map((record) => ({ ...record, body: new TextEncoder().encode(new TextDecoder().decode(record.body)) }))
      )
  }
]
