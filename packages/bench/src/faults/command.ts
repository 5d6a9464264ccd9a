/**
 * `faults <suite>`: the command over whatever suites it is given, so that the tests can run it over planted ones.
 */
import { Console, Data, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import * as CommandLine from "../commandLine.ts"
import { versions } from "../machine.ts"
import { isolate, roundFlag } from "./isolate.ts"
import { page, reportOf, write } from "./report.ts"
import { problems, run } from "./runner.ts"
import { type Scenario, type Suite, titleOf } from "./scenario.ts"

const flags = {
  rounds: CommandLine.count("rounds", { otherwise: 20, description: "How often each scenario runs (default 20)" }),
  jobs: CommandLine.count("jobs", { otherwise: 2, description: "Scenarios that run at the same time (default 2)" }),
  minutes: Flag.Int("minutes").pipe(
    Flag.withDefault(0),
    Flag.withDescription("No round begins later than so many minutes after the start (default 0: no limit)")
  ),
  quick: CommandLine.quick("Only the quick scenarios, once each where --rounds is not given"),
  only: Flag.String("only").pipe(
    Flag.withDefault(""),
    Flag.withDescription("Scenarios by id, or by a part of their title, with commas: F02,F07,half-open")
  ),
  list: Flag.Boolean("list").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Say what there is, and run nothing")
  ),
  round: Flag.String(roundFlag).pipe(
    Flag.withDefault(""),
    Flag.withHidden,
    Flag.withDescription("One round of the scenario with this title, in this process; prints it as JSON")
  ),
  json: CommandLine.json
}

/** Those that are meant by `--only` and `--quick`. */
export const select = (
  scenarios: ReadonlyArray<Scenario>,
  { only, quick }: { readonly only: string; readonly quick: boolean }
): ReadonlyArray<Scenario> => {
  const wanted = only.split(",").map((word) => word.trim()).filter((word) => word !== "")
  return scenarios.filter((scenario) =>
    (!quick || scenario.quick)
    && (wanted.length === 0
      || wanted.some((word) => word === scenario.id || (!/^F\d+$/.test(word) && titleOf(scenario).includes(word))))
  )
}

const listed = (scenario: Scenario): string =>
  `${titleOf(scenario)}${scenario.quick ? " (quick)" : ""}: ${scenario.injects}. Asserts ${scenario.asserts.join(" ")}`

class NoSuchScenario extends Data.TaggedError("NoSuchScenario")<{ readonly title: string }> {}

/** What {@link isolate} asks for. */
const oneRound = Effect.fnUntraced(function*({ close = Effect.void, scenarios }: Suite, title: string) {
  const scenario = scenarios.find((one) => titleOf(one) === title)
  if (scenario === undefined) return yield* new NoSuchScenario({ title })
  const round = yield* Effect.ensuring(Effect.scoped(scenario.run), close)
  yield* Console.log(JSON.stringify(round))
})

const suiteCommand = (suite: Suite) =>
  Command.make(
    suite.name,
    flags,
    Effect.fnUntraced(function*({ jobs, json, list, minutes, only, quick, round: title, rounds }) {
      if (title !== "") return yield* oneRound(suite, title)
      const selected = select(suite.scenarios, { only, quick })
      const scenarios = selected.filter(({ leftOut }) => leftOut === undefined)
      if (list) return yield* Console.log(selected.map(listed).join("\n"))
      for (const scenario of selected) {
        if (scenario.leftOut !== undefined) yield* Console.error(`${titleOf(scenario)}: left out: ${scenario.leftOut}`)
      }
      // Of what is being run, whatever is committed meanwhile.
      const all = { ...(yield* suite.versions), ...versions() }
      const results = yield* run(scenarios, {
        rounds: quick && rounds === 20 ? 1 : rounds,
        jobs,
        ...(minutes === 0 ? undefined : { budgetMillis: minutes * 60_000 }),
        isolate: (scenario) => isolate(suite.name, scenario),
        onRound: (scenario, round, violations) =>
          Console.error(
            `${titleOf(scenario)}, round ${round}: ${
              violations.length === 0 ? "ok" : violations.slice(0, 3).join("; ")
            }`
          )
      }).pipe(Effect.ensuring(suite.close ?? Effect.void))
      const report = reportOf(suite.name, results, all, new Date())
      write(report, results)
      yield* Console.log(json ? JSON.stringify(report) : page(report, results))
      if (problems(results).length > 0) {
        if (json) yield* Console.error(page(report, results))
        return yield* new CommandLine.ToldAlready()
      }
    })
  ).pipe(Command.withDescription(suite.description))

export const faults = (suites: readonly [Suite, ...ReadonlyArray<Suite>]) => {
  const [first, ...rest] = suites
  return Command.make("faults").pipe(
    Command.withDescription("Does harm to a broker and judges what came of it: npm run faults -- <broker>"),
    Command.withSubcommands([suiteCommand(first), ...rest.map(suiteCommand)])
  )
}
