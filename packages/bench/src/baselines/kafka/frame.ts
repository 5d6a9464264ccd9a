/**
 * One round of a Kafka client: topics of its own, prepared messages, the clock around the publishing alone, and then a
 * look at what is stored by somebody else.
 */
import { Effect } from "effect"
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

/** Order is counted, and only fewer or more records than were acknowledged are an error: not every use keeps order. */
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
    const { duplicates, gaps, orderViolations, records } = yield* attempt(name, () => readBack(bootstrap, topics))
    if (records !== count || gaps > 0 || duplicates > 0) {
      const cause = new Error(`${records} of ${count} stored, ${gaps} missing, ${duplicates} twice`)
      return yield* new BaselineFailed({ baseline: name, cause })
    }
    const counts = { acked: count, failed: 0, unknown: 0, orderViolations, gaps, duplicates }
    return { messages: count, ...time, counts }
  })
  return { name, client, share, open: Effect.succeed({ run: (count) => Effect.scoped(round(count)) }) }
}
