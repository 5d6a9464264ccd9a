/**
 * A first-in-first-out queue with O(1) ends and no per-element allocation: an array with a moving head, compacted when
 * more than half of it is behind the head. `Array.shift` is O(n) from some 50,000 elements on.
 */
export class Fifo<A> {
  #items: Array<A> = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: A): void {
    this.#items.push(item)
  }

  peek(): A | undefined {
    return this.#items[this.#head]
  }

  shift(): A | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#head++
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Puts `items` before everything else, in their order. */
  unshiftAll(items: ReadonlyArray<A>): void {
    if (items.length === 0) return
    this.#items = items.concat(this.#items.slice(this.#head))
    this.#head = 0
  }

  /** Keeps only what `keep` accepts, in order. */
  retain(keep: (item: A) => boolean): void {
    this.#items = this.#items.slice(this.#head).filter(keep)
    this.#head = 0
  }
}
