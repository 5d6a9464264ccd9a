/**
 * What makes a report: brokers up, the suites that were asked for, brokers down, the report written.
 */
import { Effect, type Scope } from "effect"
import { kafka } from "./brokers/kafka.ts"
import { nats } from "./brokers/nats.ts"
import type { NoBroker } from "./brokers/running.ts"
import type { Target } from "./brokers/target.ts"
import { brokerVersions } from "./brokers/versions.ts"
import * as Compare from "./compare/compare.ts"
import * as Knobs from "./knobs/knobs.ts"
import { machine, versions } from "./machine.ts"
import * as Peers from "./peers/peers.ts"
import { Progress } from "./progress.ts"
import type { Report } from "./report/model.ts"
import * as Stages from "./stages/stages.ts"

export const suites = ["compare", "stages", "peers", "knobs"] as const

export type SuiteName = typeof suites[number]

export interface Options {
  readonly suites: ReadonlyArray<SuiteName>
  readonly rounds: number
  /** The largest level of the comparison. */
  readonly messages: number
  readonly quick: boolean
  readonly command: string
}

const starting = 6

const brokers = (progress: Progress): Effect.Effect<ReadonlyArray<Target>, NoBroker, Scope.Scope> => {
  const log = (line: string): void => void Effect.runFork(progress.say(line))
  return progress.step(
    { chapter: "brokers", what: "starting NATS and Kafka", weight: starting },
    Effect.map(
      Effect.all([nats(log), kafka(log)], { concurrency: 2 }),
      ([natsServers, kafkaServers]): ReadonlyArray<Target> => [
        { broker: "memory", servers: [] },
        { broker: "nats-memory", servers: natsServers },
        { broker: "nats-file", servers: natsServers },
        { broker: "kafka", servers: kafkaServers }
      ]
    )
  )
}

/** Where nothing is there yet: the plan needs only the kinds of brokers. */
const planned: ReadonlyArray<Target> = [
  { broker: "memory", servers: [] },
  { broker: "nats-memory", servers: [] },
  { broker: "nats-file", servers: [] },
  { broker: "kafka", servers: [] }
]

const optionsOf = ({ messages, quick, rounds }: Options, targets: ReadonlyArray<Target>) => ({
  compare: { targets, rounds, messages, quick },
  stages: { targets, rounds: Math.min(rounds, 3), quick },
  // Ratios want more rounds than figures.
  peers: { targets, rounds: quick ? 2 : Math.max(5, rounds), messages: quick ? 10_000 : 50_000, quick },
  knobs: {
    targets: targets.filter(({ broker }) => broker === "nats-file" || broker === "kafka"),
    rounds: Math.min(rounds, 3),
    messages: 20_000
  }
})

const sum = (seconds: ReadonlyArray<number>): number => seconds.reduce((total, one) => total + one, 0)

/** About how many seconds it takes on two cores of which nobody else wants anything. */
export const secondsOf = (options: Options): number => {
  const of = optionsOf(options, planned)
  const weights: Readonly<Record<SuiteName, () => number>> = {
    compare: () => sum(Compare.plan(of.compare).map(Compare.secondsOf)),
    stages: () => sum(Stages.plan(of.stages).map(Stages.secondsOf)),
    peers: () => sum(Peers.plan(of.peers).map(({ weight }) => weight)),
    knobs: () => sum(Knobs.plan(of.knobs).map(Knobs.secondsOf))
  }
  return starting + sum(options.suites.map((suite) => weights[suite]()))
}

export const run = (options: Options): Effect.Effect<Report, NoBroker> => {
  const progress = new Progress(secondsOf(options))
  const startedAt = new Date().toISOString()
  const started = performance.now()
  const where = machine()
  return progress.during(Effect.scoped(Effect.gen(function*() {
    const targets = yield* brokers(progress)
    const of = optionsOf(options, targets)
    const wants = (suite: SuiteName): boolean => options.suites.includes(suite)
    const stages = wants("stages") ? yield* Stages.stages(of.stages, progress) : undefined
    const peers = wants("peers") ? yield* Peers.peers(of.peers, progress) : undefined
    const compare = wants("compare") ? yield* Compare.compare(of.compare, progress) : undefined
    const knobs = wants("knobs") ? yield* Knobs.knobs(of.knobs, progress) : undefined
    const report: Report = {
      startedAt,
      tookSeconds: (performance.now() - started) / 1000,
      command: options.command,
      quick: options.quick,
      machine: where,
      versions: { ...versions(), ...(yield* brokerVersions(targets)) },
      compare,
      stages,
      peers,
      knobs
    }
    return report
  })))
}
