/**
 * A real broker for the length of a scope, started and stopped by the scripts of the workspace.
 */
import { Data, Effect, type Scope } from "effect"

export class NoBroker extends Data.TaggedError("NoBroker")<{ readonly cause: unknown }> {
  override get message(): string {
    return this.cause instanceof Error ? this.cause.message : String(this.cause)
  }
}

interface Running {
  readonly url: string
  readonly stop: () => Promise<void>
}

interface Script {
  readonly up: (options: { readonly log: (line: string) => void }) => Promise<Running>
}

/** Where it is: `nats://host:port` or `kafka://host:port`, or what `NATS_URL` or `KAFKA_BOOTSTRAP` names. */
export const running = (
  name: "nats" | "kafka",
  log: (line: string) => void = () => {}
): Effect.Effect<string, NoBroker, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        // A script in JavaScript, which the type checker of the packages does not read.
        const script: Script = await import(new URL(`../../../../scripts/brokers/${name}.mjs`, import.meta.url).href)
        return script.up({ log })
      },
      catch: (cause) => new NoBroker({ cause })
    }),
    ({ stop }) => Effect.promise(stop)
  ).pipe(Effect.map(({ url }) => url))
