/**
 * Broken in what they say of themselves.
 */
import { Effect } from "effect"
import { type Breakage } from "./tools.ts"

export const topics: ReadonlyArray<Breakage> = [
  {
    name: "has no backlog",
    caughtBy: {
      "the backlog counts what is not settled": /lag/
    },
    make: () => (inner) => ({
      ...inner,
      backlog: (topic, group) =>
        Effect.map(
          inner.backlog(topic, group),
          (backlog) =>
            group === "g"
              ? { ...backlog, lag: 0, partitions: backlog.partitions.map((known) => ({ ...known, lag: 0 })) }
              : backlog
        )
    })
  },
  {
    name: "hides drift",
    caughtBy: {
      "drift is reported as data": /no drift was reported/
    },
    make: () => (inner) => ({
      ...inner,
      ensureTopic: (topic, strategy) =>
        Effect.map(inner.ensureTopic(topic, strategy), (ensured) => ({ ...ensured, drift: [] }))
    })
  },
  {
    name: "creates where it may only look",
    caughtBy: {
      "validateOnly refuses what is missing or different, and writes nothing": /a missing topic/,
      "a bus that may not create topics rejects what has none": /the publish/
    },
    make: () => (inner) => ({ ...inner, ensureTopic: (topic) => inner.ensureTopic(topic, "createOnly") })
  },
  {
    name: "is healthy without asking",
    caughtBy: {
      "health is a round trip to the broker": /records stored by one probe/
    },
    make: () => (inner) => ({ ...inner, health: () => Effect.succeed({ roundTripMillis: 0, lastAckAt: undefined }) })
  }
]
