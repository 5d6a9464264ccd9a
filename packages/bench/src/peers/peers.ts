/**
 * The suite `peers`.
 */
import { Effect } from "effect"
import type { Progress } from "../progress.ts"
import { type Contest, hold } from "./contest.ts"
import { contests, type Options as ContestOptions } from "./contests.ts"
import type { PeerGroup, Peers } from "./figures.ts"

export interface Options extends ContestOptions {
  readonly rounds: number
}

/** A client library at its most usual. */
const perSecond = 45_000

export const secondsOf = ({ size }: Contest, { messages, rounds }: Options): number =>
  size * (0.25 + rounds) * (0.15 + 1.3 * messages / perSecond)

/** What was asked for, and how long each takes. */
export const plan = (options: Options): ReadonlyArray<{ readonly contest: Contest; readonly weight: number }> =>
  contests(options).map((contest) => ({ contest, weight: secondsOf(contest, options) }))

export const peers = Effect.fnUntraced(function*(options: Options, progress: Progress) {
  const groups: Array<PeerGroup> = []
  const problems: Array<string> = []
  for (const { contest, weight } of plan(options)) {
    const what = `${contest.broker}, ${contest.contest}`
    const held = yield* progress.step(
      { chapter: "peers", what, weight },
      Effect.result(hold(contest, {
        rounds: options.rounds,
        onRound: (name, round) => progress.at(`${what}: ${round === 0 ? "warm-up" : `round ${round}`}, ${name}`)
      }))
    )
    if (held._tag === "Success") {
      groups.push(held.success.group)
      for (const problem of held.success.absent) {
        problems.push(`${what}: ${problem}`)
        yield* progress.say(`${what}, without one: ${problem}`)
      }
    } else {
      problems.push(`${what}: ${held.failure.message}`)
      yield* progress.say(`no figures of ${what}: ${held.failure.message}`)
    }
  }
  const result: Peers = { groups, problems }
  return result
})
