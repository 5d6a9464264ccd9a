/**
 * Numbers and durations of options, checked in one way for all of them; who asks says what an error is.
 */
import { Duration } from "effect"

export interface Checks {
  /** A whole number above 0. */
  readonly count: (option: string, value: number | undefined, otherwise: number) => number
  /** Milliseconds, from 0 to infinite. */
  readonly duration: (option: string, value: Duration.Input | undefined, otherwise: number) => number
  /** Milliseconds, from 0, finite. */
  readonly finite: (option: string, value: Duration.Input | undefined, otherwise: number) => number
  /** Milliseconds, above 0 and finite. */
  readonly positive: (option: string, value: Duration.Input | undefined, otherwise: number) => number
}

/** `failure` makes what is thrown. */
export const make = (failure: (option: string, message: string) => Error): Checks => {
  const millis = (
    option: string,
    value: Duration.Input | undefined,
    otherwise: number,
    holds: (millis: number) => boolean,
    wanted: string
  ): number => {
    if (value === undefined) return otherwise
    const out = Duration.toMillis(Duration.fromInputUnsafe(value))
    if (holds(out)) return out
    throw failure(option, `${option} must be a ${wanted}`)
  }
  return {
    count: (option, value, otherwise) => {
      if (value === undefined) return otherwise
      if (Number.isSafeInteger(value) && value > 0) return value
      throw failure(option, `${option} is ${value}; it must be a whole number above 0`)
    },
    duration: (option, value, otherwise) =>
      millis(option, value, otherwise, (out) => out >= 0, "duration, not below zero"),
    finite: (option, value, otherwise) =>
      millis(option, value, otherwise, (out) => out >= 0 && out < Infinity, "finite duration, not below zero"),
    positive: (option, value, otherwise) =>
      millis(option, value, otherwise, (out) => out > 0 && out < Infinity, "finite duration above zero")
  }
}
