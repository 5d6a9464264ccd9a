import { Effect } from "effect"
import { EngineError } from "./engine.ts"
import { type Failure, failure } from "./failure.ts"

export const failureFrom = (error: unknown): Failure =>
  error instanceof EngineError ? error.failure : failure("lost", String(error), error)

/** What an engine promises, as an effect. */
export const ask = <A>(promise: () => Promise<A>): Effect.Effect<A, Failure> =>
  Effect.tryPromise({ try: promise, catch: failureFrom })

/** Asking again does not help. */
export const isPermanent = ({ code, kind }: Failure): boolean =>
  kind === "unauthenticated" || kind === "usage" || code === "GROUP_AUTHORIZATION_FAILED"
  || code === "TOPIC_AUTHORIZATION_FAILED"
