/**
 * Waiting: in real time where the broker lives there, else by moving the `TestClock`.
 */
import { Clock, Duration, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Options } from "../Subject.ts"

export class LawViolation extends Schema.TaggedError<LawViolation>("@effect-eventbus/core/testing/LawViolation")(
  "LawViolation",
  { message: Schema.String, cause: Schema.optionalKey(Schema.Defect()) }
) {}

export const violated = (message: string, cause?: unknown): LawViolation =>
  new LawViolation({ message, ...(cause === undefined ? undefined : { cause }) })

export interface Time {
  readonly await: <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LawViolation, R>
  readonly until: (what: string | (() => string), condition: () => boolean) => Effect.Effect<void, LawViolation>
  readonly eventually: <E, R>(
    what: string,
    condition: Effect.Effect<boolean, E, R>
  ) => Effect.Effect<void, E | LawViolation, R>
  readonly pass: (duration: Duration.Input) => Effect.Effect<void>
  readonly quiet: Effect.Effect<void>
}

/** Turns of the scheduler that are given before a `TestClock` is moved. */
const turns = 24

const millisOf = (input: Duration.Input | undefined, otherwise: Duration.Input): number =>
  Duration.toMillis(Duration.fromInputUnsafe(input ?? otherwise))

export const make = (options: Pick<Options, "time" | "patience" | "quiet">): Time => {
  const test = options.time === "test"
  const patience = millisOf(options.patience, test ? "10 minutes" : "30 seconds")
  const quiet = millisOf(options.quiet, test ? "5 seconds" : "300 millis")
  const pass = (duration: Duration.Input) => test ? TestClock.adjust(duration) : Effect.sleep(duration)

  const until = Effect.fnUntraced(function*(what: string | (() => string), condition: () => boolean) {
    if (condition()) return
    if (test) {
      for (let turn = 0; turn < turns; turn++) {
        yield* Effect.yieldNow
        if (condition()) return
      }
    }
    const begin = yield* Clock.currentTimeMillis
    for (let millis = 1;; millis = Math.min(Math.ceil(millis * 1.5), 100)) {
      yield* pass(millis)
      if (condition()) return
      if ((yield* Clock.currentTimeMillis) - begin > patience) {
        return yield* violated(`waited ${patience} ms in vain: ${typeof what === "string" ? what : what()}`)
      }
    }
  })

  const awaiting: Time["await"] = (what, effect) =>
    Effect.flatMap(
      Effect.forkChild(effect, { startImmediately: true }),
      (fiber) => Effect.andThen(until(what, () => fiber.pollUnsafe() !== undefined), Fiber.join(fiber))
    )

  const eventually: Time["eventually"] = Effect.fnUntraced(function*(what, condition) {
    const begin = yield* Clock.currentTimeMillis
    while (!(yield* awaiting(what, condition))) {
      yield* pass(20)
      if ((yield* Clock.currentTimeMillis) - begin > patience) {
        return yield* violated(`waited ${patience} ms in vain: ${what}`)
      }
    }
  })

  return { await: awaiting, until, eventually, pass, quiet: pass(quiet) }
}
