/**
 * The suite `nats`: publishing to JetStream through the bus, beside everything that the raw client can do, in one run.
 */
import { Effect } from "effect"
import { type Baseline, measureOf } from "./baselines/baseline.ts"
import * as Raw from "./baselines/nats/index.ts"
import { latencyTarget, spread } from "./beside.ts"
import { nats as broker } from "./brokers/nats.ts"
import * as Child from "./child.ts"
import type { Check, Figures, Row, Spread } from "./figures.ts"
import { flatName, flatRow, flatTargets } from "./flatRow.ts"
import { machine, versions } from "./machine.ts"
import { interleave, type Measured } from "./rounds.ts"
import { ratioOf } from "./spread.ts"
import type { Flat } from "./workload/flat.ts"
import { callers, ours } from "./workload/natsPublish.ts"
import { callersName } from "./workload/publish.ts"

export interface Options {
  readonly messages: number
  readonly rounds: number
  /** Sizes of the long runs. */
  readonly sizes: ReadonlyArray<number>
  /** How often each of them is run. */
  readonly flatRounds: number
  readonly say: (text: string) => Effect.Effect<void>
}

/** What `publishAsync` has in flight, over all publishers. */
const inFlight = 2048

const modes = ["auto", "window"] as const
type Mode = typeof modes[number]

const modeName: Record<Mode, string> = { auto: "fast ingest (auto)", window: "window" }

const atLeast = (ratio: Spread, own: Measured, raw: Measured, least: number): Check => ({
  name: `${own.row.name} / ${raw.row.name}: at least ${least} x`,
  ok: ratio.median >= least,
  detail: spread(ratio)
})

const longRuns = Effect.fnUntraced(function*({ flatRounds, say, sizes }: Options, servers: ReadonlyArray<string>) {
  const flats: Record<Mode, Array<Flat>> = { auto: [], window: [] }
  for (let round = 1; round <= flatRounds; round++) {
    for (const size of sizes) {
      for (const mode of modes) {
        yield* say(`long run ${round} of ${flatRounds}: ${modeName[mode]}, ${flatName(size)}`)
        flats[mode].push(...yield* Child.natsFlat(mode, size, servers))
      }
    }
  }
  const rowsOf = (mode: Mode): ReadonlyArray<Row> =>
    sizes.map((size) => flatRow(flats[mode], size, `ours, ordered, ${modeName[mode]}, ${flatName(size)}`))
  return { auto: rowsOf("auto"), window: rowsOf("window") }
})

export const nats = Effect.fnUntraced(function*(options: Options) {
  const { messages, rounds, say } = options
  const servers = yield* broker((line) => Effect.runFork(say(line)))
  const where = machine()
  const few = Math.ceil(messages / 10)
  const raw = (baseline: Baseline, count = messages) => measureOf(baseline, count)
  const ordered = { servers, mode: "auto", order: "aggregate" } as const
  const inWindow = { servers, mode: "window", order: "aggregate" } as const
  const unordered = { servers, mode: "window", order: "none" } as const
  const measured = yield* interleave([
    ours(`ours, ordered, ${modeName.auto}`, ordered, messages, inFlight),
    ours(`ours, ordered, ${modeName.window}`, inWindow, messages, inFlight),
    ours(`ours, order "none", ${modeName.window}`, unordered, messages, inFlight),
    yield* raw(Raw.ownInbox(servers)),
    yield* raw(Raw.jsPublish(servers)),
    yield* raw(Raw.jsPublish(servers, { noAsyncTraces: true })),
    yield* raw(Raw.libraryFastIngest(servers, 1)),
    yield* raw(Raw.libraryFastIngest(servers, 100)),
    yield* raw(Raw.atomicBatches(servers)),
    yield* raw(Raw.corePublish(servers)),
    callers(`ours, ${modeName.auto}, ${callersName(1)}`, ordered, few, 1),
    callers(`ours, ${modeName.auto}, ${callersName(32)}`, ordered, Math.ceil(messages / 4), 32),
    callers(`ours, ${modeName.auto}, ${callersName(1000)}`, ordered, messages, 1000),
    callers(`ours, ${modeName.window}, ${callersName(1)}`, inWindow, few, 1),
    callers(`ours, ${modeName.window}, ${callersName(32)}`, inWindow, Math.ceil(messages / 4), 32),
    callers(`ours, ${modeName.window}, ${callersName(1000)}`, inWindow, messages, 1000),
    yield* raw(Raw.jsPublish(servers, { inFlight: 1, noAsyncTraces: true }), few),
    yield* raw(Raw.ownInbox(servers, 1), few)
  ], {
    rounds,
    onRound: (name, round) => say(round === 0 ? `warm-up: ${name}` : `round ${round} of ${rounds}: ${name}`)
  })
  const at = (index: number): Measured => {
    const found = measured[index]
    if (found === undefined) throw new Error("nothing was measured")
    return found
  }
  const ways = [at(0), at(1), at(2)]
  const raws = measured.slice(3, 10)
  const [ownInbox, byDefault, noTraces] = [at(3), at(4), at(5)]
  const flats = yield* longRuns(options, servers)
  const figures: Figures = {
    suite: "nats",
    machine: where,
    versions: versions(),
    rows: [...measured.map(({ row }) => row), ...modes.flatMap((mode) => flats[mode])],
    ratios: Object.fromEntries(
      ways.flatMap((way) =>
        raws.map((other) => [`${way.row.name}/${other.row.name}`, ratioOf(way.speeds, other.speeds)] as const)
      )
    ),
    sound:
      "Every round was read back by a connection of its own: acknowledged = published = stored, no gap, no duplicate, "
      + "and in order where that is promised.",
    checks: [],
    targets: [
      ...ways.flatMap((way) => [
        atLeast(ratioOf(way.speeds, byDefault.speeds), way, byDefault, 4),
        atLeast(ratioOf(way.speeds, noTraces.speeds), way, noTraces, 2),
        atLeast(ratioOf(way.speeds, ownInbox.speeds), way, ownInbox, 0.85)
      ]),
      latencyTarget(at(10), at(17)),
      latencyTarget(at(13), at(17)),
      ...modes.flatMap((mode) => flatTargets(flats[mode], `${modeName[mode]}, `))
    ]
  }
  return figures
}, Effect.scoped)
