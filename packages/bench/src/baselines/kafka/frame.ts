/**
 * One round of a Kafka client: topics of its own, prepared messages, the clock around the publishing alone, and then a
 * look at what is stored by somebody else.
 */
import { Effect } from "effect"
import type { Counts } from "../../figures.ts"
import type { Latency } from "../../latency.ts"
import { startStopwatch } from "../../stopwatch.ts"
import { attempt, type Baseline, BaselineFailed } from "../baseline.ts"
import { prepare, type Prepared } from "../prepared.ts"
import { readBack } from "./readBack.ts"
import { fresh, topicCount } from "./topics.ts"

export interface Session {
  /** Publishes all of them and resolves when each is acknowledged; a refused one rejects. */
  readonly publish: (messages: ReadonlyArray<Prepared>, topics: ReadonlyArray<string>) => Promise<Latency | undefined>
}

export interface Client {
  readonly name: string
  readonly client: string
  readonly share?: number
  readonly bootstrap: ReadonlyArray<string>
  /** What it would have done beforehand; not in the clock. */
  readonly prepare?: (messages: ReadonlyArray<Prepared>) => void
  readonly connect: () => Promise<Session & { readonly close: () => Promise<void> }>
}

/**
 * Reads the topics back. Fewer events than were acknowledged are an error; what is out of order or there twice is counted
 * only, because a client without idempotence may do both when it tries again.
 */
export const checked = Effect.fnUntraced(function*(
  name: string,
  bootstrap: ReadonlyArray<string>,
  topics: ReadonlyArray<string>,
  acked: number
) {
  const counts = yield* attempt(name, () => readBack(bootstrap, topics))
  const events = counts.records - counts.duplicates
  if (events !== acked || counts.gaps > 0) {
    const cause = new Error(`${events} of ${acked} stored, ${counts.gaps} missing in between`)
    return yield* new BaselineFailed({ baseline: name, cause })
  }
  const { duplicates, gaps, orderViolations } = counts
  const sound: Counts = { acked, failed: 0, unknown: 0, orderViolations, gaps, duplicates }
  return sound
})

export const baseline = ({ bootstrap, client, connect, name, prepare: before, share = 1 }: Client): Baseline => {
  // A client for each round: it would go on asking for the topics of the rounds before, which are gone.
  const connected = Effect.acquireRelease(
    attempt(name, connect),
    (session) => Effect.ignore(attempt(name, () => session.close()))
  )
  const published = Effect.fnUntraced(function*(count: number, topics: ReadonlyArray<string>) {
    const messages = prepare(count, topicCount)
    before?.(messages)
    const session = yield* connected
    const elapsed = startStopwatch()
    const publishToAck = yield* attempt(name, () => session.publish(messages, topics))
    return { ...elapsed(), publishToAck }
  })
  const round = Effect.fnUntraced(function*(count: number) {
    const topics = yield* fresh(name, bootstrap)
    const time = yield* Effect.scoped(published(count, topics))
    const counts = yield* checked(name, bootstrap, topics, count)
    return { messages: count, ...time, counts }
  })
  return { name, client, share, open: Effect.succeed({ run: (count) => Effect.scoped(round(count)) }) }
}
