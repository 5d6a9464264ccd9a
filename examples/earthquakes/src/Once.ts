/**
 * Which events a group has handled: delivery is at least once, so a handler that counts has to know.
 *
 * Exact, and small for any number of repeats: a repeat of which every event has been seen is remembered as a number.
 */
import { parseEventId } from "./Earthquake.ts"

export class Once {
  /** How many events a repeat has. */
  readonly #size: number
  readonly #partial = new Map<number, Set<string>>()
  readonly #complete = new Set<number>()

  constructor(size: number) {
    this.#size = size
  }

  /** Whether this event is seen for the first time. From then on it is not. */
  first(eventId: string): boolean {
    const { quakeId, repeat } = parseEventId(eventId)
    if (this.#complete.has(repeat)) return false
    let seen = this.#partial.get(repeat)
    if (seen === undefined) {
      seen = new Set()
      this.#partial.set(repeat, seen)
    }
    if (seen.has(quakeId)) return false
    seen.add(quakeId)
    if (seen.size === this.#size) {
      this.#partial.delete(repeat)
      this.#complete.add(repeat)
    }
    return true
  }
}
