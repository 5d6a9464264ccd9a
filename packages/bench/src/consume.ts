/**
 * The suite `consume`: what it costs to have a record handled, on every broker, beside the raw client of the same broker.
 */
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import * as NatsBroker from "@effect-eventbus/nats/NatsBroker"
import { Effect } from "effect"
import { consume as rawKafka } from "./baselines/kafka/consume.ts"
import { consume as rawNats } from "./baselines/nats/consume.ts"
import { kafka } from "./brokers/kafka.ts"
import { nats } from "./brokers/nats.ts"
import type { Check, Figures } from "./figures.ts"
import { machine, versions } from "./machine.ts"
import { interleave, type Measured } from "./rounds.ts"
import { ratioOf } from "./spread.ts"
import { driver, handlers, openPlace, type Place, raw } from "./workload/consume.ts"

export interface Options {
  readonly messages: number
  readonly rounds: number
  readonly say: (text: string) => Effect.Effect<void>
}

const times = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} x`

const aggregates = 1000

/** What is measured on each broker through the bus, in this order. */
const ways = (place: Place, broker: string, messages: number) => {
  // A handler of 2 ms, one at a time, is 500 a second at the best.
  const slow = Math.max(200, Math.ceil(messages / 200))
  return [
    handlers(place, { name: `${broker}: trivial handler`, messages, concurrency: 64, aggregates, millis: 0 }),
    handlers(place, {
      name: `${broker}: 2 ms handler, one at a time`,
      messages: slow,
      concurrency: 1,
      aggregates,
      millis: 2
    }),
    handlers(place, {
      name: `${broker}: 2 ms handler, 64 at once`,
      messages: slow * 20,
      concurrency: 64,
      aggregates,
      millis: 2
    })
  ]
}

interface Results {
  readonly broker: string
  readonly raw: Measured
  readonly trivial: Measured
  readonly serial: Measured
  readonly wide: Measured
}

const targetsOf = ({ broker, raw: own, serial, trivial, wide }: Results): ReadonlyArray<Check> => {
  const toSerial = ratioOf(wide.speeds, serial.speeds)
  const toRaw = ratioOf(trivial.speeds, own.speeds)
  const speed = trivial.row.messagesPerSecond.median
  return [
    broker === "memory"
      ? {
        name: "memory, trivial handler: at least 150,000 messages/s",
        ok: speed >= 150_000,
        detail: `${Math.round(speed).toLocaleString("en-US")}/s`
      }
      : {
        name: `${broker}, trivial handler: at least 0.6 x the raw client`,
        ok: toRaw.median >= 0.6,
        detail: `${times(toRaw.median)} (${times(toRaw.min)} to ${times(toRaw.max)})`
      },
    {
      name: `${broker}, 64 lanes over 1,000 aggregates: at least 40 x one at a time`,
      ok: toSerial.median >= 40,
      detail: times(toSerial.median)
    }
  ]
}

export const consume = Effect.fnUntraced(function*({ messages, rounds, say }: Options) {
  const log = (line: string): void => Effect.runSync(say(line))
  const natsServers = yield* nats(log)
  const bootstrap = yield* kafka(log)
  const memory = yield* openPlace(MemoryBroker.layer())
  const onNats = yield* openPlace(NatsBroker.layer({ servers: natsServers }))
  const onKafka = yield* openPlace(KafkaBroker.layer({ bootstrapBrokers: bootstrap }))
  const brokers = [
    {
      broker: "memory",
      raw: driver(memory, "memory: the driver alone, poll, JSON.parse, settle", messages, aggregates),
      ways: ways(memory, "memory", messages)
    },
    {
      broker: "NATS",
      raw: yield* raw(onNats, rawNats(natsServers), messages, aggregates),
      ways: ways(onNats, "NATS", messages)
    },
    {
      broker: "Kafka",
      raw: yield* raw(onKafka, rawKafka(bootstrap), messages, aggregates),
      ways: ways(onKafka, "Kafka", messages)
    }
  ]
  const where = machine()
  const measured = yield* interleave(brokers.flatMap((broker) => [broker.raw, ...broker.ways]), {
    rounds,
    onRound: (name, round) => say(round === 0 ? `warm-up: ${name}` : `round ${round} of ${rounds}: ${name}`)
  })
  const results = brokers.map(({ broker }, i): Results => {
    const [own, trivial, serial, wide] = measured.slice(i * 4, i * 4 + 4)
    if (own === undefined || trivial === undefined || serial === undefined || wide === undefined) {
      throw new Error("nothing was measured")
    }
    return { broker, raw: own, trivial, serial, wide }
  })
  const figures: Figures = {
    suite: "consume",
    machine: where,
    versions: versions(),
    rows: measured.map(({ row }) => row),
    ratios: Object.fromEntries(results.flatMap(({ raw: own, serial, trivial, wide }) => [
      [`${trivial.row.name}/${own.row.name}`, ratioOf(trivial.speeds, own.speeds)],
      [`${wide.row.name}/${serial.row.name}`, ratioOf(wide.speeds, serial.speeds)]
    ])),
    checks: [],
    targets: results.flatMap(targetsOf),
    sound: "Every round: each event handled once, in the order of its aggregate, and the group behind by nothing."
  }
  return figures
}, Effect.scoped)
