/**
 * A member of a group on one topic: how its assignments begin and end. What it holds is in {@link Holdings}, what fills
 * that in {@link Fetcher}, what commits it in {@link Committer}.
 *
 * Everything that is synchronous here is done in one piece, so that no state is seen half changed. An assignment is a
 * `Share` with an epoch of its own, and whatever comes for another one (a late fetch, a late settlement) is dropped.
 */
import type { Assignment, ConsumerOptions, InboundRecord } from "@effect-eventbus/core/Broker"
import type * as SubscribeError from "@effect-eventbus/core/SubscribeError"
import { Deferred, Effect, Exit, SubscriptionRef } from "effect"
import { ask } from "./ask.ts"
import { subscribeError } from "./classify.ts"
import { Committer } from "./committer.ts"
import type { Counters } from "./counters.ts"
import type { Admin, Membership, Offsets } from "./engine.ts"
import type { Failure } from "./failure.ts"
import { Fetcher } from "./fetcher.ts"
import { Holdings } from "./holdings.ts"
import { positionsOf } from "./positions.ts"
import { Revocations } from "./revocations.ts"
import type { Settings } from "./settings.ts"
import { Waiters } from "./waiters.ts"

export interface MemberFields {
  readonly options: ConsumerOptions
  readonly settings: Settings["consumer"]
  readonly admin: Admin
  readonly counters: Counters
  readonly assignment: SubscriptionRef.SubscriptionRef<ReadonlyArray<Assignment>>
  /** Runs something in the background until the member is closed. */
  readonly fork: (effect: Effect.Effect<void>) => void
  /** Runs something to its end, from a callback. */
  readonly run: <A>(effect: Effect.Effect<A>) => Promise<A>
  readonly now: () => number
}

const pauseMillis = 200

export class Member {
  readonly revocations: Revocations
  readonly commits: Committer
  readonly fetcher: Fetcher
  readonly arrivals = new Waiters()
  readonly #changes = new Waiters()
  /** The first assignment, or why there is none. */
  readonly opened = Deferred.makeUnsafe<void, SubscribeError.SubscribeError>()
  /** Where the partitions begin of which the group has committed nothing, if it is new. */
  start: Offsets = new Map()
  error: SubscribeError.SubscribeError | undefined
  closed = false
  membership: Membership | undefined
  readonly #fields: MemberFields
  readonly holdings: Holdings
  /** Counts assignments and revocations: what was begun under another number is void. */
  #assigned = 0
  #handingOver = false

  constructor(fields: MemberFields) {
    const { counters, fork, now, options, settings } = fields
    this.#fields = fields
    this.holdings = new Holdings(options)
    this.revocations = new Revocations(this.#changes)
    const shared = {
      holdings: this.holdings,
      membership: () => this.membership,
      fatal: (found: Failure) => this.fatal(found)
    }
    this.commits = new Committer({
      ...shared,
      intervalMillis: settings.commitIntervalMillis,
      counters,
      error: () => this.error,
      changes: this.#changes
    })
    this.fetcher = new Fetcher({
      ...shared,
      topic: options.topic.name,
      settings,
      stopped: () => this.closed || this.error !== undefined,
      onArrival: () => this.#wake(),
      fork,
      now
    })
  }

  fatal(found: Failure): void {
    const { group, topic } = this.#fields.options
    const error = subscribeError(found, { topic: topic.name, group })
    this.error ??= error
    Deferred.doneUnsafe(this.opened, Exit.fail(error))
    this.#wake()
  }

  #wake(): void {
    this.arrivals.wake()
    this.#changes.wake()
  }

  /** Would `take` return anything, or is there nothing to wait for? */
  readonly ready = (): boolean => this.closed || this.error !== undefined || this.holdings.ready()

  take(max: number): ReadonlyArray<InboundRecord> {
    const taken = this.holdings.take(max)
    if (taken.length > 0) this.fetcher.pump()
    return taken
  }

  settle(records: ReadonlyArray<InboundRecord>): void {
    const settled = this.holdings.settle(records)
    this.#fields.counters.staleSettles += records.length - settled
    if (settled > 0) this.#wake()
  }

  readonly #announce: Effect.Effect<void> = Effect.suspend(() =>
    SubscriptionRef.set(this.#fields.assignment, this.holdings.assignments)
  )

