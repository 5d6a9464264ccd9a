/**
 * One question, put to several in turn.
 */
import { Effect, type Scope } from "effect"
import { type Baseline, type BaselineFailed, measureOf } from "../baselines/baseline.ts"
import { interleave, type Measure } from "../rounds.ts"
import { ratioOf } from "../spread.ts"
import type { Unsound } from "../workload/verify.ts"
import type { PeerGroup } from "./figures.ts"

export type Failure = BaselineFailed | Unsound

/** Who takes part. */
export interface Entrant {
  readonly client: string
  readonly ours: boolean
  readonly open: Effect.Effect<Measure<Failure>, BaselineFailed, Scope.Scope>
}

export const own = (measure: Measure<Failure>, client = "effect-eventbus"): Entrant => ({
  client,
  ours: true,
  open: Effect.succeed(measure)
})

export const raw = (baseline: Baseline, messages: number): Entrant => ({
  client: baseline.client,
  ours: false,
  open: measureOf(baseline, messages)
})

export const floor = (measure: Measure<Failure>, client: string): Entrant => ({
  client,
  ours: false,
  open: Effect.succeed(measure)
})

export interface Contest {
  readonly broker: string
  readonly contest: string
  /** The first one of ours is what the others are compared with. */
  readonly entrants: ReadonlyArray<Entrant>
}

export const hold = (
  { broker, contest, entrants }: Contest,
  options: { readonly rounds: number; readonly onRound: (name: string, round: number) => Effect.Effect<void> }
): Effect.Effect<PeerGroup, Failure> =>
  Effect.scoped(Effect.gen(function*() {
    const measures = yield* Effect.forEach(entrants, ({ open }) => open)
    const measured = yield* interleave(measures, options)
    const reference = measured[entrants.findIndex(({ ours }) => ours)]
    if (reference === undefined) return yield* Effect.die(new Error(`nobody is ours in ${broker}, ${contest}`))
    const group: PeerGroup = {
      broker,
      contest,
      rounds: options.rounds,
      peers: measured.map(({ row, speeds }, i) => ({
        ...row,
        client: entrants[i]!.client,
        ours: entrants[i]!.ours,
        ratio: ratioOf(reference.speeds, speeds)
      }))
    }
    return group
  }))
