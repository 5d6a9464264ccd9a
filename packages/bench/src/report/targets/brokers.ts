/**
 * The brokers beside each other, and beside the reports on the older bus.
 */
import { type BrokerName, labels } from "../../brokers/target.ts"
import { extreme, high, longest, sustained } from "../../compare/levels.ts"
import type { Report } from "../model.ts"
import { integer, ratio, rounded } from "../numbers.ts"
import { brokersOf, fastest, fastestHandled } from "../select.ts"
import { cellBound, notRun, type Target, unmeasured, verdictOf } from "./target.ts"

const natsBrokers: ReadonlyArray<BrokerName> = ["nats-file", "nats-memory"]

const distance = (value: number): number => Math.max(value, 1 / value)

export const natsToKafka = (report: Report): Target => {
  const aims = ["NATS : Kafka at High, Extreme and Sustained, to the last ack", "within 2 x", "within 1.3 x"] as const
  if (report.compare === undefined) return unmeasured(...aims, notRun("compare"))
  const pairs = [high, extreme, sustained, longest].flatMap(({ name }) => {
    const nats = fastest(report, { broker: "nats-file", level: name })
    const kafka = fastest(report, { broker: "kafka", level: name })
    return nats === undefined || kafka === undefined
      ? []
      : [{ name, kafka, nats, value: nats.ackedPerSecond.median / kafka.ackedPerSecond.median }]
  })
  if (pairs.length === 0) return unmeasured(...aims, "there is no level with both")
  const worst = Math.max(...pairs.map(({ value }) => distance(value)))
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: pairs.map(({ name, value }) => `${name} ${ratio(value)}`).join(", "),
    verdict: verdictOf(worst <= 2, worst <= 1.3),
    why: pairs.filter(({ value }) => distance(value) > 2).map(({ kafka, name, nats, value }) => {
      const slower = value > 1 ? kafka : nats
      return `${name}: ${labels[slower.broker]}: ${cellBound(report, slower)}`
    }).join("; ")
  }
}

/** Best figures that the reports on the Go bus published for 10,000 messages, to the last handled. */
const published: ReadonlyArray<readonly [name: string, brokers: ReadonlyArray<BrokerName>, perSecond: number]> = [
  ["NATS", natsBrokers, 2992],
  ["Kafka", ["kafka"], 7996]
]

export const tenTimes = (report: Report): ReadonlyArray<Target> =>
  published.map(([name, brokers, before]) => {
    const aims = [
      `${name} at Extreme, to the last handled: at least 10 x what the reports on the Go bus published (${
        integer(before)
      }/s)`,
      `${integer(before * 10)}/s`,
      ""
    ] as const
    if (report.compare === undefined) return unmeasured(...aims, notRun("compare"))
    const cells = brokers.flatMap((broker) => fastestHandled(report, { broker, level: extreme.name }) ?? [])
    if (cells.length === 0) return unmeasured(...aims, "there is no such cell")
    const slowest = cells.toSorted((a, b) => a.handledPerSecond.median - b.handledPerSecond.median)[0]!
    const met = slowest.handledPerSecond.median >= before * 10
    return {
      what: aims[0],
      least: aims[1],
      stretch: aims[2],
      figure: cells.map(({ broker, handledPerSecond: { median } }) =>
        `${labels[broker]} ${rounded(median)}/s (${ratio(median / before)})`
      ).join(", "),
      verdict: verdictOf(met, false),
      why: met ? "" : cellBound(report, slowest)
    }
  })

export const notFalling = (report: Report): Target => {
  const aims = ["throughput does not fall as N grows: Extreme / High, on each broker", "0.9 x", ""] as const
  if (report.compare === undefined) return unmeasured(...aims, notRun("compare"))
  const pairs = brokersOf(report).flatMap((broker) => {
    const more = fastest(report, { broker, level: extreme.name })
    const less = fastest(report, { broker, level: high.name })
    return more === undefined || less === undefined
      ? []
      : [{ broker, less, more, value: more.ackedPerSecond.median / less.ackedPerSecond.median }]
  })
  if (pairs.length === 0) return unmeasured(...aims, "there is no broker with both levels")
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: pairs.map(({ broker, value }) => `${labels[broker]} ${ratio(value)}`).join(", "),
    verdict: verdictOf(pairs.every(({ value }) => value >= 0.9), false),
    why: pairs.filter(({ value }) => value < 0.9).map(({ broker, less, more }) => {
      const overlap = more.ackedPerSecond.max >= 0.9 * less.ackedPerSecond.min
      return `${labels[broker]}: ${rounded(less.ackedPerSecond.min)} to ${
        rounded(less.ackedPerSecond.max)
      }/s at High, ${rounded(more.ackedPerSecond.min)} to ${rounded(more.ackedPerSecond.max)}/s at Extreme${
        overlap ? ": the rounds overlap, so the difference is within the noise of this run" : ""
      }`
    }).join("; ")
  }
}
