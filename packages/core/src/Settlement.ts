/**
 * What becomes of a delivery, as a value that a handler returns.
 *
 * @since 0.1.0
 */
import { Duration } from "effect"

/**
 * Done: never deliver it to this group again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ack {
  readonly _tag: "Ack"
}

/**
 * Handle it again, in place: only its own aggregate waits, and order is kept. With `after` that long from now, without
 * it as the subscription's retry schedule says. Counts as an attempt, but never exhausts them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Retry {
  readonly _tag: "Retry"
  readonly after: Duration.Duration | undefined
}

/**
 * Store it in the group's dead letter topic, then acknowledge it.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeadLetter {
  readonly _tag: "DeadLetter"
  readonly reason: string
}

/**
 * Acknowledge it unhandled. Counted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Drop {
  readonly _tag: "Drop"
}

/**
 * @category models
 * @since 0.1.0
 */
export type Settlement = Ack | Retry | DeadLetter | Drop

/**
 * @category constructors
 * @since 0.1.0
 */
export const Ack: Ack = { _tag: "Ack" }

/**
 * @category constructors
 * @since 0.1.0
 */
export const Retry = (options?: { readonly after?: Duration.Input | undefined }): Retry => ({
  _tag: "Retry",
  after: options?.after === undefined ? undefined : Duration.fromInputUnsafe(options.after)
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const DeadLetter = (options: { readonly reason: string }): DeadLetter => ({
  _tag: "DeadLetter",
  reason: options.reason
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const Drop: Drop = { _tag: "Drop" }

/**
 * @category guards
 * @since 0.1.0
 */
export const isSettlement = (u: unknown): u is Settlement =>
  typeof u === "object" && u !== null && "_tag" in u
  && (u._tag === "Ack" || u._tag === "Retry" || u._tag === "DeadLetter" || u._tag === "Drop")
