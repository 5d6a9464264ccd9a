import { Chain, type Link } from "../chain.ts"

/**
 * The publish window: at most `maxCount` envelopes and `maxBytes` bytes between acceptance and the return of their
 * permits. A synchronous state machine; `admission.ts` puts fibers in front of it.
 *
 * Two decisions make it exact:
 *
 * - A permit is taken for a waiter **before** the waiter is told, by whoever returned the permit. There is no moment at
 *   which a permit is free and promised at once, so nobody can barge in and no wake-up can be lost.
 * - `grant` registers the envelope itself, in the same synchronous step. A fiber that is interrupted after that has
 *   published; one that is interrupted before it leaves nothing behind. There is no state in between.
 *
 * Resuming a fiber runs it inline, up to its next suspension, so `grant` may call back into this object: every method
 * leaves the state whole before it grants.
 */
export interface Waiter {
  readonly count: number
  readonly bytes: number
  /** Called at most once, with the permits already taken. */
  readonly grant: () => void
  /** Called at most once, when the window closes. */
  readonly refuse: () => void
}

interface Node extends Link<Node> {
  readonly waiter: Waiter
}

/** Takes a waiter out of the line; without effect once it was granted or refused. */
export type Cancel = () => void

const nothing: Cancel = () => {}

export class Window {
  #count = 0
  #bytes = 0
  /** What those in line ask for. */
  #wantedCount = 0
  #wantedBytes = 0
  readonly #line = new Chain<Node>()
  #closed = false
  readonly maxCount: number
  readonly maxBytes: number

  constructor(maxCount: number, maxBytes: number) {
    this.maxCount = maxCount
    this.maxBytes = maxBytes
  }

  /** Permits out. */
  get count(): number {
    return this.#count
  }
  /** Bytes out. */
  get bytes(): number {
    return this.#bytes
  }
  /** Waiters in line. */
  get waiting(): number {
    return this.#line.size
  }
  get closed(): boolean {
    return this.#closed
  }

  /**
   * Takes permits if they are free and nobody in line is delayed by it: what is left is enough for all of them. So a
   * fiber that was just resumed goes on while a whole batch of permits is coming back, instead of parking once for
   * each envelope, and the line keeps its order.
   */
  tryAcquire(count: number, bytes: number): boolean {
    if (this.#closed || !this.#fits(count + this.#wantedCount, bytes + this.#wantedBytes)) return false
    this.#count += count
    this.#bytes += bytes
    return true
  }

  /** Puts a waiter in line, or grants it at once: a permit may have come back since `tryAcquire` said no. */
  wait(waiter: Waiter): Cancel {
    if (this.#closed) {
      waiter.refuse()
      return nothing
    }
    if (this.tryAcquire(waiter.count, waiter.bytes)) {
      waiter.grant()
      return nothing
    }
    const node: Node = { waiter, before: undefined, after: undefined, chained: false }
    this.#line.add(node)
    this.#wantedCount += waiter.count
    this.#wantedBytes += waiter.bytes
    return () => {
      if (!node.chained) return
      const wasHead = this.#line.first === node
      this.#unlink(node)
      // The one behind a large waiter may fit where that one did not.
      if (wasHead) this.#grantFitting()
    }
  }

  /** Returns permits and hands them to those in line, first come first served. */
  release(count: number, bytes: number): void {
    this.#count -= count
    this.#bytes -= bytes
    this.#grantFitting()
  }

  /** Refuses everybody in line and everybody to come. Permits out stay out until they are released. */
  close(): void {
    this.#closed = true
    for (let node = this.#line.first; node !== undefined; node = this.#line.first) {
      this.#unlink(node)
      node.waiter.refuse()
    }
  }

  #fits(count: number, bytes: number): boolean {
    return this.#count + count <= this.maxCount && this.#bytes + bytes <= this.maxBytes
  }

  #grantFitting(): void {
    for (let node = this.#line.first; node !== undefined; node = this.#line.first) {
      if (!this.#fits(node.waiter.count, node.waiter.bytes)) return
      this.#unlink(node)
      this.#count += node.waiter.count
      this.#bytes += node.waiter.bytes
      node.waiter.grant()
    }
  }

  #unlink(node: Node): void {
    this.#line.delete(node)
    this.#wantedCount -= node.waiter.count
    this.#wantedBytes -= node.waiter.bytes
  }
}
