/**
 * Reading a topic without the bus: a client library used well, in the shape that every broker's has.
 */
import type { Effect, Scope } from "effect"
import type { Elapsed } from "../stopwatch.ts"
import type { BaselineFailed } from "./baseline.ts"

/** A topic that is filled and not written to any more. */
export interface Filled {
  readonly topic: string
  readonly partitions: number
  readonly messages: number
}

export interface Reading {
  /**
   * Reads all of it in a group that nobody has used, shows each body to `handle` and acknowledges it after that. The
   * clock runs from before the client asks for the first record until the last one is handled; that all of them are
   * acknowledged at the broker is made sure of afterwards.
   */
  readonly run: (filled: Filled, handle: (body: Uint8Array) => void) => Effect.Effect<Elapsed, BaselineFailed>
}

export interface Consuming {
  /** Of its row: the client, then how it is used. */
  readonly name: string
  /** Package and version. */
  readonly client: string
  /** Connects until the scope closes. */
  readonly open: Effect.Effect<Reading, BaselineFailed, Scope.Scope>
}
