import { Cause, type Schedule, Schema } from "effect"

/** What a subscription does with what does not succeed. */
export interface Policy {
  readonly retry: Schedule.Schedule<unknown, unknown>
  readonly onExhausted: "deadLetter" | "halt" | "drop"
  readonly onUnknown: "deadLetter" | "halt" | "drop"
  readonly handlerTimeoutMillis: number | undefined
}

const isFinal = (error: unknown): boolean =>
  Schema.isSchemaError(error)
  || typeof error === "object" && error !== null && "isRetryable" in error && error.isRetryable === false

/**
 * Whether another try cannot help: a `SchemaError`, or an error that says `isRetryable: false`, as a failure or a defect.
 */
export const neverRetries = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some((reason) =>
    Cause.isFailReason(reason) ? isFinal(reason.error) : Cause.isDieReason(reason) && isFinal(reason.defect)
  )
