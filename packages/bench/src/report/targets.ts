/**
 * What was aimed at, row by row, and what this run has to say to it. Nothing here is known beforehand but the aims.
 */
import { type BrokerName, labels } from "../brokers/target.ts"
import { leaksOf, type MeasuredCell } from "../compare/figures.ts"
import { extreme, high, longest, sustained } from "../compare/levels.ts"
import { modeLabels } from "../load/publishing.ts"
import type { Peer } from "../peers/figures.ts"
import type { Report } from "./model.ts"
import { integer, megabytes, percent, ratio, rounded } from "./numbers.ts"
import { brokersOf, cellsAt, cellsOf, fastest, fastestHandled, peersNamed } from "./select.ts"

export type Verdict = "stretch" | "met" | "missed" | "not measured"

export interface Target {
  readonly what: string
  readonly least: string
  readonly stretch: string
  /** Of this run. */
  readonly figure: string
  readonly verdict: Verdict
  /** Where it fell short, or was not measured: what the figures say about the reason. */
  readonly why: string
}

const unmeasured = (what: string, least: string, stretch: string, why: string): Target => ({
  what,
  least,
  stretch,
  figure: "",
  verdict: "not measured",
  why
})

const verdictOf = (met: boolean, stretched: boolean): Verdict => stretched ? "stretch" : met ? "met" : "missed"

const notRun = (suite: string): string => `the suite ${suite} was not part of this run`

/** What one core could do at the best, and how much of it was used: is it us, or did we wait? */
const boundBy = (
  { cpuMicros, load, perSecond }: { readonly cpuMicros: number; readonly perSecond: number; readonly load: number }
): string => {
  const busy = cpuMicros * perSecond / 1e6
  const cpu = `${cpuMicros.toFixed(1)} us of processor time a message`
  return busy >= 0.9
    ? `bound by its one JavaScript thread: ${cpu}, so ${rounded(1e6 / cpuMicros)}/s at the best on one core`
    : `the process was busy for ${Math.round(busy * 100)} % of the time (${cpu}): it waited for the broker, or for the `
      + `machine, which had a load of ${load} at the start`
}

const cellBound = (report: Report, cell: MeasuredCell): string =>
  boundBy({
    cpuMicros: cell.cpuMicrosPerMessage.median,
    perSecond: cell.ackedPerSecond.median,
    load: report.machine.load
  })

const peerBound = (report: Report, { cpuNanosPerMessage, messagesPerSecond }: Peer): string =>
  cpuNanosPerMessage === undefined ? "" : boundBy({
    cpuMicros: cpuNanosPerMessage.median / 1000,
    perSecond: messagesPerSecond.median,
    load: report.machine.load
  })

// --- beside others ----------------------------------------------------------------------------------------------------

const spread = ({ max, median, min }: { readonly median: number; readonly min: number; readonly max: number }): string =>
  `${ratio(median)} (${ratio(min)} to ${ratio(max)})`

/** Ours / a peer, at least so much. With several peers of that description the fastest counts. */
const atLeast = (
  report: Report,
  fields: {
    readonly what: string
    readonly broker: string
    readonly words: ReadonlyArray<string | RegExp>
    readonly least: number
    readonly stretch: number
  }
): Target => {
  const { broker, least, stretch, what, words } = fields
  const aims = [what, `${least} x`, `${stretch} x`] as const
  if (report.peers === undefined) return unmeasured(...aims, notRun("peers"))
  const found = peersNamed(report, broker, ...words)
  const rival = found.toSorted((a, b) => a.peer.ratio.median - b.peer.ratio.median)[0]
  if (rival === undefined) return unmeasured(...aims, "that client was not part of this run")
  const { group, peer } = rival
  const { median } = peer.ratio
  const own = group.peers.find(({ ours }) => ours)
  return {
    what,
    least: aims[1],
    stretch: aims[2],
    figure: spread(peer.ratio),
    verdict: verdictOf(median >= least, median >= stretch),
    why: median >= least || own === undefined ? "" : `ours: ${peerBound(report, own)}`
  }
}

const memorySpeed = (report: Report): Target => {
  const aims = ["memory: publishAsync + ack, messages/s", "200,000", "350,000"] as const
  if (report.peers === undefined) return unmeasured(...aims, notRun("peers"))
  const found = peersNamed(report, "Memory", "publishAsync + ack").find(({ peer }) => peer.ours)
  if (found === undefined) return unmeasured(...aims, "it was not part of this run")
  const { median } = found.peer.messagesPerSecond
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: integer(median),
    verdict: verdictOf(median >= 200_000, median >= 350_000),
    why: median >= 200_000 ? "" : peerBound(report, found.peer)
  }
}

