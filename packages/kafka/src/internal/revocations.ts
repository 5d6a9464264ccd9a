/**
 * The revocations that core has not heard of yet, as a stream. At most one per partition waits.
 */
import type { Revocation } from "@effect-eventbus/core/Broker"
import { Cause, Effect, Stream } from "effect"
import type { Waiters } from "./waiters.ts"

export class Revocations {
  #pending: Array<Revocation> = []
  #ended = false
  readonly #arrivals: Waiters

  constructor(arrivals: Waiters) {
    this.#arrivals = arrivals
  }

  add(revocation: Revocation): void {
    this.#pending.push(revocation)
    this.#arrivals.wake()
  }

  /** What was not read in time is over. */
  clear(): void {
    this.#pending = []
  }

  end(): void {
    this.#ended = true
    this.#pending = []
    this.#arrivals.wake()
  }

  readonly #ready = (): boolean => this.#ended || this.#pending.length > 0

  readonly #pull: Effect.Effect<readonly [Revocation, ...Array<Revocation>], Cause.Done> = Effect.suspend(() => {
    if (!this.#ready()) return Effect.andThen(this.#arrivals.wait(this.#ready), this.#pull)
    const [first, ...rest] = this.#pending
    this.#pending = []
    return first === undefined ? Cause.done() : Effect.succeed([first, ...rest] as const)
  })

  readonly stream: Stream.Stream<Revocation> = Stream.fromPull(Effect.succeed(this.#pull))
}
