/**
 * The event ids that a topic has stored within its deduplication window.
 *
 * Ids live in a few generations, each of which is thrown away as a whole when its youngest id has expired: no timer, and
 * no deletion per record. Whether a single id still counts is decided by its own timestamp, so that the window is exact
 * although the pruning is coarse. Generations change after half a window or half of `limit`, so that the ids remembered
 * never exceed `limit`, and about its half are remembered at least, whatever the rate.
 */
import type { Counters } from "./counters.ts"
import { IdTable } from "./idTable.ts"

interface Generation {
  readonly opened: number
  /** When the youngest id was stored. */
  latest: number
  readonly ids: IdTable
}

export class DedupeWindow {
  /** 0 switches deduplication off. May be changed at any time; what is already forgotten stays forgotten. */
  windowMillis: number
  /** Most ids remembered. */
  readonly limit: number
  /** Where the id that {@link find} found was stored. */
  foundOffset = 0
  foundPartition = 0

  /** Oldest first; five at most. */
  private readonly generations: Array<Generation> = []
  private readonly half: number
  private readonly counters: Pick<Counters, "forgottenIds">

  constructor(windowMillis: number, limit: number, counters: Pick<Counters, "forgottenIds">) {
    this.counters = counters
    this.windowMillis = windowMillis
    this.limit = Math.max(1, limit)
    this.half = Math.max(1, Math.floor(this.limit / 2))
  }

  /** Ids remembered, expired ones that wait for pruning included. */
  get size(): number {
    return this.generations.reduce((sum, { ids }) => sum + ids.size, 0)
  }

  /** Was it stored less than `windowMillis` ago? If so, {@link foundOffset} and {@link foundPartition} tell where. */
  find(id: string, now: number): boolean {
    for (let i = this.generations.length - 1; i >= 0; i--) {
      const { ids, latest } = this.generations[i]!
      if (now - latest >= this.windowMillis) return false
      const row = ids.find(id)
      if (row === -1) continue
      // A younger generation is asked first, so an expired hit means that every older one is expired, too.
      if (now - ids.timestampOf(row) >= this.windowMillis) return false
      this.foundOffset = ids.offsetOf(row)
      this.foundPartition = ids.partitionOf(row)
      return true
    }
    return false
  }

  remember(id: string, partition: number, offset: number, now: number): void {
    if (this.windowMillis <= 0) return
    const generation = this.current(now)
    generation.ids.set(id, partition, offset, now)
    generation.latest = now
  }

  private current(now: number): Generation {
    const last = this.generations[this.generations.length - 1]
    if (last !== undefined && now - last.opened < this.windowMillis / 2 && last.ids.size < this.half) return last
    this.prune(now)
    // The load rarely changes from one generation to the next: most of the growing is saved.
    const opened = { opened: now, latest: now, ids: new IdTable(last?.ids.size ?? 0) }
    this.generations.push(opened)
    return opened
  }

  private prune(now: number): void {
    let { size } = this
    let drop = 0
    for (const { ids, latest } of this.generations) {
      const expired = now - latest >= this.windowMillis
      // Room for the half that the generation to be opened may fill.
      if (!expired && size + this.half <= this.limit) break
      if (!expired) this.counters.forgottenIds += ids.size
      size -= ids.size
      drop++
    }
    if (drop > 0) this.generations.splice(0, drop)
  }
}
