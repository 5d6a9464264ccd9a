/**
 * What was seen of a load, in the order in which it was seen: three kinds of wrong, each with a counter of its own.
 */
import { aggregateOf, serialOf, type Shape } from "./shape.ts"

export interface Seen {
  /** Different messages. */
  readonly distinct: number
  /** Seen after a later one of the same aggregate. */
  readonly orderViolations: number
  /** Never seen, though they were to be. */
  readonly gaps: number
  /** Seen again. */
  readonly duplicates: number
  /** That were no part of the load. */
  readonly strangers: number
}

export class Tally {
  readonly #shape: Shape
  readonly #seen: Uint8Array
  readonly #last: Int32Array
  #distinct = 0
  #orderViolations = 0
  #duplicates = 0
  #strangers = 0

  constructor(shape: Shape) {
    this.#shape = shape
    this.#seen = new Uint8Array(shape.messages)
    this.#last = new Int32Array(shape.aggregates).fill(-1)
  }

  note(index: number): void {
    const shape = this.#shape
    if (!Number.isInteger(index) || index < 0 || index >= shape.messages) {
      this.#strangers++
      return
    }
    if (this.#seen[index] === 1) {
      this.#duplicates++
      return
    }
    this.#seen[index] = 1
    this.#distinct++
    const aggregate = aggregateOf(shape, index)
    const serial = serialOf(shape, index)
    if (serial < this.#last[aggregate]!) this.#orderViolations++
    else this.#last[aggregate] = serial
  }

  get distinct(): number {
    return this.#distinct
  }

  get seen(): Seen {
    return {
      distinct: this.#distinct,
      orderViolations: this.#orderViolations,
      gaps: this.#shape.messages - this.#distinct,
      duplicates: this.#duplicates,
      strangers: this.#strangers
    }
  }
}
