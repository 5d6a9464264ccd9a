/**
 * Event ids that a group's subscription has settled lately: in memory, bounded in time and number. What is forgotten
 * early, because of the number, is only handled twice.
 */
export class Dedup {
  readonly #seen = new Map<string, number>()
  readonly #windowMillis: number
  readonly #limit: number

  constructor(windowMillis: number, limit: number) {
    this.#windowMillis = windowMillis
    this.#limit = limit
  }

  get size(): number {
    return this.#seen.size
  }

  has(id: string, now: number): boolean {
    const at = this.#seen.get(id)
    return at !== undefined && now - at < this.#windowMillis
  }

  add(id: string, now: number): void {
    // Deleted first, so that the map stays in the order of time and the oldest is at its front.
    this.#seen.delete(id)
    this.#seen.set(id, now)
    for (const [oldest, at] of this.#seen) {
      if (this.#seen.size <= this.#limit && now - at < this.#windowMillis) return
      this.#seen.delete(oldest)
    }
  }

  clear(): void {
    this.#seen.clear()
  }
}
