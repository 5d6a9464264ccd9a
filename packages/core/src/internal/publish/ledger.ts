import { Deferred, Effect, Exit } from "effect"
import * as PublishResult from "../../PublishResult.ts"
import { Chain } from "../chain.ts"
import { Fifo } from "../fifo.ts"
import type { Entry } from "./entry.ts"

interface FlushWaiter {
  readonly sequence: number
  readonly resume: () => void
  done: boolean
}

/**
 * All accepted envelopes that have no outcome yet, in order of acceptance: a linked list through the entries, so that
 * adding, settling and finding the oldest deadline are O(1) and hold no garbage.
 */
export class Ledger {
  readonly #entries = new Chain<Entry>()
  #sequence = 0
  readonly #waiters = new Fifo<FlushWaiter>()

  get pending(): number {
    return this.#entries.size
  }

  /** The one with the nearest deadline: all have the same delivery timeout. */
  get oldest(): Entry | undefined {
    return this.#entries.first
  }

  add(entry: Entry, now: number, deliveryTimeout: number): void {
    entry.sequence = ++this.#sequence
    entry.acceptedAt = now
    entry.deadline = now + deliveryTimeout
    this.#entries.add(entry)
  }

  /**
   * The one place where an accepted publish gets its outcome. A second settlement is a defect of this library: it
   * throws, and the fiber that did it dies.
   */
  settle(entry: Entry, result: PublishResult.PublishResult): void {
    if (entry.result !== undefined) {
      throw new Error(`event ${entry.eventId} settled twice: ${entry.result._tag}, then ${result._tag}`)
    }
    entry.result = result
    this.#entries.delete(entry)
    if (entry.observer !== undefined) entry.observer(result)
    // Resumes the waiting fibers inline; everything of ours is in place by now.
    Deferred.doneUnsafe(
      entry.deferred,
      result._tag === "Acked" ? Exit.succeed(result.receipt) : PublishResult.toExit(result)
    )
    if (this.#waiters.length > 0) this.#wakeFlushers()
  }

  /** Waits until everything that was accepted before has settled. */
  readonly flush: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.oldest === undefined) return resume(Effect.void)
    const waiter: FlushWaiter = { sequence: this.#sequence, resume: () => resume(Effect.void), done: false }
    this.#waiters.push(waiter)
    return Effect.sync(() => {
      waiter.done = true
      this.#waiters.retain((other) => !other.done)
    })
  })

  #wakeFlushers(): void {
    for (let waiter = this.#waiters.peek(); waiter !== undefined; waiter = this.#waiters.peek()) {
      // Read again for each: whoever is resumed may have published, and flushed again, before we are back here.
      const oldest = this.oldest?.sequence ?? Infinity
      if (!waiter.done && waiter.sequence >= oldest) return
      this.#waiters.shift()
      if (waiter.done) continue
      waiter.done = true
      waiter.resume()
    }
  }
}
