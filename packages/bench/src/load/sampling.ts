/**
 * What the process holds while a load runs: taken on a timer of its own, never by what publishes or handles.
 */
import type { Counter } from "../counting.ts"

const everyMillis = 25
const megabyte = 2 ** 20

export interface Holding {
  readonly heapMb: number
  readonly rssMb: number
  readonly fibers: number
  readonly timers: number
  /** Sockets, pipes and what else keeps Node going. */
  readonly handles: number
}

/** `[milliseconds since the start, heap, RSS]`, in megabytes. */
export type MemoryPoint = readonly [millis: number, heapMb: number, rssMb: number]

/** A `setImmediate` is a turn of the scheduler: there may be one at any moment, and none is left behind. */
const isTurn = (resource: string): boolean => resource === "Immediate"

const isTimer = (resource: string): boolean => resource === "Timeout"

export const holding = (counter: Counter): Holding => {
  const { heapUsed, rss } = process.memoryUsage()
  const { fibers, resources } = counter.alive
  const lasting = resources.filter((resource) => !isTurn(resource))
  const timers = lasting.filter(isTimer).length
  return {
    heapMb: heapUsed / megabyte,
    rssMb: rss / megabyte,
    fibers,
    timers,
    handles: lasting.length - timers
  }
}

const highest = (a: Holding, b: Holding): Holding => ({
  heapMb: Math.max(a.heapMb, b.heapMb),
  rssMb: Math.max(a.rssMb, b.rssMb),
  fibers: Math.max(a.fibers, b.fibers),
  timers: Math.max(a.timers, b.timers),
  handles: Math.max(a.handles, b.handles)
})

/** Most of each, and the course of memory. Where a long run gives too many points, every second one goes. */
export class Sampler {
  readonly #counter: Counter
  readonly #most = 240
  readonly #started = performance.now()
  readonly #timer: NodeJS.Timeout
  #points: Array<MemoryPoint> = []
  #stride = 1
  #number = 0
  #peak: Holding

  constructor(counter: Counter) {
    this.#counter = counter
    this.#peak = holding(counter)
    this.#timer = setInterval(() => this.#sample(), everyMillis)
  }

  #sample(): void {
    const now = holding(this.#counter)
    // The sampler's own.
    this.#peak = highest(this.#peak, { ...now, timers: now.timers - 1 })
    if (this.#number++ % this.#stride !== 0) return
    this.#points.push([
      Math.round(performance.now() - this.#started),
      Number(now.heapMb.toFixed(1)),
      Number(now.rssMb.toFixed(1))
    ])
    if (this.#points.length > this.#most) {
      this.#points = this.#points.filter((_, i) => i % 2 === 0)
      this.#stride *= 2
    }
  }

  stop(): { readonly peak: Holding; readonly points: ReadonlyArray<MemoryPoint> } {
    this.#sample()
    clearInterval(this.#timer)
    return { peak: this.#peak, points: this.#points }
  }
}
