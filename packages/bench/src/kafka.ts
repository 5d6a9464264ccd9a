/**
 * The suite `kafka`: publishing through the bus, beside what other clients make of the same messages, in one run.
 */
import { Effect } from "effect"
import { type Baseline, measureOf } from "./baselines/baseline.ts"
import * as Raw from "./baselines/kafka/index.ts"
import { latencyTarget, spread } from "./beside.ts"
import { kafka as broker } from "./brokers/kafka.ts"
import * as Child from "./child.ts"
import type { Check, Figures } from "./figures.ts"
import { flatName, flatRow, flatTargets } from "./flatRow.ts"
import { machine, versions } from "./machine.ts"
import { interleave, type Measured } from "./rounds.ts"
import { ratioOf } from "./spread.ts"
import type { Flat } from "./workload/flat.ts"
import { callers, ours } from "./workload/kafkaPublish.ts"
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

/** The bus's own default bound. */
const inFlight = 8192

const atLeast = (own: Measured, raw: Measured, least: number, stretch: number): Check => {
  const ratio = ratioOf(own.speeds, raw.speeds)
  const reached = ratio.median >= stretch ? ", which is the stretch" : ""
  return {
    name: `${own.row.name} / ${raw.row.name}: at least ${least} x, stretch ${stretch} x`,
    ok: ratio.median >= least,
    detail: `${spread(ratio)}${reached}`
  }
}

const longRuns = Effect.fnUntraced(function*({ flatRounds, say, sizes }: Options, bootstrap: ReadonlyArray<string>) {
  const flats: Array<Flat> = []
  for (let round = 1; round <= flatRounds; round++) {
    for (const size of sizes) {
      yield* say(`long run ${round} of ${flatRounds}: ${flatName(size)}`)
      flats.push(...yield* Child.kafkaFlat(size, bootstrap))
    }
  }
  return sizes.map((size) => flatRow(flats, size, `ours, ${flatName(size)}`))
})

export const kafka = Effect.fnUntraced(function*(options: Options) {
  const { messages, rounds, say } = options
  const bootstrap = yield* broker((line) => Effect.runFork(say(line)))
  const where = machine()
  const raw = (baseline: Baseline, count = messages) => measureOf(baseline, count)
  // One at a time is a round trip each, whatever the client.
  const few = Math.ceil(messages / 40)
  const measured = yield* interleave([
    ours("ours, publishAsync", bootstrap, messages, inFlight),
    yield* raw(Raw.platformatic.batches(bootstrap)),
    yield* raw(Raw.platformatic.lanes(bootstrap)),
    yield* raw(Raw.platformatic.single(bootstrap)),
    yield* raw(Raw.kafkajs.single(bootstrap)),
    yield* raw(Raw.kafkajs.batches(bootstrap)),
    yield* raw(Raw.effectKafka.single(bootstrap, "platformatic")),
    yield* raw(Raw.effectKafka.single(bootstrap, "kafkajs")),
    yield* raw(Raw.producerPerformance.ceiling(bootstrap)),
    callers(`ours, ${callersName(1)}`, bootstrap, few, 1),
    callers(`ours, ${callersName(32)}`, bootstrap, Math.ceil(messages / 10), 32),
    callers(`ours, ${callersName(1000)}`, bootstrap, Math.ceil(messages / 2), 1000),
    yield* raw(Raw.platformatic.single(bootstrap, 1, 1), few)
  ], {
    rounds,
    onRound: (name, round) => say(round === 0 ? `warm-up: ${name}` : `round ${round} of ${rounds}: ${name}`)
  })
  const at = (index: number): Measured => {
    const found = measured[index]
    if (found === undefined) throw new Error("nothing was measured")
    return found
  }
  const own = at(0)
  const others = measured.slice(1, 9)
  const [onPlatformatic, onKafkajs] = [at(6), at(7)]
  const faster = onPlatformatic.row.messagesPerSecond.median > onKafkajs.row.messagesPerSecond.median
    ? onPlatformatic
    : onKafkajs
  const flats = yield* longRuns(options, bootstrap)
  const figures: Figures = {
    suite: "kafka",
    machine: where,
    versions: versions(),
    rows: [...measured.map(({ row }) => row), ...flats],
    ratios: Object.fromEntries(
      others.map((other) => [`${own.row.name}/${other.row.name}`, ratioOf(own.speeds, other.speeds)] as const)
    ),
    sound:
      "Every round was read back by a client of its own: acknowledged = published = stored, and ours in order and once. "
      + "5 topics of 3 partitions, acks all; ours and platformatic idempotent; ProducerPerformance with one topic, "
      + "without keys and headers.",
    checks: [],
    targets: [
      atLeast(own, at(1), 1, 1.4),
      atLeast(own, at(4), 7, 10),
      atLeast(own, faster, 7, 9),
      latencyTarget(at(9), at(12)),
      ...flatTargets(flats)
    ]
  }
  return figures
}, Effect.scoped)
