/**
 * The suite `core`: what the bus costs, on the broker that costs next to nothing.
 */
import { Effect } from "effect"
import * as Child from "./child.ts"
import type { Check, Figures, Row, Spread } from "./figures.ts"
import { flatName, flatRow } from "./flatRow.ts"
import { machine, versions } from "./machine.ts"
import { interleave, type Measured } from "./rounds.ts"
import { ratioOf, spreadOf } from "./spread.ts"
import { publishBatch, through } from "./workload/bulk.ts"
import { encodeAlone } from "./workload/encode.ts"
import type { Flat, PerMessage } from "./workload/flat.ts"
import { publish } from "./workload/publish.ts"
import { fullWindow, makeAndPublish, publishAsync } from "./workload/publishAsync.ts"

export interface Options {
  /** Of one round of `publishAsync`; others have a share of it. */
  readonly messages: number
  readonly rounds: number
  /** Sizes of the long runs. */
  readonly sizes: ReadonlyArray<number>
  /** Messages over which fibers and timers are counted. */
  readonly counted: number
  readonly say: (text: string) => Effect.Effect<void>
}

const thousands = (value: number): string => value.toLocaleString("en-US")

/** A message in ten thousand may cost a fiber or a timer: those of the publishers, and of what runs now and then. */
const rarely = (count: number, messages: number): boolean => count <= 20 + messages / 10_000

const perMessageChecks = ({ after, before, counted, messages, open }: PerMessage): ReadonlyArray<Check> => [
  {
    name: "no fiber per message",
    ok: rarely(counted.fibers, messages),
    detail: `${counted.fibers} fibers started over ${thousands(messages)} messages, 8 of them the publishers`
  },
  {
    name: "no timer per message",
    ok: rarely(counted.timers, messages),
    detail: `${counted.timers} timers (and ${
      thousands(counted.turns)
    } turns of the scheduler, ${counted.promises} promises) over ${thousands(messages)} messages`
  },
  {
    name: "nothing left behind",
    ok: after.fibers === before.fibers && after.resources.join() === before.resources.join(),
    detail: `fibers before, open, closed: ${before.fibers}, ${open.fibers}, ${after.fibers}; handles and timers: ${
      [before, open, after].map(({ resources }) => resources.length).join(", ")
    }`
  }
]

const micros = (nanos: number): string => (nanos / 1000).toFixed(2)

const targetsOf = (
  asyncs: Measured,
  overhead: Spread,
  cpuOverhead: number,
  flats: ReadonlyArray<Row>
): ReadonlyArray<Check> => {
  const speeds = flats.map(({ messagesPerSecond }) => messagesPerSecond.median)
  const growth = Math.max(...flats.map(({ rssGrowthMb }) => rssGrowthMb ?? 0))
  const { median } = asyncs.row.messagesPerSecond
  const slowest = Math.min(...speeds) / Math.max(...speeds)
  return [
    {
      name: "publishAsync + ack: at least 200,000 messages/s",
      ok: median >= 200_000,
      detail: `${thousands(Math.round(median))}/s`
    },
    {
      name: "what the bus adds to schema and JSON: at most 4 us",
      ok: overhead.median <= 4000,
      detail: `${micros(overhead.median)} us (${micros(overhead.min)} to ${micros(overhead.max)}), ${
        micros(cpuOverhead)
      } us of processor time`
    },
    {
      name: "flat over the sizes: the slowest at least 80 % of the fastest",
      ok: slowest >= 0.8,
      detail: `${Math.round(slowest * 100)} %`
    },
    { name: "RSS growth below 150 MB", ok: growth < 150, detail: `${Math.round(growth)} MB at most` }
  ]
}

const cpuOf = ({ row }: Measured): number => row.cpuNanosPerMessage?.median ?? Number.NaN

export const core = Effect.fnUntraced(function*(options: Options) {
  const { messages, rounds, say, sizes } = options
  const measures = [
    encodeAlone(messages),
    publishAsync(messages),
    fullWindow(messages),
    makeAndPublish(messages),
    publish(1, Math.ceil(messages / 10)),
    publish(32, Math.ceil(messages / 4)),
    publish(1000, messages),
    publishBatch(messages),
    through(messages)
  ] as const
  const where = machine()
  const measured = yield* interleave(measures, {
    rounds,
    onRound: (name, round) => say(round === 0 ? `warm-up: ${name}` : `round ${round} of ${rounds}: ${name}`)
  })
  const [encoded, asyncs] = measured
  if (encoded === undefined || asyncs === undefined) return yield* Effect.die(new Error("nothing was measured"))

  const flats: Array<Flat> = []
  for (let round = 1; round <= Math.min(rounds, 3); round++) {
    for (const size of sizes) {
      yield* say(`long run ${round}: ${flatName(size)}`)
      flats.push(...yield* Child.flat(size))
    }
  }
  yield* say("fibers and timers")
  const perMessage = yield* Child.perMessage(options.counted)

  const rows = sizes.map((size) => flatRow(flats, size))
  const overhead = spreadOf(asyncs.nanos.map((nanos, round) => nanos - encoded.nanos[round]!))
  const figures: Figures = {
    suite: "core",
    machine: where,
    versions: versions(),
    rows: [...measured.map(({ row }) => row), ...rows],
    ratios: Object.fromEntries(
      measured.slice(1).map(({ row, speeds }) => [
        `${row.name}/${encoded.row.name}`,
        ratioOf(speeds, encoded.speeds)
      ])
    ),
    sound: "Every round was read back: acknowledged = published = stored, in order, no gap, no duplicate.",
    checks: perMessageChecks(perMessage),
    targets: targetsOf(asyncs, overhead, cpuOf(asyncs) - cpuOf(encoded), rows)
  }
  return figures
})
