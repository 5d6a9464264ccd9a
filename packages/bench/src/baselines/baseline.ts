/**
 * A way into a broker without the bus: a client library used well, and used as most people use it. Every baseline of
 * every broker has this shape, so that one suite can put any of them beside ours in one run.
 *
 * A module under `baselines/<broker>/` exports functions that take where the broker is and return a `Baseline`.
 */
import { Data, Effect, type Scope } from "effect"
import type { Measure, Sample } from "../rounds.ts"

export class BaselineFailed extends Data.TaggedError("BaselineFailed")<{
  readonly baseline: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.baseline}: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

export interface Opened {
  /**
   * Publishes so many messages to topics of its own and makes sure that all are stored. Only the time from the first
   * publish to the last acknowledgement counts: topics, and the bytes of bodies and keys, are made before the clock
   * starts; whatever object the client wants for a message is made while it runs.
   */
  readonly run: (messages: number) => Effect.Effect<Sample, BaselineFailed>
}

export interface Baseline {
  /** Of its row: client first, then how it is used, as in "kafkajs, one send per message, 1,000 in flight". */
  readonly name: string
  /** Package and version, or what it is else. */
  readonly client: string
  /** Part of the suite's messages that one round of it takes, where it is too slow for all of them. Default 1. */
  readonly share?: number
  /** Connects until the scope closes. */
  readonly open: Effect.Effect<Opened, BaselineFailed, Scope.Scope>
}

/** A promise of a client's, with its error as the baseline's. */
export const attempt = <A>(baseline: string, promise: () => Promise<A>): Effect.Effect<A, BaselineFailed> =>
  Effect.tryPromise({ try: promise, catch: (cause) => new BaselineFailed({ baseline, cause }) })

/** Opens it, for as long as the scope is, as something that `interleave` takes. */
export const measureOf = (
  { name, open, share = 1 }: Baseline,
  messages: number
): Effect.Effect<Measure<BaselineFailed>, BaselineFailed, Scope.Scope> =>
  Effect.map(open, ({ run }) => ({ name, messages: Math.ceil(messages * share), round: run }))