const goBus = (what: string, least: string, stretch: string): Target =>
  unmeasured(what, least, stretch, "the Go bus is no part of this project; it is measured beside it elsewhere")

/** One publisher that awaits each acknowledgement: ours / the quickest raw client. */
const awaitedP50 = (report: Report): Target => {
  const aims = ["one publisher awaiting each ack, P50: ours / raw client", "<= 1.3 x", "<= 1.1 x"] as const
  if (report.peers === undefined) return unmeasured(...aims, notRun("peers"))
  const contests = report.peers.groups.flatMap(({ broker, contest, peers }) => {
    if (contest !== "one at a time") return []
    const own = peers.find(({ ours }) => ours)?.publishToAckMs?.p50
    const raw = peers.filter(({ ours }) => !ours).flatMap(({ publishToAckMs }) => publishToAckMs?.p50 ?? [])
    return own === undefined || raw.length === 0 ? [] : [{ broker, own, raw: Math.min(...raw) }]
  })
  if (contests.length === 0) return unmeasured(...aims, "it was not part of this run")
  const worst = Math.max(...contests.map(({ own, raw }) => own / raw))
  const over = contests.filter(({ own, raw }) => own / raw > 1.3)
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: contests.map(({ broker, own, raw }) => `${broker} ${ratio(own / raw)}`).join(", "),
    verdict: verdictOf(worst <= 1.3, worst <= 1.1),
    why: over.map(({ broker, own, raw }) =>
      `${broker}: ${((own - raw) * 1000).toFixed(0)} us more than ${(raw * 1000).toFixed(0)} us, for validation, `
      + "encoding, the window, and two hops between fibers"
    ).join("; ")
  }
}

const consuming = (report: Report): Target => {
  const aims = ["consuming, trivial handler: ours / raw client", "0.6 x", "0.85 x"] as const
  if (report.peers === undefined) return unmeasured(...aims, notRun("peers"))
  const found = report.peers.groups.flatMap(({ broker, contest, peers }) => {
    if (contest !== "consuming") return []
    const worst = peers.filter(({ ours }) => !ours).toSorted((a, b) => a.ratio.median - b.ratio.median)[0]
    return worst === undefined ? [] : [{ broker, ratio: worst.ratio, own: peers.find(({ ours }) => ours) }]
  })
  if (found.length === 0) return unmeasured(...aims, "it was not part of this run")
  const least = Math.min(...found.map((one) => one.ratio.median))
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: found.map((one) => `${one.broker} ${ratio(one.ratio.median)}`).join(", "),
    verdict: verdictOf(least >= 0.6, least >= 0.85),
    why: found.flatMap(({ broker, own, ratio: { median } }) =>
      median >= 0.6 || own === undefined ? [] : [`${broker}: ${peerBound(report, own)}`]
    ).join("; ")
  }
}

// --- the brokers beside each other ------------------------------------------------------------------------------------

const natsBrokers: ReadonlyArray<BrokerName> = ["nats-file", "nats-memory"]

const natsToKafka = (report: Report): Target => {
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
  const distance = (value: number): number => Math.max(value, 1 / value)
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

const tenTimes = (report: Report): ReadonlyArray<Target> =>
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

const notFalling = (report: Report): Target => {
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
      return `${labels[broker]}: ${rounded(less.ackedPerSecond.min)} to ${rounded(less.ackedPerSecond.max)}/s at High, ${
        rounded(more.ackedPerSecond.min)
      } to ${rounded(more.ackedPerSecond.max)}/s at Extreme${
        overlap ? ": the rounds overlap, so the difference is within the noise of this run" : ""
      }`
    }).join("; ")
  }
}

// --- nothing lost, nothing left ---------------------------------------------------------------------------------------

const nameOf = ({ broker, level, mode }: { readonly broker: BrokerName; readonly level: string; readonly mode: keyof typeof modeLabels }): string =>
  `${labels[broker]}, ${level}, ${modeLabels[mode]}`

const list = (items: ReadonlyArray<string>): string =>
  items.length <= 4 ? items.join("; ") : `${items.slice(0, 4).join("; ")}; and ${items.length - 4} more`

