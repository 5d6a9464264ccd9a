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

/** A contest of entrants who need nothing in common. */
export const among = (broker: string, contest: string, entrants: ReadonlyArray<Entrant>): Contest => ({
  broker,
  contest,
  size: entrants.length,
  entrants: Effect.succeed(entrants)
})

export interface Contest {
  readonly broker: string
  readonly contest: string
  /** So many take part. */
  readonly size: number
  /** The first one of ours is what the others are compared with. */
  readonly entrants: Effect.Effect<ReadonlyArray<Entrant>, never, Scope.Scope>
}

export const hold = (
  { broker, contest, entrants: open }: Contest,
  options: { readonly rounds: number; readonly onRound: (name: string, round: number) => Effect.Effect<void> }
): Effect.Effect<PeerGroup, Failure> =>
  Effect.scoped(Effect.gen(function*() {
    const entrants = yield* open
    const measures = yield* Effect.forEach(entrants, (entrant) => entrant.open)
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
