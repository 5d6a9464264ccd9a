/**
 * Keeps what a member holds filled: at most one fetch at each leader, for the partitions that have room.
 */
import { Effect } from "effect"
import { ask } from "./ask.ts"
import type { FetchedPartition, Membership } from "./engine.ts"
import type { Failure } from "./failure.ts"
import type { Holdings } from "./holdings.ts"
import type { Settings } from "./settings.ts"
import type { Share } from "./share.ts"

/** These may pass: metadata travels, and another replica may have what this one has lost. */
const passing = new Set(["UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_ID", "CORRUPT_MESSAGE"])

/** How long they may last: then the topic is taken for deleted, or for corrupt. */
const missingMillis = 10_000
/** How long a fetch waits while other partitions of this member have enough and may run out soon. */
const shortWaitMillis = 25
const pauseMillis = 200

export interface FetcherFields {
  readonly topic: string
  readonly settings: Settings["consumer"]
  readonly holdings: Holdings
  readonly membership: () => Membership | undefined
  readonly stopped: () => boolean
  /** Something came in, or it is known now that nothing can. */
  readonly onArrival: () => void
  readonly fatal: (found: Failure) => void
  /** Runs something in the background until the member is closed. */
  readonly fork: (effect: Effect.Effect<void>) => void
  readonly now: () => number
}

export class Fetcher {
  readonly #fields: FetcherFields
  /** Leaders that owe an answer. */
  readonly #fetching = new Set<number>()
  #leaders: ReadonlyMap<number, number> = new Map()

  constructor(fields: FetcherFields) {
    this.#fields = fields
  }

  readonly refreshLeaders: Effect.Effect<void> = Effect.suspend(() => {
    const membership = this.#fields.membership()
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
    const { holdings, settings } = this.#fields
    if (this.#fields.stopped()) return
    const wanted = new Map<number, Array<Share>>()
    let excluded = false
    for (const share of holdings.all()) {
      const node = this.#leaders.get(share.partition)
      if (share.revoking || node === undefined || node < 0) continue
      if (share.bufferedBytes >= settings.maxBytesPerPartition) {
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
      this.#fields.fork(this.#fetch(node, shares, excluded ? shortWaitMillis : settings.maxWaitMillis))
    }
  }

  #fetch(node: number, shares: ReadonlyArray<Share>, maxWaitMillis: number): Effect.Effect<void> {
    const membership = this.#fields.membership()
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
      const share = this.#fields.holdings.get(partition)
      // It was taken away, or moved, while the answer was on its way.
      if (share === undefined || share.revoking || asked.get(share) !== share.frontier.position) continue
      if (found === undefined) {
        share.missingSince = undefined
        share.add(records, next)
      } else {
        this.#partitionRefused(share, found)
        again = false
      }
    }
    this.#fields.onArrival()
    return again
  }

  #partitionRefused(share: Share, found: Failure): void {
    const { fatal, topic } = this.#fields
    if (found.code === "OFFSET_OUT_OF_RANGE") {
      fatal({
        ...found,
        message: `offset ${share.frontier.position} of partition ${share.partition} of "${topic}" is out of range: `
          + "retention has removed it, or the topic was made anew"
      })
    } else if (found.code !== undefined && passing.has(found.code)) {
      this.#missing([share], found)
    } else if (found.code === "TOPIC_AUTHORIZATION_FAILED") {
      fatal(found)
    }
  }

  #missing(shares: ReadonlyArray<Share>, found: Failure): void {
    const now = this.#fields.now()
    for (const share of shares) {
      share.missingSince ??= now
      if (now - share.missingSince > missingMillis) this.#fields.fatal(found)
    }
  }

  #refused(shares: ReadonlyArray<Share>, found: Failure): boolean {
    const { fatal } = this.#fields
    if (this.#fields.stopped()) return false
    if (found.kind === "unauthenticated" || found.kind === "usage" || found.code === "GROUP_AUTHORIZATION_FAILED") {
      fatal(found)
    } else if (found.code !== undefined && passing.has(found.code)) this.#missing(shares, found)
    else if (found.code === "TOPIC_AUTHORIZATION_FAILED") fatal(found)
    return false
  }
}
