/**
 * What was aimed at, row by row, and what this run has to say to it. Nothing here is known beforehand but the aims.
 */
import type { Report } from "./model.ts"
import { atLeast, awaitedP50, consuming, goBus, memorySpeed } from "./targets/beside.ts"
import { natsToKafka, notFalling, tenTimes } from "./targets/brokers.ts"
import { everywhere, heapGrowth, rssGrowth } from "./targets/left.ts"
import type { Target } from "./targets/target.ts"

export type { Target, Verdict } from "./targets/target.ts"

/** Every row of the table of targets, in its order; then what else was to be shown. */
export const targetsOf = (report: Report): ReadonlyArray<Target> => {
  const nats = "NATS"
  const kafka = "Kafka"
  return [
    memorySpeed(report),
    atLeast(report, {
      what: "NATS: ours / js.publish by default (256 in flight)",
      broker: nats,
      words: ["js.publish", /^(?!.*noAsyncTraces)/, "256"],
      least: 4,
      stretch: 5
    }),
    atLeast(report, {
      what: "NATS: ours / js.publish with noAsyncTraces (256 in flight)",
      broker: nats,
      words: ["js.publish", "noAsyncTraces", "256"],
      least: 2,
      stretch: 2.8
    }),
    atLeast(report, {
      what: "NATS: ours / the same bytes over a raw own-inbox loop",
      broker: nats,
      words: ["own inbox", /\b(256|1,024) in flight/],
      least: 0.85,
      stretch: 1
    }),
    goBus("NATS: ours / the Go bus", "1.1 x", "1.4 x"),
    atLeast(report, {
      what: "Kafka: ours / @platformatic/kafka batches of 500, 5 in flight, same bytes",
      broker: kafka,
      words: [/platformatic, batches of 500, 5 in flight/],
      least: 1,
      stretch: 1.4
    }),
    atLeast(report, {
      what: "Kafka: ours / kafkajs, one send per message, 1,000 in flight",
      broker: kafka,
      words: [/: kafkajs, one send per message, 1,000 in flight/],
      least: 7,
      stretch: 10
    }),
    atLeast(report, {
      what: "Kafka: ours / effect-kafka, one send per message, its faster engine",
      broker: kafka,
      words: [/: effect-kafka /],
      least: 7,
      stretch: 9
    }),
    goBus("Kafka: ours / the Go bus", "1.0 x", "1.3 x"),
    awaitedP50(report),
    natsToKafka(report),
    consuming(report),
    rssGrowth(report),
    ...everywhere(report),
    notFalling(report),
    ...tenTimes(report),
    heapGrowth(report)
  ]
}
