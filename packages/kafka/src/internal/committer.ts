/**
 * Commits what was settled of what a member holds.
 */
import type * as SubscribeError from "@effect-eventbus/core/SubscribeError"
import { Effect, Semaphore } from "effect"
import { ask } from "./ask.ts"
import type { Counters } from "./counters.ts"
import type { Membership } from "./engine.ts"
import type { Failure } from "./failure.ts"
import type { Holdings } from "./holdings.ts"
import type { Waiters } from "./waiters.ts"

/** While the group is moving, a commit is refused, and what is not committed is delivered again to whoever gets it. */
const stale = new Set(["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION", "FENCED_INSTANCE_ID", "STALE_MEMBER_EPOCH"])

const pauseMillis = 200

export interface CommitterFields {
  readonly intervalMillis: number
  readonly holdings: Holdings
  readonly counters: Counters
  readonly membership: () => Membership | undefined
  /** Why the subscription has ended, if it has. */
  readonly error: () => SubscribeError.SubscribeError | undefined
  readonly fatal: (found: Failure) => void
  /** Woken by every settlement, and by every commit. */
  readonly changes: Waiters
}

export class Committer {
  readonly #fields: CommitterFields
  readonly #one = Semaphore.makeUnsafe(1)

  constructor(fields: CommitterFields) {
    this.#fields = fields
  }

  readonly #dirty = (): boolean => this.#fields.holdings.dirty().length > 0

  /** One try; commits of one member follow each other. */
  readonly once: Effect.Effect<void, Failure> = this.#one.withPermits(1)(Effect.suspend(() => {
    const membership = this.#fields.membership()
    const shares = this.#fields.holdings.dirty()
    if (shares.length === 0 || membership === undefined) return Effect.void
    const offsets = new Map(shares.map((share) => [share.partition, share.frontier.committable]))
    return ask(() => membership.commit(offsets)).pipe(
      Effect.map(() => {
        for (const share of shares) share.committed = offsets.get(share.partition)
        this.#fields.changes.wake()
      })
    )
  }))

  /** Completes when all that was settled so far is committed, or no longer this member's to commit. */
  readonly flush: Effect.Effect<void, SubscribeError.SubscribeError> = Effect.suspend(() => {
    const { holdings } = this.#fields
    const targets = new Map(holdings.all().map((share) => [share, share.frontier.committable]))
    const reached = (): boolean => {
      for (const [share, target] of targets) {
        if (holdings.holds(share) && (share.committed ?? -1n) < target) return false
      }
      return true
    }
    return this.#flushUntil(reached)
  })

  #flushUntil(reached: () => boolean): Effect.Effect<void, SubscribeError.SubscribeError> {
    return Effect.suspend(() => {
      if (reached()) return Effect.void
      const error = this.#fields.error()
      if (error !== undefined) return Effect.fail(error)
      return this.once.pipe(
        Effect.catch((found) => {
          const refusal = this.#refused(found)
          return refusal === undefined ? Effect.sleep(50) : Effect.fail(refusal)
        }),
        Effect.andThen(this.#flushUntil(reached))
      )
    })
  }

  /** What a refused commit means for the subscription: mostly nothing, it is tried again. */
  #refused(found: Failure): SubscribeError.SubscribeError | undefined {
    if (found.code !== undefined && stale.has(found.code)) this.#fields.counters.refusedCommits++
    if (found.kind !== "unauthenticated" && found.code !== "GROUP_AUTHORIZATION_FAILED") return undefined
    this.#fields.fatal(found)
    return this.#fields.error()
  }

  /** Commits what was settled, again and again. */
  readonly run: Effect.Effect<never> = Effect.suspend(() =>
    this.#dirty()
      ? Effect.sleep(this.#fields.intervalMillis).pipe(
        Effect.andThen(this.once),
        Effect.catch((found) => {
          this.#refused(found)
          return Effect.sleep(pauseMillis)
        })
      )
      : this.#fields.changes.wait(this.#dirty)
  ).pipe(Effect.forever({ disableYield: true }))
}