  /** These are this member's now. */
  assign(partitions: ReadonlyArray<number>): void {
    const { admin, counters, fork, options } = this.#fields
    const number = ++this.#assigned
    const isVoid = (): boolean => number !== this.#assigned || this.closed
    counters.rebalances++
    const { group, topic } = options
    const where = { admin, membership: this.membership, group, topic: topic.name, partitions, start: this.start }
    fork(
      positionsOf(where, isVoid, pauseMillis).pipe(
        Effect.flatMap((positions) => {
          if (isVoid()) return Effect.void
          this.holdings.assign(partitions, positions)
          return Effect.andThen(this.#announce, this.fetcher.refreshLeaders)
        }),
        Effect.andThen(Effect.sync(() => {
          Deferred.doneUnsafe(this.opened, Exit.void)
          this.arrivals.wake()
        })),
        Effect.catch((found) =>
          Effect.sync(() => {
            if (number === this.#assigned) this.fatal(found)
          })
        )
      )
    )
  }

  /**
   * All partitions are about to go: nothing more of them is handed out, core gets the time to end what runs, what is
   * settled is committed. `lost`: others have them already, so there is no time.
   */
  revoke(lost: boolean, only?: ReadonlyArray<number>): Promise<void> {
    const shares = this.holdings.all().filter(({ partition }) => only === undefined || only.includes(partition))
    if (only === undefined) this.#assigned++
    if (shares.length === 0) return Promise.resolve()
    const deadlineMillis = lost ? 0 : this.#fields.settings.handoverTimeoutMillis
    for (const share of shares) {
      share.drop()
      this.revocations.add({
        partition: share.partition,
        epoch: share.epoch,
        deadlineMillis,
        released: Effect.sync(() => {
          share.released = true
          this.#changes.wake()
        })
      })
    }
    const over = Effect.timeoutOption(
      this.#changes.until(() => this.closed || shares.every(({ released }) => released)),
      deadlineMillis
    )
    const commit = lost ? Effect.void : Effect.ignore(Effect.timeoutOption(this.commits.once, 1000))
    this.#handingOver = true
    return this.#fields.run(
      Effect.andThen(this.#announce, over).pipe(
        Effect.tap((ended) =>
          Effect.sync(() => {
            if (ended._tag === "None" && !lost) this.#fields.counters.handoverTimeouts++
          })
        ),
        Effect.andThen(commit),
        Effect.andThen(Effect.sync(() => {
          this.#handingOver = false
          this.holdings.close(shares)
          this.#wake()
        }))
      )
    )
  }

  /** Gives everything up where nobody has answered for a session, and joins again where membership was lost for good. */
  readonly watch: Effect.Effect<never> = Effect.suspend(() => {
    const { membership } = this
    if (membership === undefined || this.closed || this.#handingOver) return Effect.void
    if (membership.expired(this.#fields.now())) {
      this.#fields.counters.expiredSessions++
      return Effect.promise(() => this.revoke(true))
    }
    if (membership.active()) return Effect.void
    return ask(() => membership.join()).pipe(
      Effect.catch((found) =>
        Effect.sync(() => {
          const { code, kind } = found
          if (
            kind === "unauthenticated" || kind === "usage" || code === "GROUP_AUTHORIZATION_FAILED"
            || code === "INCONSISTENT_GROUP_PROTOCOL"
          ) this.fatal(found)
        })
      )
    )
  }).pipe(Effect.andThen(Effect.sleep(500)), Effect.forever({ disableYield: true }))

  seek(positions: Offsets): Effect.Effect<void, SubscribeError.SubscribeError> {
    return Effect.suspend(() => {
      for (const share of this.holdings.all()) {
        const position = positions.get(share.partition)
        if (share.revoking || position === undefined) continue
        share.drop()
        // Not committed there yet, though it may have been once.
        this.holdings.open(share.partition, position, undefined)
      }
      return this.#announce.pipe(
        Effect.andThen(this.commits.flush),
        Effect.andThen(Effect.sync(() => this.fetcher.pump()))
      )
    })
  }

  close(): void {
    this.closed = true
    this.revocations.end()
    this.#wake()
  }
}
