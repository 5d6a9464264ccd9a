/**
 * The revocations that core has not heard of yet, as a stream. The last one of each partition waits until core has heard
 * it, however late that is: it is what keeps core from starting what it still holds of that partition.
 */
import type { Revocation } from "@effect-eventbus/core/Broker"
import { Cause, Effect, Stream } from "effect"
import type { Waiters } from "./waiters.ts"

export class Revocations {
  #pending = new Map<number, Revocation>()
  #ended = false
  readonly #arrivals: Waiters

  constructor(arrivals: Waiters) {
    this.#arrivals = arrivals
  }

  add(revocation: Revocation): void {
    const before = this.#pending.get(revocation.partition)
    // Whoever fences the newer assignment has fenced the older one.
    const released = before === undefined
      ? revocation.released
      : Effect.andThen(before.released, revocation.released)
    this.#pending.set(revocation.partition, { ...revocation, released })
    this.#arrivals.wake()
  }

  end(): void {
    this.#ended = true
    this.#pending.clear()
    this.#arrivals.wake()
  }

  readonly #ready = (): boolean => this.#ended || this.#pending.size > 0

  readonly #pull: Effect.Effect<readonly [Revocation, ...Array<Revocation>], Cause.Done> = Effect.suspend(() => {
    if (!this.#ready()) return Effect.andThen(this.#arrivals.wait(this.#ready), this.#pull)
    const [first, ...rest] = this.#pending.values()
    this.#pending = new Map()
    return first === undefined ? Cause.done() : Effect.succeed([first, ...rest] as const)
  })

  readonly stream: Stream.Stream<Revocation> = Stream.fromPull(Effect.succeed(this.#pull))
}
