/**
 * Why nobody takes a message: the stream is missing, or it has no leader at the moment. The message looks the same for
 * both, and asking takes as long as the servers take to elect a leader for the answer. So nobody waits for the answer:
 *
 * 1. the first message that nobody takes starts a look for the stream, and is told that it may be sent again;
 * 2. so are those after it, which pause longer and longer before the next try;
 * 3. once the stream is known to be missing, they are told so, for a while: then somebody may have made it.
 */
import { Effect } from "effect"

/** How long "missing" is believed. In milliseconds. */
const beliefMillis = 1000

export class Diagnosis {
  readonly #look: (topic: string) => Effect.Effect<boolean>
  readonly #fork: (effect: Effect.Effect<void>) => void
  readonly #now: () => number
  readonly #looking = new Set<string>()
  /** Since when. */
  readonly #missing = new Map<string, number>()

  /** `look`: whether the topic is missing. `now`: in milliseconds. */
  constructor(fields: {
    readonly look: (topic: string) => Effect.Effect<boolean>
    readonly fork: (effect: Effect.Effect<void>) => void
    readonly now: () => number
  }) {
    this.#look = fields.look
    this.#fork = fields.fork
    this.#now = fields.now
  }

  /** Nobody took a message of this topic: whether that is because the topic is missing, as far as is known. */
  isMissing(topic: string): boolean {
    const since = this.#missing.get(topic)
    if (since !== undefined && this.#now() - since < beliefMillis) return true
    this.#missing.delete(topic)
    if (this.#looking.has(topic)) return false
    this.#looking.add(topic)
    this.#fork(Effect.map(this.#look(topic), (missing) => {
      this.#looking.delete(topic)
      if (missing) this.#missing.set(topic, this.#now())
    }))
    return false
  }
}