const everywhere = (report: Report): ReadonlyArray<Target> => {
  const what = {
    success: "success at every level on every broker: acknowledged, stored and handled",
    wrong: "order inversions, acked and lost, stored twice (this suite: without faults)",
    left: "fibers, timers and handles after close = before"
  }
  if (report.compare === undefined) {
    return [
      unmeasured(what.success, "100 %", "", notRun("compare")),
      unmeasured(what.wrong, "0", "0", notRun("compare")),
      unmeasured(what.left, "0", "0", notRun("compare"))
    ]
  }
  const cells = cellsOf(report)
  const refused = report.compare.cells.flatMap((cell) => cell._tag === "Refused" ? [cell] : [])
  const total = (of: (cell: MeasuredCell) => number): number => cells.reduce((sum, cell) => sum + of(cell), 0)
  const messages = total((cell) => cell.published)
  const unsuccessful = cells.filter(({ successRate }) => successRate < 1)
  const [inverted, gaps, twice] = [
    total((cell) => cell.orderViolations),
    total((cell) => cell.gaps),
    total((cell) => cell.duplicates)
  ]
  const leaking = cells.filter((cell) => Object.values(leaksOf(cell)).some((left) => left > 0))
  const lost = refused.filter(({ problem }) => !/warm|cold/.test(problem))
  const complaints = refused.map((cell) => `no figure for ${nameOf(cell)}: ${cell.problem}`)
  return [
    {
      what: what.success,
      least: "100 %",
      stretch: "",
      figure: cells.length === 0
        ? "no cell has a figure"
        : `${percent(Math.min(...cells.map(({ successRate }) => successRate)))} in ${cells.length} cells, ${
          integer(messages)
        } messages`,
      verdict: verdictOf(cells.length > 0 && unsuccessful.length === 0 && refused.length === 0, false),
      why: list([...unsuccessful.map((cell) => `${nameOf(cell)}: ${percent(cell.successRate)}`), ...complaints])
    },
    {
      what: what.wrong,
      least: "0",
      stretch: "0",
      figure: `${inverted} out of order, ${gaps} lost, ${twice} twice`,
      verdict: verdictOf(false, inverted + gaps + twice === 0 && lost.length === 0 && cells.length > 0),
      why: list(lost.map((cell) => `${nameOf(cell)}: ${cell.problem}`))
    },
    {
      what: what.left,
      least: "0",
      stretch: "0",
      figure: `${leaking.length} of ${cells.length} cells left something behind`,
      verdict: verdictOf(false, leaking.length === 0 && cells.length > 0),
      why: list(leaking.map((cell) => {
        const { fibers, handles, timers } = leaksOf(cell)
        return `${nameOf(cell)}: ${fibers} fibers, ${timers} timers, ${handles} handles more than before`
      }))
    }
  ]
}

const heapGrowth = (report: Report): Target => {
  const aims = ["heap growth over a run at Extreme, after a collection", "<= 3 MB", ""] as const
  if (report.compare === undefined) return unmeasured(...aims, notRun("compare"))
  const cells = cellsAt(report, { level: extreme.name })
  if (cells.length === 0) return unmeasured(...aims, "there is no such cell")
  const growth = (cell: MeasuredCell): number => cell.after.heapMb - cell.before.heapMb
  const over = cells.filter((cell) => growth(cell) > 3)
  const worst = cells.toSorted((a, b) => growth(b) - growth(a))[0]!
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: `${megabytes(growth(worst))} at most (${nameOf(worst)})`,
    verdict: verdictOf(over.length === 0, false),
    why: list(over.map((cell) =>
      `${nameOf(cell)}: ${megabytes(cell.before.heapMb)} before, ${megabytes(cell.peak.heapMb)} at the peak, ${
        megabytes(cell.after.heapMb)
      } after`
    ))
  }
}

const rssGrowth = (report: Report): Target => {
  const aims = ["RSS growth over 1,000,000 messages at 8,192 pending, NATS and Kafka", "200 MB", "80 MB"] as const
  if (report.compare === undefined) return unmeasured(...aims, notRun("compare"))
  const cells = cellsAt(report, { level: longest.name, mode: "window" }).filter(({ broker }) => broker !== "memory")
  if (cells.length === 0) return unmeasured(...aims, "a million messages were not part of this run")
  const growth = (cell: MeasuredCell): number => cell.peak.rssMb - cell.before.rssMb
  const most = Math.max(...cells.map(growth))
  return {
    what: aims[0],
    least: aims[1],
    stretch: aims[2],
    figure: cells.map((cell) => `${labels[cell.broker]} ${megabytes(growth(cell))}`).join(", "),
    verdict: verdictOf(most <= 200, most <= 80),
    why: most <= 200 ? "" : list(cells.filter((cell) => growth(cell) > 200).map((cell) =>
      `${labels[cell.broker]}: of it ${
        megabytes(cell.peak.heapMb - cell.before.heapMb)
      } heap between collections; publisher and consumer of all five topics share the process`
    ))
  }
}

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
