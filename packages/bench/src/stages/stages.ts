/**
 * The suite `stages`.
 */
import { Effect } from "effect"
import { labels, type Target } from "../brokers/target.ts"
import * as Child from "../child.ts"
import type { Progress } from "../progress.ts"
import type { MeasuringCost, Staged, StagesOfLoad } from "./figures.ts"
import type { StagesTask } from "./measure.ts"

export interface Options {
  readonly targets: ReadonlyArray<Target>
  readonly rounds: number
  readonly quick: boolean
}

export const plan = ({ quick, rounds, targets }: Options): ReadonlyArray<StagesTask> =>
  targets.map((target) => ({
    target,
    messages: quick ? 10_000 : 20_000,
    rounds: quick ? 1 : rounds,
    rates: quick ? [2000] : [1000, 10_000],
    pacedSeconds: quick ? 0.5 : 2,
    id: `stages-${target.broker}`
  }))

export const secondsOf = ({ pacedSeconds, rates, rounds }: StagesTask): number =>
  2 + (2 + 2 * rounds) * 0.7 + rates.length * (pacedSeconds + 0.4)

export const stages = Effect.fnUntraced(function*(options: Options, progress: Progress) {
  const loads: Array<StagesOfLoad> = []
  const costs: Array<MeasuringCost> = []
  const problems: Array<string> = []
  for (const task of plan(options)) {
    const { broker } = task.target
    const result = yield* progress.step(
      { chapter: "stages", what: broker, weight: secondsOf(task) },
      Effect.result(Child.stages(task))
    )
    if (result._tag === "Success") {
      loads.push(...result.success.loads)
      costs.push(result.success.cost)
    } else {
      problems.push(`${labels[broker]}: ${result.failure.message}`)
      yield* progress.say(`no stages of ${labels[broker]}: ${result.failure.message}`)
    }
  }
  const staged: Staged = { loads, costs, problems }
  return staged
})
