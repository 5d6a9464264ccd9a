/**
 * A member of a group on one topic: what it was assigned, what is fetched ahead, what is handed out, what is settled.
 *
 * Everything that is synchronous here is done in one piece, so that no state is seen half changed. An assignment is a
 * {@link Share} with an epoch of its own, and whatever comes for another one (a late fetch, a late settlement) is dropped.
 */
import type { Assignment, ConsumerOptions, InboundRecord } from "@effect-eventbus/core/Broker"
import type * as SubscribeError from "@effect-eventbus/core/SubscribeError"
import { Deferred, Effect, Exit, Semaphore, SubscriptionRef } from "effect"
import { subscribeError } from "./classify.ts"
import type { Counters } from "./counters.ts"
import { type Admin, EngineError, type FetchedPartition, type Membership, type Offsets } from "./engine.ts"
import { type Failure, failure } from "./failure.ts"
import { Revocations } from "./revocations.ts"
import type { Settings } from "./settings.ts"
import { Share } from "./share.ts"
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

export const failureFrom = (error: unknown): Failure =>
  error instanceof EngineError ? error.failure : failure("lost", String(error), error)

const ask = <A>(promise: () => Promise<A>): Effect.Effect<A, Failure> =>
  Effect.tryPromise({ try: promise, catch: failureFrom })

/** While the group is moving, a commit is refused, and what is not committed is delivered again to whoever gets it. */
const stale = new Set(["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION", "FENCED_INSTANCE_ID", "STALE_MEMBER_EPOCH"])

const unknown = new Set(["UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_ID"])

/** How long a topic may be unknown before it is taken for deleted: metadata travels. */
const missingMillis = 10_000
/** How long a fetch waits while other partitions of this member have enough and may run out soon. */
const shortWaitMillis = 25
const pauseMillis = 200

export class Member {
  readonly revocations: Revocations
  readonly arrivals = new Waiters()
  readonly changes = new Waiters()
  /** The first assignment, or why there is none. */
  readonly opened = Deferred.makeUnsafe<void, SubscribeError.SubscribeError>()
  /** Where the partitions begin of which the group has committed nothing, if it is new. */
  start: Offsets = new Map()
  error: SubscribeError.SubscribeError | undefined
  closed = false
  readonly #fields: MemberFields
  readonly #committing = Semaphore.makeUnsafe(1)
  readonly #fetching = new Set<number>()
  #membership: Membership | undefined
  #shares = new Map<number, Share>()
  #leaders: ReadonlyMap<number, number> = new Map()
  #epoch = 0
  #turn = 0
  /** Counts assignments and revocations: what was begun under another number is void. */
  #assigned = 0
  #handingOver = false

  constructor(fields: MemberFields) {
    this.#fields = fields
    this.revocations = new Revocations(this.changes)
  }

  set membership(membership: Membership) {
    this.#membership = membership
  }

  get shares(): ReadonlyMap<number, Share> {
    return this.#shares
  }

  fatal(found: Failure): void {
    const { group, topic } = this.#fields.options
    this.failWith(subscribeError(found, { topic: topic.name, group }))
  }

  failWith(error: SubscribeError.SubscribeError): void {
    this.error ??= error
    Deferred.doneUnsafe(this.opened, Exit.fail(error))
    this.arrivals.wake()
    this.changes.wake()
  }

  // --- polling ----------------------------------------------------------------------------------------------------------

  #held(): number {
    let held = 0
    for (const share of this.#shares.values()) held += share.held
    return held
  }

  #heldBytes(): number {
    let bytes = 0
    for (const share of this.#shares.values()) bytes += share.heldBytes
    return bytes
  }

