/**
 * The suite `knobs`.
 */
import { Effect } from "effect"
import { labels, type Target } from "../brokers/target.ts"
import * as Child from "../child.ts"
import type { Progress } from "../progress.ts"
import type { Knobs, Sweep } from "./figures.ts"
import type { KnobsTask } from "./measure.ts"
import { sweeps } from "./sweeps.ts"

export interface Options {
  readonly targets: ReadonlyArray<Target>
  readonly rounds: number
  readonly messages: number
}

export const plan = ({ messages, rounds, targets }: Options): ReadonlyArray<KnobsTask> =>
  sweeps.flatMap((_, sweep) =>
    targets.map((target) => ({ target, messages, rounds, sweep, id: `knobs-${sweep}-${target.broker}` }))
  )

export const secondsOf = ({ rounds, sweep }: KnobsTask): number =>
  1.5 + (2 + rounds * sweeps[sweep]!.settings.length) * 0.6

export const knobs = Effect.fnUntraced(function*(options: Options, progress: Progress) {
  const measured: Array<Sweep> = []
  const problems: Array<string> = []
  for (const task of plan(options)) {
    const what = `${sweeps[task.sweep]!.knob}, ${labels[task.target.broker]}`
    const result = yield* progress.step(
      { chapter: "knobs", what, weight: secondsOf(task) },
      Effect.result(Child.knobs(task))
    )
    if (result._tag === "Success") measured.push(result.success)
    else {
      problems.push(`${what}: ${result.failure.message}`)
      yield* progress.say(`no curve of ${what}: ${result.failure.message}`)
    }
  }
  const result: Knobs = { sweeps: measured, problems }
  return result
})
