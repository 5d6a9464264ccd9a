import { type Cause, Effect, Queue, Stream } from "effect"
import type { PublishResult } from "../../PublishResult.ts"

/** Results that a reader of `publisher.results` may be behind before permits are held back for it. */
const capacity = 1024

/**
 * Hands every settlement to every reader, without loss: `report` suspends while a reader's buffer is full. Only the
 * return of permits waits for it, so a slow reader slows down the acceptance of new envelopes and nothing else.
 */
export class ResultsHub {
  readonly #readers = new Set<Queue.Queue<PublishResult, Cause.Done>>()
  #ended = false

  get watched(): boolean {
    return this.#readers.size > 0
  }

  readonly report = (results: ReadonlyArray<PublishResult>): Effect.Effect<void> =>
    Effect.forEach(Array.from(this.#readers), (reader) => Queue.offerAll(reader, results), { discard: true })

  readonly stream: Stream.Stream<PublishResult> = Stream.unwrap(
    Effect.acquireRelease(
      Effect.suspend(() =>
        Effect.tap(Queue.bounded<PublishResult, Cause.Done>(capacity), (reader) => {
          if (this.#ended) return Queue.end(reader)
          this.#readers.add(reader)
          return Effect.void
        })
      ),
      (reader) => {
        this.#readers.delete(reader)
        // Lets a report go on that waits for room in it.
        return Queue.shutdown(reader)
      }
    ).pipe(Effect.map(Stream.fromQueue))
  )

  /** Readers get what is left, then the end. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#ended = true
    return Effect.forEach(Array.from(this.#readers), (reader) => Queue.end(reader), { discard: true })
  })
}
