/**
 * A map from whole numbers, for what comes and goes by the million: open addressing in two arrays that live as long as it
 * does. A `Map` is made anew after so many deletions, and the dead tables keep what passed through them in memory until
 * the old generation is collected (see `internal/chain.ts` of core for the measurement).
 */

const smallest = 64

/** No key: keys are 0 or more. */
const free = -1

export class NumberMap<V> {
  #keys = new Float64Array(smallest).fill(free)
  #values = new Array<V | undefined>(smallest).fill(undefined)
  #mask = smallest - 1
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: number): V | undefined {
    return this.#values[this.#placeOf(key)]
  }

  set(key: number, value: V): void {
    const place = this.#placeOf(key)
    if (this.#keys[place] === free) {
      this.#size++
      // At most half full, so that what stands together stays short.
      if (this.#size > this.#keys.length / 2) return this.#grow(key, value)
      this.#keys[place] = key
    }
    this.#values[place] = value
  }

  /** Tells whether it was there. */
  delete(key: number): boolean {
    let hole = this.#placeOf(key)
    if (this.#keys[hole] === free) return false
    this.#size--
    // What stands behind the hole, and would not be found past it, moves into it.
    for (let at = hole + 1 & this.#mask; this.#keys[at] !== free; at = at + 1 & this.#mask) {
      const home = this.#home(this.#keys[at]!)
      if ((at - home & this.#mask) < (at - hole & this.#mask)) continue
      this.#keys[hole] = this.#keys[at]!
      this.#values[hole] = this.#values[at]
      hole = at
    }
    this.#keys[hole] = free
    this.#values[hole] = undefined
    return true
  }

  /** In no order. */
  entries(): Array<readonly [key: number, value: V]> {
    const entries: Array<readonly [number, V]> = []
    for (let i = 0; i < this.#keys.length; i++) {
      const value = this.#values[i]
      if (value !== undefined) entries.push([this.#keys[i]!, value])
    }
    return entries
  }

  /** In no order. */
  values(): Array<V> {
    return this.entries().map(([, value]) => value)
  }

  /** Scattered: numbers in a row, the usual keys, would stand in a row, and each deletion would walk along all of it. */
  #home(key: number): number {
    return Math.imul(key | 0, 0x9e3779b1) >>> 7 & this.#mask
  }

  /** Where the key is, or would be. */
  #placeOf(key: number): number {
    let place = this.#home(key)
    while (this.#keys[place] !== key && this.#keys[place] !== free) place = place + 1 & this.#mask
    return place
  }

  #grow(key: number, value: V): void {
    const keys = this.#keys
    const values = this.#values
    this.#keys = new Float64Array(keys.length * 2).fill(free)
    this.#values = new Array<V | undefined>(keys.length * 2).fill(undefined)
    this.#mask = keys.length * 2 - 1
    for (let i = 0; i < keys.length; i++) if (keys[i] !== free) this.#put(keys[i]!, values[i])
    this.#put(key, value)
  }

  #put(key: number, value: V | undefined): void {
    const place = this.#placeOf(key)
    this.#keys[place] = key
    this.#values[place] = value
  }
}
