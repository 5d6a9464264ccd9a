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

export interface Held {
  readonly group: PeerGroup
  /** Who could not take part, and why. */
  readonly absent: ReadonlyArray<string>
}

/** A client that cannot be had does not take the others their figures. */
const openAll = Effect.fnUntraced(function*(entrants: ReadonlyArray<Entrant>) {
  const present: Array<{ readonly entrant: Entrant; readonly measure: Measure<Failure> }> = []
  const absent: Array<string> = []
  for (const entrant of entrants) {
    const opened = yield* Effect.result(entrant.open)
    if (opened._tag === "Success") present.push({ entrant, measure: opened.success })
    else absent.push(opened.failure.message)
  }
  return { present, absent }
})

export const hold = (
  { broker, contest, entrants }: Contest,
  options: { readonly rounds: number; readonly onRound: (name: string, round: number) => Effect.Effect<void> }
): Effect.Effect<Held, Failure> =>
  Effect.scoped(Effect.gen(function*() {
    const { absent, present } = yield* openAll(yield* entrants)
    const measured = yield* interleave(present.map(({ measure }) => measure), options)
    const reference = measured[present.findIndex(({ entrant }) => entrant.ours)]
    if (reference === undefined) return yield* Effect.die(new Error(`nobody is ours in ${broker}, ${contest}`))
    const group: PeerGroup = {
      broker,
      contest,
      rounds: options.rounds,
      peers: measured.map(({ row, speeds }, i) => ({
        ...row,
        client: present[i]!.entrant.client,
        ours: present[i]!.entrant.ours,
        ratio: ratioOf(reference.speeds, speeds)
      }))
    }
    return { group, absent }
  }))
