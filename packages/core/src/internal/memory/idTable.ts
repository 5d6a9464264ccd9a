/**
 * Event ids with where and when each was stored: a hash table with open addressing over typed arrays.
 *
 * A `Map` keyed by strings is several times slower here: it follows pointers to keys all over the heap, and the garbage
 * collector has to visit every entry. This one touches one cache line for an id that it does not know.
 */

/** FNV-1a. */
const hashOf = (id: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return hash
}

export class IdTable {
  size = 0
  private readonly ids: Array<string> = []
  private offsets: Float64Array
  private timestamps: Float64Array
  private partitions: Uint16Array
  /** Pairs of hash and row number + 1; a power of two of them, at most half of them taken. 0 marks a free pair. */
  private pairs: Int32Array
  private lastId = ""
  private lastHash = hashOf("")

  /** With room for `expected` ids. */
  constructor(expected: number) {
    let rows = 512
    while (rows < expected) rows *= 2
    this.offsets = new Float64Array(rows)
    this.timestamps = new Float64Array(rows)
    this.partitions = new Uint16Array(rows)
    this.pairs = new Int32Array(rows * 4)
  }

  /** The row of an id, or -1. */
  find(id: string): number {
    const hash = this.hash(id)
    const { pairs } = this
    const mask = pairs.length - 1
    for (let at = (hash << 1) & mask;; at = (at + 2) & mask) {
      const row = pairs[at + 1]! - 1
      if (row === -1) return -1
      if (pairs[at] === hash && this.ids[row] === id) return row
    }
  }

  offsetOf(row: number): number {
    return this.offsets[row]!
  }

  timestampOf(row: number): number {
    return this.timestamps[row]!
  }

  partitionOf(row: number): number {
    return this.partitions[row]!
  }

  /** Adds an id, or replaces what is known of it. */
  set(id: string, partition: number, offset: number, timestamp: number): void {
    let row = this.find(id)
    if (row === -1) {
      if (this.size === this.offsets.length) this.grow()
      row = this.size++
      this.ids.push(id)
      insert(this.pairs, this.hash(id), row)
    }
    this.offsets[row] = offset
    this.timestamps[row] = timestamp
    this.partitions[row] = partition
  }

  /** `find` and `set` follow one another with the same id. */
  private hash(id: string): number {
    if (id !== this.lastId) {
      this.lastId = id
      this.lastHash = hashOf(id)
    }
    return this.lastHash
  }

  private grow(): void {
    const rows = this.offsets.length * 2
    const offsets = new Float64Array(rows)
    offsets.set(this.offsets)
    this.offsets = offsets
    const timestamps = new Float64Array(rows)
    timestamps.set(this.timestamps)
    this.timestamps = timestamps
    const partitions = new Uint16Array(rows)
    partitions.set(this.partitions)
    this.partitions = partitions
    const pairs = new Int32Array(rows * 4)
    for (let at = 0; at < this.pairs.length; at += 2) {
      const row = this.pairs[at + 1]! - 1
      if (row !== -1) insert(pairs, this.pairs[at]!, row)
    }
    this.pairs = pairs
  }
}

const insert = (pairs: Int32Array, hash: number, row: number): void => {
  const mask = pairs.length - 1
  let at = (hash << 1) & mask
  while (pairs[at + 1] !== 0) at = (at + 2) & mask
  pairs[at] = hash
  pairs[at + 1] = row + 1
}
