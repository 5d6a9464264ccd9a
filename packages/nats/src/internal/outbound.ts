/**
 * Bounds the bytes that are on their way to the server, because the client's own buffer has no bound.
 *
 * Every so many bytes a ping follows them. Its answer says that the server has read all before it: these bytes are off
 * the way, and how long it took says how much may be on it: on a fast link twice as much, on a slow one half. So on any
 * link the pings of the connection itself are answered in time, and nothing is taken for lost because it queues here.
 */
import { Effect } from "effect"
import type { Client } from "./client.ts"

const smallest = 64 * 1024
const largest = 16 * 1024 * 1024
const initial = 512 * 1024

/** Answered faster than this, the credit grows; slower than the other, it shrinks. In milliseconds. */
const fast = 100
const slow = 1000

export class Outbound {
  readonly #client: Client
  /** Most bytes that may be on their way. */
  credit = initial
  /** Handed over, and not known to be read. */
  bytes = 0
  #unmarked = 0
  #waiters: Array<() => void> = []

  constructor(client: Client) {
    this.#client = client
  }

  /** So many bytes were handed to the client. */
  sent(bytes: number): void {
    this.bytes += bytes
    this.#unmarked += bytes
    if (this.#unmarked >= this.credit / 4) this.#mark()
  }

  /** The connection was lost, and all that was on its way with it. */
  reset(): void {
    this.bytes = 0
    this.#unmarked = 0
    this.#wake()
  }

  /** Completes when there is room. */
  readonly room: Effect.Effect<void> = Effect.suspend(() =>
    this.bytes < this.credit ? Effect.void : Effect.andThen(this.#wait, this.room)
  )

  readonly #wait: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.bytes < this.credit) return resume(Effect.void)
    if (this.#unmarked > 0) this.#mark()
    const waiter = () => resume(Effect.void)
    this.#waiters.push(waiter)
    return Effect.sync(() => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter)
    })
  })

  #mark(): void {
    const bytes = this.#unmarked
    this.#unmarked = 0
    const started = this.#client.clock.monotonicTimeNanosUnsafe()
    this.#client.barrier((read) => {
      // After a disconnect the count began anew.
      if (!read) return
      this.bytes = Math.max(0, this.bytes - bytes)
      const millis = Number(this.#client.clock.monotonicTimeNanosUnsafe() - started) / 1e6
      if (millis < fast) this.credit = Math.min(largest, this.credit * 2)
      else if (millis > slow) this.credit = Math.max(smallest, this.credit / 2)
      this.#wake()
    })
  }

  #wake(): void {
    if (this.bytes >= this.credit) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter()
  }
}
