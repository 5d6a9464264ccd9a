/**
 * Sequence numbers of an idempotent producer: each partition counts its records from 0 under each identity, and the broker
 * takes a batch only where it goes on from the last one, or is the last one again.
 */
import type { Identity } from "./transport.ts"

const highest = 2 ** 31 - 1

/** As the broker counts: behind 2^31 - 1 comes 0. */
export const advance = (sequence: number, records: number): number =>
  sequence > highest - records ? records - (highest - sequence) - 1 : sequence + records

/** Where one partition is. */
export class Sequence {
  #identity: Identity | undefined
  #next = 0

  /** Of the next batch. A new identity begins at 0. */
  next(identity: Identity): number {
    if (this.#identity !== identity) {
      this.#identity = identity
      this.#next = 0
    }
    return this.#next
  }

  /** A batch of so many records under this identity is stored: the next one goes on behind it. */
  stored(identity: Identity, records: number): void {
    if (this.#identity === identity) this.#next = advance(this.#next, records)
  }
}