  /** Would `take` return anything? */
  readonly ready = (): boolean => {
    if (this.closed || this.error !== undefined) return true
    const { maxInFlight, maxInFlightBytes } = this.#fields.options
    if (this.#held() >= maxInFlight) return false
    const bytes = this.#heldBytes()
    for (const share of this.#shares.values()) {
      const size = share.nextSize()
      if (size >= 0 && (bytes === 0 || bytes + size <= maxInFlightBytes)) return true
    }
    return false
  }

  take(max: number): ReadonlyArray<InboundRecord> {
    const { maxInFlight, maxInFlightBytes, topic } = this.#fields.options
    const taken: Array<InboundRecord> = []
    const shares = [...this.#shares.values()]
    let room = Math.min(Math.max(1, Math.floor(max)), maxInFlight - this.#held())
    let bytes = this.#heldBytes()
    if (room <= 0 || shares.length === 0) return taken
    // A partition gives a part of the chunk at a time, so that a long backlog in one leaves room for the others.
    const quantum = Math.max(1, Math.floor(room / shares.length))
    let idle = 0
    while (room > 0 && idle < shares.length) {
      const share = shares[this.#turn % shares.length]!
      this.#turn = (this.#turn + 1) % shares.length
      let count = 0
      while (count < quantum && room > 0) {
        const size = share.nextSize()
        // One record may be larger than the bound: it goes out alone.
        if (size < 0 || (bytes > 0 && bytes + size > maxInFlightBytes)) break
        taken.push(share.take(topic.name))
        bytes += size
        room--
        count++
      }
      idle = count === 0 ? idle + 1 : 0
    }
    if (taken.length > 0) this.pump()
    return taken
  }

  settle(records: ReadonlyArray<InboundRecord>): void {
    const topic = this.#fields.options.topic.name
    let settled = false
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      const share = this.#shares.get(record.partition)
      if (share?.epoch === record.epoch && record.topic === topic && share.settle(record.offset)) settled = true
      else this.#fields.counters.staleSettles++
    }
    if (!settled) return
    this.arrivals.wake()
    this.changes.wake()
  }

  // --- fetching ---------------------------------------------------------------------------------------------------------

  readonly refreshLeaders: Effect.Effect<void> = Effect.suspend(() => {
    const membership = this.#membership
    return membership === undefined ? Effect.void : ask(() => membership.leaders())
  }).pipe(
    Effect.map((leaders) => {
      if (leaders !== undefined) this.#leaders = leaders
    }),
    Effect.ignore,
    Effect.andThen(Effect.sync(() => this.pump()))
  )

  /** Asks every leader that owes nothing for what its partitions can hold. */
  pump(): void {
    if (this.closed || this.error !== undefined) return
    const wanted = new Map<number, Array<Share>>()
    let excluded = false
    for (const share of this.#shares.values()) {
      const node = this.#leaders.get(share.partition)
      if (share.revoking || node === undefined || node < 0) continue
      if (share.bufferedBytes >= this.#fields.settings.maxBytesPerPartition) {
        excluded = true
        continue
      }
      const shares = wanted.get(node)
      if (shares === undefined) wanted.set(node, [share])
      else shares.push(share)
    }
    for (const [node, shares] of wanted) {
      if (this.#fetching.has(node)) continue
      this.#fetching.add(node)
      this.#fields.fork(this.#fetch(node, shares, excluded ? shortWaitMillis : this.#fields.settings.maxWaitMillis))
    }
  }

  #fetch(node: number, shares: ReadonlyArray<Share>, maxWaitMillis: number): Effect.Effect<void> {
    const membership = this.#membership
    if (membership === undefined) return Effect.void
    const partitions = shares.map(({ frontier, partition }) => ({ partition, offset: frontier.position }))
    const asked = new Map(shares.map((share) => [share, share.frontier.position]))
    return ask(() => membership.fetch({ node, partitions, maxWaitMillis })).pipe(
      Effect.map((fetched) => this.#arrived(asked, fetched)),
      Effect.catch((found) => Effect.succeed(this.#refused(shares, found))),
      Effect.flatMap((again) => again ? Effect.void : Effect.andThen(Effect.sleep(pauseMillis), this.refreshLeaders)),
      Effect.onExit(() =>
        Effect.sync(() => {
          this.#fetching.delete(node)
        })
      ),
      Effect.andThen(Effect.sync(() => this.pump()))
    )
  }

  /**
   * Whether the next fetch may follow at once. `asked`: from which position on each was asked for.
   *
   * An answer may be late. 1. Leader A is asked from offset 100 on, and keeps the request for `maxWait`. 2. The partition
   * moves to leader B, which is asked from 100 on, too, and answers with 100 to 119. 3. A answers with 100 to 109. Taken
   * for news, these would be delivered twice under one assignment, and the frontier would never get past them.
   */
  #arrived(asked: ReadonlyMap<Share, bigint>, fetched: ReadonlyArray<FetchedPartition>): boolean {
    let again = true
    for (const { failure: found, next, partition, records } of fetched) {
      const share = this.#shares.get(partition)
      // It was taken away, or moved, while the answer was on its way.
      if (share === undefined || share.revoking || asked.get(share) !== share.frontier.position) continue
      if (found === undefined) {
        share.missingSince = undefined
        share.add(records, next)
      } else if (!this.#partitionRefused(share, found)) {
        again = false
      }
    }
    this.arrivals.wake()
    this.changes.wake()
    return again
  }

  #partitionRefused(share: Share, found: Failure): boolean {
    const { topic } = this.#fields.options
    if (found.code === "OFFSET_OUT_OF_RANGE") {
      this.fatal({
        ...found,
        message:
          `offset ${share.frontier.position} of partition ${share.partition} of "${topic.name}" is out of range: `
          + "retention has removed it, or the topic was made anew"
      })
    } else if (found.code !== undefined && unknown.has(found.code)) {
      this.#missing([share], found)
    } else if (found.code === "TOPIC_AUTHORIZATION_FAILED") {
      this.fatal(found)
    }
    return false
  }

  #missing(shares: ReadonlyArray<Share>, found: Failure): void {
    const now = this.#fields.now()
    for (const share of shares) {
      share.missingSince ??= now
      if (now - share.missingSince > missingMillis) this.fatal(found)
    }
  }

  #refused(shares: ReadonlyArray<Share>, found: Failure): boolean {
    if (this.closed) return false
    if (found.kind === "unauthenticated" || found.kind === "usage" || found.code === "GROUP_AUTHORIZATION_FAILED") {
      this.fatal(found)
    } else if (found.code !== undefined && unknown.has(found.code)) this.#missing(shares, found)
    else if (found.code === "TOPIC_AUTHORIZATION_FAILED") this.fatal(found)
    return false
  }

  // --- committing -------------------------------------------------------------------------------------------------------

  readonly dirty = (): boolean => {
    for (const share of this.#shares.values()) if (share.dirty) return true
    return false
  }

  /** One try; false where something of what was settled is not committed yet. */
  readonly commitOnce: Effect.Effect<boolean, Failure> = this.#committing.withPermits(1)(Effect.suspend(() => {
    const membership = this.#membership
    const shares = [...this.#shares.values()].filter((share) => share.dirty)
    if (shares.length === 0 || membership === undefined) return Effect.succeed(true)
    const offsets = new Map(shares.map((share) => [share.partition, share.frontier.committable]))
    return ask(() => membership.commit(offsets)).pipe(
      Effect.map(() => {
        for (const share of shares) share.committed = offsets.get(share.partition)
        this.changes.wake()
        return true
      })
    )
  }))

  /** Completes when all that was settled so far is committed, or no longer this member's to commit. */
  readonly flush: Effect.Effect<void, SubscribeError.SubscribeError> = Effect.suspend(() => {
    const targets = new Map([...this.#shares.values()].map((share) => [share, share.frontier.committable]))
    const reached = (): boolean => {
      for (const [share, target] of targets) {
        if (this.#shares.get(share.partition) === share && (share.committed ?? -1n) < target) return false
      }
      return true
    }
    return this.#flushUntil(reached)
  })

  #flushUntil(reached: () => boolean): Effect.Effect<void, SubscribeError.SubscribeError> {
    return Effect.suspend(() => {
      if (reached()) return Effect.void
      if (this.error !== undefined) return Effect.fail(this.error)
      return this.commitOnce.pipe(
        Effect.catch((found) => {
          const refusal = this.#commitRefused(found)
          return refusal === undefined ? Effect.sleep(50) : Effect.fail(refusal)
        }),
        Effect.andThen(this.#flushUntil(reached))
      )
    })
  }

  /** What a refused commit means for the subscription: mostly nothing, it is tried again. */
  #commitRefused(found: Failure): SubscribeError.SubscribeError | undefined {
    if (found.code !== undefined && stale.has(found.code)) this.#fields.counters.refusedCommits++
    if (found.kind !== "unauthenticated" && found.code !== "GROUP_AUTHORIZATION_FAILED") return undefined
    this.fatal(found)
    return this.error
  }

  /** Commits what was settled, again and again. */
  readonly committer: Effect.Effect<never> = Effect.suspend(() =>
    this.dirty()
      ? Effect.sleep(this.#fields.settings.commitIntervalMillis).pipe(
        Effect.andThen(this.commitOnce),
        Effect.catch((found) => {
          this.#commitRefused(found)
          return Effect.sleep(pauseMillis)
        })
      )
      : this.changes.wait(this.dirty)
  ).pipe(Effect.forever({ disableYield: true }))

  // --- assignments ------------------------------------------------------------------------------------------------------

  readonly #announce: Effect.Effect<void> = Effect.suspend(() =>
    SubscriptionRef.set(
      this.#fields.assignment,
      [...this.#shares.values()].filter((share) => !share.revoking).map(({ epoch, partition }) => ({
        partition,
        epoch
      }))
    )
  )

