/**
 * Which offsets of one assignment are settled, and how far the group may commit: up to the first observed record that is
 * not settled. Only observed offsets count, so that gaps (compaction, transaction markers) hold up nothing.
 */
export class Frontier {
  /** Offset of the first record not observed yet. */
  position: bigint
  #offsets: Array<bigint> = []
  #sizes: Array<number> = []
  /** 0: buffered, 1: handed out, 2: settled. */
  #states: Array<0 | 1 | 2> = []
  #head = 0
  /** Records behind this index were never handed out; they go out in order. */
  #out = 0

  constructor(position: bigint) {
    this.position = position
  }

  /** A record came in; offsets rise. */
  observe(offset: bigint, size: number): void {
    this.#offsets.push(offset)
    this.#sizes.push(size)
    this.#states.push(0)
    this.position = offset + 1n
  }

  /** Nothing that can be delivered is left below `position`. */
  skipTo(position: bigint): void {
    if (position > this.position) this.position = position
  }

  /** The record is in somebody's hands. */
  handOut(offset: bigint): void {
    const index = this.#find(offset)
    if (index < 0 || this.#states[index] !== 0) return
    this.#states[index] = 1
    this.#out = Math.max(this.#out, index + 1)
  }

  /** Settles a record: its size, or -1 where it was not in anybody's hands. */
  settle(offset: bigint): number {
    const index = this.#find(offset)
    if (index < 0 || this.#states[index] !== 1) return -1
    const size = this.#sizes[index]!
    this.#states[index] = 2
    if (index === this.#head) this.#advance()
    return size
  }

  /** What the group may commit: everything below is settled. */
  get committable(): bigint {
    return this.#head < this.#offsets.length ? this.#offsets[this.#head]! : this.position
  }

  /** Records from the first that is not settled to the last that was handed out: what comes again after a crash. */
  get span(): number {
    return Math.max(0, this.#out - this.#head)
  }

  #advance(): void {
    while (this.#head < this.#states.length && this.#states[this.#head] === 2) this.#head++
    if (this.#head < 1024 || this.#head * 2 < this.#offsets.length) return
    this.#offsets = this.#offsets.slice(this.#head)
    this.#sizes = this.#sizes.slice(this.#head)
    this.#states = this.#states.slice(this.#head)
    this.#out -= this.#head
    this.#head = 0
  }

  #find(offset: bigint): number {
    let low = this.#head
    let high = this.#offsets.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const found = this.#offsets[middle]!
      if (found === offset) return middle
      if (found < offset) low = middle + 1
      else high = middle - 1
    }
    return -1
  }
}
