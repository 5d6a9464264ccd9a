/** Those that are gone are forgotten when there may be so many of them, and as many as of the others. */
const mostGone = 1024

/**
 * Values by a text, for what comes and goes, and mostly comes again: the lanes of aggregates. One that is gone stays, to be
 * found when its key comes again, because a map that loses as many as it gets is made anew often (see `chain.ts`). Those
 * that are gone are forgotten together, at a cost that is constant for each that has gone; there may be millions of keys.
 *
 * Whether a value is gone is its own to say, and it may change its mind. One that is gone must not be kept elsewhere: its key
 * may be given to another one.
 */
export class Returning<V extends { readonly key: string }> {
  #values = new Map<string, V>()
  /** How often one has gone since they were forgotten. */
  #gone = 0
  readonly #isGone: (value: V) => boolean

  constructor(isGone: (value: V) => boolean) {
    this.#isGone = isGone
  }

  /** Also one that is gone. */
  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  add(value: V): void {
    this.#values.set(value.key, value)
  }

  /** One has gone. */
  left(): void {
    if (++this.#gone < Math.max(mostGone, this.#values.size / 2)) return
    this.#gone = 0
    const values = new Map<string, V>()
    for (const value of this.present()) values.set(value.key, value)
    this.#values = values
  }

  /** Those that are not gone. */
  *present(): IterableIterator<V> {
    for (const value of this.#values.values()) if (!this.#isGone(value)) yield value
  }
}
