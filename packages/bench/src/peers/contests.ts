/**
 * Who is beside whom.
 */
import * as Nats from "../baselines/nats/index.ts"
import type { Target } from "../brokers/target.ts"
import { handlers, raw as rawConsumer } from "../workload/consume.ts"
import { encodeAlone } from "../workload/encode.ts"
import { callers, ours, type Way } from "../workload/natsPublish.ts"
import { publishAsync } from "../workload/publishAsync.ts"
import { type Contest, floor, own, raw } from "./contest.ts"

/** What `publishAsync` has in flight, over all publishers. */
const inFlight = 2048

const memory = (messages: number): ReadonlyArray<Contest> => [
  {
    broker: "Memory",
    contest: "publishing",
    entrants: [
      own(publishAsync(messages)),
      floor(encodeAlone(messages), "the floor: effect/Schema and JSON.stringify, no bus")
    ]
  },
  {
    broker: "Memory",
    contest: "consuming",
    entrants: [
      own(handlers({ name: "subscribe, trivial handler", messages, concurrency: 64, aggregates: 1000, millis: 0 })),
      floor(rawConsumer(messages, 1000), "the driver's own consumer")
    ]
  }
]

const nats = (servers: ReadonlyArray<string>, messages: number, quick: boolean): ReadonlyArray<Contest> => {
  const ordered: Way = { servers, mode: "auto", order: "aggregate" }
  const inWindow: Way = { servers, mode: "window", order: "aggregate" }
  const few = Math.ceil(messages / 10)
  const short = [
    own(ours("publishAsync, fast ingest", ordered, messages, inFlight)),
    raw(Nats.ownInbox(servers), messages),
    raw(Nats.jsPublish(servers), messages),
    raw(Nats.jsPublish(servers, { noAsyncTraces: true }), messages)
  ]
  if (quick) return [{ broker: "NATS", contest: "publishing", entrants: short }]
  return [
    {
      broker: "NATS",
      contest: "publishing",
      entrants: [
        ...short,
        own(ours("publishAsync, an ack for each", inWindow, messages, inFlight)),
        raw(Nats.ownInbox(servers, 1024), messages),
        raw(Nats.jsPublish(servers, { inFlight: 1024, noAsyncTraces: true }), messages),
        raw(Nats.libraryFastIngest(servers, 1), messages),
        raw(Nats.libraryFastIngest(servers, 100), messages),
        raw(Nats.atomicBatches(servers), messages)
      ]
    },
    {
      broker: "NATS",
      contest: "one at a time",
      entrants: [
        own(callers("publish, awaited", ordered, few, 1)),
        raw(Nats.ownInbox(servers, 1), few),
        raw(Nats.jsPublish(servers, { inFlight: 1, noAsyncTraces: true }), few)
      ]
    }
  ]
}

export interface Options {
  readonly targets: ReadonlyArray<Target>
  readonly messages: number
  readonly quick: boolean
}

/** Of the brokers that are there. */
export const contests = ({ messages, quick, targets }: Options): ReadonlyArray<Contest> =>
  targets.flatMap(({ broker, servers }) => {
    switch (broker) {
      case "memory":
        return memory(messages)
      case "nats-file":
        return nats(servers, messages, quick)
      // Raw clients store in files, as the driver does by default.
      case "nats-memory":
      case "kafka":
        return []
    }
  })
