/**
 * What a fault has in its hands while the load runs, and what the load writes down meanwhile.
 */
import type { Publisher, Topic } from "@effect-eventbus/core"
import type * as History from "@effect-eventbus/core/testing/History"
import { Data, Effect } from "effect"
import type { Moved } from "./moved.ts"

export type LoadTopic = Topic.Topic<readonly [typeof Moved]>

/** Nothing moves, although it should by now. */
export class Stalled extends Data.TaggedError("Stalled")<{ readonly what: string }> {
  override get message(): string {
    return `stalled: ${this.what}`
  }
}

/** Waits until `condition` holds; tells whether it did in time. */
export const until = Effect.fnUntraced(function*(condition: () => boolean, millis: number, pauseMillis = 5) {
  const end = performance.now() + millis
  while (!condition()) {
    if (performance.now() > end) return false
    yield* Effect.sleep(pauseMillis)
  }
  return true
})

const busyMillis = 10_000
const ackMillis = 30_000

export class Live {
  readonly topic: LoadTopic
  readonly publisher: Publisher.Publisher["Service"]
  readonly history: History.History
  readonly violations: Array<string> = []
  readonly notes: Record<string, number> = {}
  /** How often the fault happened. */
  times = 0
  acked = 0
  /** Most permits that were out at once. */
  peak = 0
  readonly #name: string
  #repairedAt: number | undefined
  #recoveredAt: number | undefined

  constructor(
    name: string,
    topic: LoadTopic,
    publisher: Publisher.Publisher["Service"],
    history: History.History
  ) {
    this.#name = name
    this.topic = topic
    this.publisher = publisher
    this.history = history
  }

  /**
   * Completes in a moment when at least so many publishes are under way: a fault that hits an idle bus tests nothing. It
   * looks at every turn of the event loop, because an answer takes less than a timer.
   */
  busy(count = 20): Effect.Effect<void, Stalled> {
    const end = performance.now() + busyMillis
    const look: Effect.Effect<void, Stalled> = Effect.flatMap(this.publisher.pending, ({ unsettled }) => {
      if (unsettled >= count) return Effect.void
      return performance.now() > end
        ? Effect.fail(new Stalled({ what: `never ${count} publishes under way` }))
        : Effect.andThen(Effect.yieldNow, look)
    })
    return look
  }

  /** Completes when so much has been acknowledged; tells whether it was in time. */
  reaches(acked: number, millis: number): Effect.Effect<boolean> {
    return until(() => this.acked >= acked, millis)
  }

  /** Completes when something has been acknowledged from now on. */
  readonly acknowledged: Effect.Effect<void, Stalled> = Effect.suspend(() =>
    Effect.flatMap(
      this.reaches(this.acked + 1, ackMillis),
      (ok) => ok ? Effect.void : Effect.fail(new Stalled({ what: `no acknowledgement in ${ackMillis} ms` }))
    )
  )

  /** The fault happened, so many times. */
  injected(times = 1): void {
    for (let i = 0; i < times; i++) this.history.add({ _tag: "Happened", what: this.#name })
    this.times += times
  }

  /** A step of the fault, for who reads the history of a round that broke. */
  happened(what: string, detail: string): void {
    this.history.add({ _tag: "Happened", what, detail })
  }

  /** The fault is over: the time from here to the next acknowledgement is the recovery. */
  repaired(): void {
    this.#repairedAt = performance.now()
    this.#recoveredAt = undefined
  }

  get recoveryMillis(): number | undefined {
    return this.#repairedAt === undefined || this.#recoveredAt === undefined
      ? undefined
      : this.#recoveredAt - this.#repairedAt
  }

  /** A figure of this round. */
  note(name: string, value: number): void {
    this.notes[name] = value
  }

  /** Breaks the round. */
  violation(message: string): void {
    this.violations.push(message)
  }

  /** The load has been told of an acknowledgement. */
  countAck(): void {
    this.acked++
    if (this.#repairedAt !== undefined) this.#recoveredAt ??= performance.now()
  }
}
