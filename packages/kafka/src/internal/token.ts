/**
 * Where a bearer token comes from, each time that a connection wants one.
 */
import { Effect, Redacted } from "effect"

/** Rejects with what the effect fails with, and where it takes longer than a connection may. */
export const tokenOf = (
  token: Redacted.Redacted | Effect.Effect<Redacted.Redacted, unknown>,
  timeoutMillis: number
): () => Promise<string> =>
  Redacted.isRedacted(token)
    ? () => Promise.resolve(Redacted.value(token))
    : () =>
      Effect.runPromise(
        Effect.timeoutOrElse(Effect.map(token, Redacted.value), {
          duration: timeoutMillis,
          orElse: () => Effect.fail(new Error(`the token did not come within ${timeoutMillis} ms`))
        })
      )
