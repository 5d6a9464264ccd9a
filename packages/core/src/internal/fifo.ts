/** A ring that a burst has made larger than this is given back when it is empty. */
const largestKept = 1024

/** The first ring. Lengths are powers of two, so that a place is a mask away. */
const smallest = 4

/**
 * A first-in-first-out queue with O(1) ends and no per-element allocation: a ring. `Array.shift` is O(n) from some 50,000
 * elements on.
 *
 * What was taken is not held any longer: there are as many of these as there are aggregates, and one that never runs
 * empty would else keep a part of all that has gone through it.
 */
export class Fifo<A extends object> {
  #ring: Array<A | undefined> = []
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: A): void {
    if (this.#length === this.#ring.length) this.#fill(this.#inOrder(), Math.max(smallest, this.#length * 2))
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item
    this.#length++
  }

  peek(): A | undefined {
    return this.#ring[this.#head]
  }

  shift(): A | undefined {
    if (this.#length === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#length--
    if (this.#length === 0 && this.#ring.length > largestKept) this.#fill([])
    return item
  }

  /** Puts `items` before everything else, in their order. */
  unshiftAll(items: ReadonlyArray<A>): void {
    if (items.length > 0) this.#fill([...items, ...this.#inOrder()])
  }

  /** Keeps only what `keep` accepts, in order. */
  retain(keep: (item: A) => boolean): void {
    this.#fill(this.#inOrder().filter((item) => item !== undefined && keep(item)))
  }

  #inOrder(): Array<A | undefined> {
    const end = this.#head + this.#length
    const items = this.#ring.slice(this.#head, end)
    return end > this.#ring.length ? items.concat(this.#ring.slice(0, end - this.#ring.length)) : items
  }

  #fill(items: ReadonlyArray<A | undefined>, atLeast = smallest): void {
    let size = atLeast
    while (size < items.length) size *= 2
    const ring = new Array<A | undefined>(size).fill(undefined)
    for (let i = 0; i < items.length; i++) ring[i] = items[i]
    this.#ring = ring
    this.#head = 0
    this.#length = items.length
  }
}
