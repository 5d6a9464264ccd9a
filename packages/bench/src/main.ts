/**
 * `pnpm bench <suite>`.
 */
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import * as CommandLine from "./commandLine.ts"
import { consume } from "./consume.ts"
import { core } from "./core.ts"
import type { Figures } from "./figures.ts"
import { kafka } from "./kafka.ts"
import { nats } from "./nats.ts"
import { page } from "./report.ts"
import { bench, reportCommands } from "./reporting.ts"

const flags = {
  json: CommandLine.json,
  messages: CommandLine.count("messages", {
    otherwise: 200_000,
    least: 1000,
    description: "Messages in one round (default 200,000)"
  }),
  rounds: CommandLine.count("rounds", { otherwise: 5, description: "Rounds, of which the median counts (default 5)" }),
  quick: CommandLine.quick("A tenth of the messages and 3 rounds: to see that it works, not for figures")
}

const say = (text: string) =>
  Effect.sync(() => {
    process.stderr.write(process.stderr.isTTY ? `\r${text}\x1b[K` : `${text}\n`)
  })

const clearLine = Effect.sync(() => {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K")
})

const suite = <E extends Error>(
  name: string,
  description: string,
  run: (options: {
    readonly messages: number
    readonly rounds: number
    readonly quick: boolean
  }) => Effect.Effect<Figures, E>
) =>
  Command.make(
    name,
    flags,
    Effect.fnUntraced(function*({ json, messages, quick, rounds }) {
      const figures = yield* run({
        messages: quick ? Math.ceil(messages / 10) : messages,
        rounds: quick ? Math.min(rounds, 3) : rounds,
        quick
      }).pipe(
        Effect.ensuring(clearLine),
        Effect.mapError((cause) => new CommandLine.Failed({ cause }))
      )
      yield* Console.log(json ? JSON.stringify(figures) : page(figures))
      if (figures.checks.some(({ ok }) => !ok)) {
        if (json) yield* Console.error(page(figures))
        return yield* new CommandLine.ToldAlready()
      }
    })
  ).pipe(Command.withDescription(description))

const coreSuite = suite(
  "core",
  "What the bus itself costs, on the broker in memory",
  ({ messages, quick, rounds }) =>
    core({
      messages,
      rounds,
      sizes: quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000],
      counted: 100_000,
      say
    })
)

const consumeSuite = suite(
  "consume",
  "What it costs to have a record handled, on every broker, beside its raw client",
  ({ messages, rounds }) => consume({ messages, rounds, say })
)

const natsSuite = suite(
  "nats",
  "Publishing to NATS JetStream, beside the raw client",
  ({ messages, quick, rounds }) =>
    nats({
      messages,
      rounds: quick ? Math.min(rounds, 2) : rounds,
      sizes: quick ? [10_000, 50_000] : [10_000, 100_000, 1_000_000],
      flatRounds: quick ? 1 : Math.min(rounds, 3),
      say
    })
)

const kafkaSuite = suite(
  "kafka",
  "Publishing to Apache Kafka, beside the raw clients",
  ({ messages, quick, rounds }) =>
    kafka({
      messages,
      rounds: quick ? 1 : rounds,
      sizes: quick ? [5000, 50_000] : [10_000, 100_000, 1_000_000],
      flatRounds: quick ? 1 : Math.min(rounds, 3),
      say
    })
)

CommandLine.main(bench.pipe(
  Command.withSubcommands([...reportCommands, coreSuite, consumeSuite, natsSuite, kafkaSuite])
))
