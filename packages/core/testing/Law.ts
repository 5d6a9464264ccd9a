/**
 * One law: a sentence about what every broker does, and the check of it.
 *
 * @since 0.1.0
 */
import { Cause, Effect } from "effect"
import { type Lab, LawViolation, violated } from "./Lab.ts"
import type * as Subject from "./Subject.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Law {
  /** Unique, and what it is called in reports. */
  readonly name: string
  readonly theme: string
  /** What it says, in a sentence. */
  readonly statement: string
  /** What it cannot be checked without. */
  readonly needs: ReadonlyArray<Subject.Need>
  readonly check: Effect.Effect<void, LawViolation, Lab>
}

/**
 * A law that is checked by an effect: it holds unless that fails or dies.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly name: string
  readonly theme: string
  readonly statement: string
  readonly needs?: ReadonlyArray<Subject.Need> | undefined
  readonly check: Effect.Effect<void, unknown, Lab>
}): Law => ({
  ...options,
  needs: options.needs ?? [],
  check: Effect.catchCause(options.check, (cause) => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
    const error = cause.reasons.find(Cause.isFailReason)?.error
    return Effect.fail(error instanceof LawViolation ? error : violated(Cause.pretty(cause), Cause.squash(cause)))
  })
})
