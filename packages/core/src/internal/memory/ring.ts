/**
 * A first-in-first-out list of small whole numbers that grows by doubling and never shifts. A topic keeps the partition
 * of each of its records here, in the order in which they were stored, so that it can evict the oldest of all.
 */
export class NumberRing {
  length = 0
  private items = new Uint16Array(1024)
  private head = 0

  push(value: number): void {
    if (this.length === this.items.length) this.grow()
    this.items[(this.head + this.length) & (this.items.length - 1)] = value
    this.length++
  }

  /** The oldest. The ring must not be empty. */
  peek(): number {
    return this.items[this.head]!
  }

  /** Removes the oldest and returns it. The ring must not be empty. */
  pop(): number {
    const value = this.items[this.head]!
    this.head = (this.head + 1) & (this.items.length - 1)
    this.length--
    return value
  }

  *[Symbol.iterator](): Generator<number> {
    for (let i = 0; i < this.length; i++) yield this.items[(this.head + i) & (this.items.length - 1)]!
  }

  private grow(): void {
    const grown = new Uint16Array(this.items.length * 2)
    grown.set(this.items.subarray(this.head))
    grown.set(this.items.subarray(0, this.head), this.items.length - this.head)
    this.items = grown
    this.head = 0
  }
}