  /** These are this member's now. */
  assign(partitions: ReadonlyArray<number>): void {
    const number = ++this.#assigned
    this.#fields.counters.rebalances++
    this.#fields.fork(
      this.#positions(partitions).pipe(
        Effect.flatMap((positions) => {
          if (number !== this.#assigned || this.closed) return Effect.void
          const { maxInFlight } = this.#fields.options
          const before = this.#shares
          this.#shares = new Map()
          for (const partition of partitions) {
            const kept = before.get(partition)
            const position = positions.get(partition)
            if (kept !== undefined && !kept.revoking) this.#shares.set(partition, kept)
            else if (position !== undefined) {
              this.#shares.set(partition, new Share(partition, ++this.#epoch, position, position, maxInFlight))
            }
          }
          return Effect.andThen(this.#announce, this.refreshLeaders)
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

  /** Where the group is in each; what it has no position for gets one, committed at once. */
  #positions(partitions: ReadonlyArray<number>): Effect.Effect<Offsets, Failure> {
    const { admin, options } = this.#fields
    const { group, topic } = options
    const count = Math.max(0, ...partitions.map((partition) => partition + 1))
    if (partitions.length === 0) return Effect.succeed(new Map())
    const number = this.#assigned
    const once = Effect.gen({ self: this }, function*() {
      const committed = new Map(yield* ask(() => admin.committed(group, topic.name, count)))
      const missing = partitions.filter((partition) => !committed.has(partition))
      if (missing.length === 0) return committed
      // A partition that was found later starts at its earliest record.
      const earliest = missing.every((partition) => this.start.has(partition))
        ? new Map<number, bigint>()
        : yield* ask(() => admin.offsets(topic.name, "earliest"))
      const begin = new Map(
        missing.map((partition) => [partition, this.start.get(partition) ?? earliest.get(partition) ?? 0n] as const)
      )
      const membership = this.#membership
      if (membership !== undefined) yield* ask(() => membership.commit(begin))
      for (const [partition, offset] of begin) committed.set(partition, offset)
      return committed
    })
    const again = (found: Failure): Effect.Effect<Offsets, Failure> => {
      const permanent = found.kind === "unauthenticated" || found.kind === "usage"
        || found.code === "GROUP_AUTHORIZATION_FAILED" || found.code === "TOPIC_AUTHORIZATION_FAILED"
      if (permanent) return Effect.fail(found)
      if (number !== this.#assigned || this.closed) return Effect.succeed(new Map())
      return Effect.flatMap(Effect.sleep(pauseMillis), () => once.pipe(Effect.catch(again)))
    }
    return once.pipe(Effect.catch(again))
  }

  /**
   * All partitions are about to go: nothing more of them is handed out, core gets the time to end what runs, what is
   * settled is committed. `lost`: others have them already, so there is no time.
   */
  revoke(lost: boolean, only?: ReadonlyArray<number>): Promise<void> {
    const shares = [...this.#shares.values()].filter(({ partition }) => only === undefined || only.includes(partition))
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
          this.changes.wake()
        })
      })
    }
    const over = Effect.timeoutOption(
      this.changes.until(() => this.closed || shares.every(({ released }) => released)),
      deadlineMillis
    )
    const commit = lost ? Effect.void : Effect.ignore(Effect.timeoutOption(this.commitOnce, 1000))
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
          for (const share of shares) {
            if (this.#shares.get(share.partition) === share) this.#shares.delete(share.partition)
          }
          this.arrivals.wake()
          this.changes.wake()
        }))
      )
    )
  }

  /** Gives everything up where nobody has answered for a session, and joins again where membership was lost for good. */
  readonly watch: Effect.Effect<never> = Effect.suspend(() => {
    const membership = this.#membership
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

  // --- seek -------------------------------------------------------------------------------------------------------------

  seek(positions: Offsets): Effect.Effect<void, SubscribeError.SubscribeError> {
    return Effect.suspend(() => {
      const { maxInFlight } = this.#fields.options
      for (const share of this.#shares.values()) {
        const position = positions.get(share.partition)
        if (share.revoking || position === undefined) continue
        share.drop()
        // Not committed there yet, though it may have been once.
        this.#shares.set(share.partition, new Share(share.partition, ++this.#epoch, position, undefined, maxInFlight))
      }
      return this.#announce.pipe(
        Effect.andThen(this.flush),
        Effect.andThen(Effect.sync(() => this.pump()))
      )
    })
  }

  close(): void {
    this.closed = true
    this.revocations.end()
    this.arrivals.wake()
    this.changes.wake()
  }
}
