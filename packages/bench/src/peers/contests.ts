/**
 * Who is beside whom.
 */
import type * as Broker from "@effect-eventbus/core/Broker"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import * as NatsBroker from "@effect-eventbus/nats/NatsBroker"
import { Effect, type Layer } from "effect"
import type { Consuming } from "../baselines/consuming.ts"
import { consume as consumeKafka } from "../baselines/kafka/consume.ts"
import * as Kafka from "../baselines/kafka/index.ts"
import { consume as consumeNats } from "../baselines/nats/consume.ts"
import * as Nats from "../baselines/nats/index.ts"
import type { Target } from "../brokers/target.ts"
import { driver, handlers, openPlace, raw as rawConsumer } from "../workload/consume.ts"
import { encodeAlone } from "../workload/encode.ts"
import * as OnKafka from "../workload/kafkaPublish.ts"
import * as OnNats from "../workload/natsPublish.ts"
import { publishAsync } from "../workload/publishAsync.ts"
import { among, type Contest, floor, own, raw } from "./contest.ts"

type Servers = ReadonlyArray<string>

const aggregates = 1000

/** Filled once; everybody consumes it from the beginning. */
const consuming = (
  broker: string,
  layer: Layer.Layer<Broker.Broker, unknown>,
  messages: number,
  client: Consuming | undefined
): Contest => ({
  broker,
  contest: "consuming",
  size: 2,
  entrants: Effect.map(openPlace(layer), (place) => [
    own(handlers(place, { name: "subscribe, trivial handler", messages, concurrency: 64, aggregates, millis: 0 })),
    client === undefined
      ? floor(driver(place, "the driver's consumer alone", messages, aggregates), "no schema, no lanes, no handlers")
      : { client: client.client, ours: false, open: rawConsumer(place, client, messages, aggregates) }
  ])
})

const memory = (messages: number): ReadonlyArray<Contest> => [
  among("Memory", "publishing", [
    own(publishAsync(messages)),
    floor(encodeAlone(messages), "the floor: effect/Schema and JSON.stringify, no bus")
  ]),
  consuming("Memory", MemoryBroker.layer(), messages, undefined)
]

const nats = (servers: Servers, messages: number, quick: boolean): ReadonlyArray<Contest> => {
  const ordered: OnNats.Way = { servers, mode: "auto", order: "aggregate" }
  const inWindow: OnNats.Way = { servers, mode: "window", order: "aggregate" }
  const few = Math.ceil(messages / 10)
  const usual = [
    own(OnNats.ours("publishAsync, fast ingest", ordered, messages, 2048)),
    raw(Nats.ownInbox(servers), messages),
    raw(Nats.jsPublish(servers), messages),
    raw(Nats.jsPublish(servers, { noAsyncTraces: true }), messages)
  ]
  if (quick) return [among("NATS", "publishing", usual)]
  return [
    among("NATS", "publishing", [
      ...usual,
      own(OnNats.ours("publishAsync, an ack for each", inWindow, messages, 2048)),
      raw(Nats.ownInbox(servers, 1024), messages),
      raw(Nats.jsPublish(servers, { inFlight: 1024 }), messages),
      raw(Nats.libraryFastIngest(servers, 1), messages),
      raw(Nats.libraryFastIngest(servers, 100), messages),
      raw(Nats.atomicBatches(servers), messages)
    ]),
    among("NATS", "one at a time", [
      own(OnNats.callers("publish, awaited", ordered, few, 1)),
      raw(Nats.ownInbox(servers, 1), few),
      raw(Nats.jsPublish(servers, { inFlight: 1, noAsyncTraces: true }), few)
    ]),
    consuming("NATS", NatsBroker.layer({ servers }), messages, consumeNats(servers))
  ]
}

const kafka = (servers: Servers, messages: number, quick: boolean): ReadonlyArray<Contest> => {
  const few = Math.ceil(messages / 40)
  const usual = [
    own(OnKafka.ours("publishAsync", servers, messages, 8192)),
    raw(Kafka.platformatic.batches(servers), messages),
    raw(Kafka.kafkajs.single(servers), messages)
  ]
  if (quick) return [among("Kafka", "publishing", usual)]
  return [
    among("Kafka", "publishing", [
      ...usual,
      raw(Kafka.platformatic.lanes(servers), messages),
      raw(Kafka.platformatic.single(servers), messages),
      raw(Kafka.kafkajs.batches(servers), messages),
      raw(Kafka.effectKafka.single(servers, "platformatic"), messages),
      raw(Kafka.effectKafka.single(servers, "kafkajs"), messages),
      raw(Kafka.producerPerformance.ceiling(servers), messages)
    ]),
    among("Kafka", "one at a time", [
      own(OnKafka.callers("publish, awaited", servers, few, 1)),
      raw(Kafka.platformatic.single(servers, 1, 1), few)
    ]),
    consuming("Kafka", KafkaBroker.layer({ bootstrapBrokers: servers }), messages, consumeKafka(servers))
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
      case "kafka":
        return kafka(servers, messages, quick)
      // Raw clients store in files, as the driver does by default.
      case "nats-memory":
        return []
    }
  })
