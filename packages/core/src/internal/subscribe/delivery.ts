import { Effect } from "effect"
import type { Headers } from "../../Headers.ts"
import type { Settlement } from "../../Settlement.ts"
import type { Link } from "../chain.ts"
import type { Held } from "./held.ts"

/** Type id of the public `Delivery`. */
export const TypeId = "~@effect-eventbus/core/Delivery"

/** What a settlement of a delivery leads to, at once. */
export type Settle<A> = (held: Held<A>, settlement: Settlement) => Effect.Effect<void>

/**
 * One attempt at one held record: what a handler or a stream gets. A thin view, because there is one for each attempt.
 */
export class DeliveryImpl<A> {
  readonly [TypeId] = TypeId
  readonly attempt: number
  readonly group: string
  /** The first settlement; the others have no effect. */
  decision: Settlement | undefined = undefined
  /** Somebody has looked into it since it was handed out. */
  touched = false
  readonly #envelope: A
  readonly #held: Held<A>
  readonly #settle: Settle<A> | undefined

  constructor(held: Held<A>, envelope: A, group: string, settle: Settle<A> | undefined) {
    this.#held = held
    this.#settle = settle
    this.attempt = held.attempt
    this.#envelope = envelope
    this.group = group
  }

  get envelope(): A {
    this.touched = true
    return this.#envelope
  }
  get topic(): string {
    return this.#held.record.topic
  }
  get partition(): number {
    return this.#held.record.partition
  }
  get offset(): bigint {
    return this.#held.record.offset
  }
  get timestamp(): number {
    return this.#held.record.timestamp
  }
  get key(): string | undefined {
    return this.#held.record.key
  }
  get headers(): Headers {
    return this.#held.record.headers
  }
  get bytes(): Uint8Array {
    return this.#held.record.body
  }

  settle(settlement: Settlement): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.decision !== undefined) return Effect.void
      this.decision = settlement
      return this.#settle === undefined ? Effect.void : this.#settle(this.#held, settlement)
    })
  }
}

/** A delivery that a stream has and has not settled. */
export class Out<A> implements Link<Out<A>> {
  before: Out<A> | undefined = undefined
  after: Out<A> | undefined = undefined
  chained = false
  readonly held: Held<A>
  readonly delivery: DeliveryImpl<A>

  constructor(held: Held<A>, delivery: DeliveryImpl<A>) {
    this.held = held
    this.delivery = delivery
  }
}
