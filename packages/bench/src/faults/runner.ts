/**
 * Repeats scenarios, and says of each whether it held.
 */
import { Cause, Effect, Exit } from "effect"
import { type Figures, none, type Round, type Scenario, titleOf } from "./scenario.ts"

export interface Violation {
  readonly round: number
  readonly message: string
}

/** A scenario over all its rounds. */
export interface Result {
  readonly scenario: Scenario
  readonly rounds: ReadonlyArray<Round>
  readonly violations: ReadonlyArray<Violation>
  /** Of all rounds together. */
  readonly millis: number
}

export interface RunOptions {
  readonly rounds: number
  /** Scenarios that run at the same time. */
  readonly jobs: number
  /** No round is begun later than this. Default: no limit. */
  readonly budgetMillis?: number | undefined
  /** Runs a round of a scenario that has to be alone in a process of its own. Default: in this one. */
  readonly isolate?: ((scenario: Scenario) => Effect.Effect<Round, unknown>) | undefined
  readonly onRound?: (scenario: Scenario, round: number, violations: ReadonlyArray<string>) => Effect.Effect<void>
}

/** Counts that have to be 0, whatever the scenario. */
const forbidden = ["lost", "unsettled", "inversions", "ghosts"] as const satisfies ReadonlyArray<keyof Figures>

/** Everything that is wrong with a round. Pure. */
export const judge = (scenario: Scenario, { figures, violations }: Round): ReadonlyArray<string> => [
  ...violations,
  ...(figures.injected > 0 ? [] : ["nothing was injected, so this round has tested nothing"]),
  ...forbidden.filter((what) => figures[what] > 0).map((what) => `${what}: ${figures[what]}`),
  ...(figures.longestGapMillis <= scenario.longestGapMillis ? [] : [
    `nothing was acknowledged for ${
      Math.round(figures.longestGapMillis)
    } ms, at most ${scenario.longestGapMillis} expected`
  ])
]

const patience = 180_000

const failed = (message: string): Round => ({ figures: none, violations: [message], notes: {} })

/** One round; it never fails: what goes wrong is in it. */
const roundOf = (scenario: Scenario, { isolate }: RunOptions): Effect.Effect<Round> =>
  (scenario.alone === true && isolate !== undefined ? isolate(scenario) : Effect.scoped(scenario.run)).pipe(
    Effect.timeoutOrElse({
      duration: scenario.patienceMillis ?? patience,
      orElse: () => Effect.succeed(failed(`stuck: no end within ${scenario.patienceMillis ?? patience} ms`))
    }),
    Effect.exit,
    Effect.map((exit) =>
      Exit.isSuccess(exit) ? exit.value : failed(`the round itself failed: ${Cause.pretty(exit.cause)}`)
    )
  )

/** All rounds of all scenarios: round after round, so that an early end leaves each with as many. */
export const run = Effect.fnUntraced(function*(scenarios: ReadonlyArray<Scenario>, options: RunOptions) {
  const { budgetMillis = Infinity, jobs, onRound, rounds } = options
  const started = performance.now()
  const kept = new Map(
    scenarios.map((scenario) => [
      scenario,
      { rounds: new Array<Round>(), violations: new Array<Violation>(), millis: 0 }
    ])
  )
  const one = (scenario: Scenario, number: number) =>
    Effect.gen(function*() {
      if (performance.now() - started > budgetMillis) return
      const from = performance.now()
      const round = yield* roundOf(scenario, options)
      const messages = judge(scenario, round)
      const own = kept.get(scenario)!
      own.rounds.push(round)
      own.millis += performance.now() - from
      own.violations.push(...messages.map((message) => ({ round: number, message })))
      if (onRound !== undefined) yield* onRound(scenario, number, messages)
    })
  const numbers = Array.from({ length: rounds }, (_, i) => i + 1)
  yield* Effect.forEach(
    numbers.flatMap((number) => scenarios.map((scenario) => ({ number, scenario }))),
    ({ number, scenario }) => one(scenario, number),
    { concurrency: jobs, discard: true }
  )
  return scenarios.map((scenario): Result => {
    const { millis, rounds: done, violations } = kept.get(scenario)!
    return { scenario, rounds: done, violations, millis }
  })
})

/** What is wrong with a whole run: a scenario that was not run at all is no success. */
export const problems = (results: ReadonlyArray<Result>): ReadonlyArray<string> => [
  ...(results.length === 0 ? ["no scenario was run"] : []),
  ...results.flatMap(({ rounds, scenario, violations }) => [
    ...(rounds.length === 0 ? [`${titleOf(scenario)}: not run`] : []),
    ...violations.map(({ message, round }) => `${titleOf(scenario)}, round ${round}: ${message}`)
  ])
]
