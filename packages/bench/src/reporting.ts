/**
 * The commands that make a report: `bench` itself, and each of its suites alone.
 */
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import * as CommandLine from "./commandLine.ts"
import { figuresOf } from "./report/figures.ts"
import type { Report } from "./report/model.ts"
import { targetsOf } from "./report/targets.ts"
import { terminal } from "./report/terminal.ts"
import { write } from "./report/write.ts"
import { run, secondsOf, type SuiteName, suites } from "./run.ts"

const flags = {
  json: CommandLine.json,
  messages: CommandLine.count("messages", {
    otherwise: 1_000_000,
    least: 500,
    description: "The largest level of the comparison (default 1,000,000)"
  }),
  rounds: CommandLine.count("rounds", {
    otherwise: 3,
    description: "Rounds, of which the median counts (default 3; peers have at least 5)"
  }),
  quick: CommandLine.quick("A small part of everything, in about a minute: to see that it works, not for figures")
}

interface Given {
  readonly json: boolean
  readonly messages: number
  readonly rounds: number
  readonly quick: boolean
}

/** What ends the command with exit code 1: not a missed aim, which may be the machine's, but a figure that is not there. */
const isSound = ({ compare, knobs, peers, stages }: Report): boolean =>
  (compare?.cells ?? []).every(({ _tag }) => _tag === "Measured")
  && [stages, peers, knobs].every((suite) => (suite?.problems ?? []).length === 0)

const make = (wanted: ReadonlyArray<SuiteName>, { json, messages, quick, rounds }: Given) =>
  Effect.gen(function*() {
    const report = yield* run({
      suites: quick ? wanted.filter((suite) => suite !== "knobs" || wanted.length === 1) : wanted,
      rounds,
      messages,
      quick,
      command: `npm run bench -- ${process.argv.slice(2).join(" ")}`.replace(/ -- $/, "")
    }).pipe(Effect.mapError((cause) => new CommandLine.Failed({ cause })))
    const files = yield* Effect.mapError(write(report), (cause) => new CommandLine.Failed({ cause }))
    yield* json ? Console.error(terminal(report)) : Console.log(terminal(report))
    yield* Console.error(`written: ${files.join(", ")}`)
    if (json) yield* Console.log(JSON.stringify(figuresOf(report, wanted.length === 1 ? wanted[0]! : "bench")))
    const missed = targetsOf(report).filter(({ verdict }) => verdict === "missed").length
    if (missed > 0) yield* Console.error(`${missed} aims missed; they belong to one machine, and change nothing here`)
    if (!isSound(report)) return yield* new CommandLine.ToldAlready()
  })

/** A minute, two minutes, ... */
const minutes = (seconds: number): string => `about ${Math.max(1, Math.round(seconds / 60))} min`

const long = (wanted: ReadonlyArray<SuiteName>): string =>
  minutes(secondsOf({ suites: wanted, rounds: 3, messages: 1_000_000, quick: false, command: "" }))

const descriptions: Readonly<Record<SuiteName, string>> = {
  compare: "Memory, NATS and Kafka from 500 to 1,000,000 messages, in three ways to publish",
  stages: "Where the time of a publish goes",
  peers: "Ours beside the clients that one would pick instead",
  knobs: "What each setting does"
}

export const reportCommands = suites.map((suite) =>
  Command.make(suite, flags, (given) => make([suite], given)).pipe(
    Command.withDescription(`${descriptions[suite]} (${long([suite])}; writes the report)`)
  )
)

export const bench = Command.make("bench", flags, (given) => make(suites, given)).pipe(
  Command.withDescription(
    `Measures the bus. Without a suite: ${suites.join(", ")} (${long(suites)}; with --quick about one), and the report `
      + "in reports/bench.html."
  )
)
