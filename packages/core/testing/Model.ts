/**
 * The model-based property: generated scripts of commands, run against the real bus over a real broker, and judged by a
 * small reference model. A script that fails is shrunk, and its seed is printed.
 *
 * ```ts
 * Model.run("nats", NatsBroker.layer({ servers }), { runs: 50, cut, mend })
 * ```
 *
 * Scripts publish events and batches, let members join and leave groups, crash consumers, make handlers fail, die and
 * hang, cut and mend the connection, restart everything, and let time go by. In the end all is healed, every group
 * catches up, and the history has to be one that the reference could have had: see `Checker` for what always holds, and
 * the model for what may be delivered when, and when again.
 *
 * @since 0.1.0
 */
import { Arbitrary, Cause, Effect, Exit, type Layer, Random, Schema } from "effect"
import type * as Broker from "../src/Broker.ts"
import * as inLab from "./internal/inLab.ts"
import { Command, CommandWithoutCut, format, type Script } from "./internal/model/command.ts"
import * as Machine from "./internal/model/machine.ts"
import type { Coverage } from "./internal/model/machine.ts"
import { vitest } from "./internal/vitest.ts"
import * as Subject from "./Subject.ts"

export {
  /**
   * What a script may do.
   *
   * @category models
   * @since 0.1.0
   */
  Command,
  /**
   * A script as somebody would write it.
   *
   * @category conversions
   * @since 0.1.0
   */
  format,
  /**
   * @category models
   * @since 0.1.0
   */
  type Script
} from "./internal/model/command.ts"
export {
  /**
   * How much of what happened, over one script or all of them.
   *
   * @category models
   * @since 0.1.0
   */
  type Coverage
} from "./internal/model/machine.ts"

/**
 * A script whose outcome the reference could not have had.
 *
 * @category errors
 * @since 0.1.0
 */
export class ModelViolation extends Schema.TaggedError<ModelViolation>("@effect-eventbus/core/testing/ModelViolation")(
  "ModelViolation",
  {
    message: Schema.String,
    /** The smallest script that was found. */
    script: Schema.Array(Command),
    seed: Schema.Union([Schema.String, Schema.Finite]),
    /** For `PropertyOptions.replay`. */
    replay: Schema.String
  }
) {}

/**
 * @category models
 * @since 0.1.0
 */
export interface PropertyOptions {
  /** Scripts. Default 100. */
  readonly runs?: number | undefined
  /** Default: a random one, which is printed where a script fails. */
  readonly seed?: string | number | undefined
  /** The token of a failure: runs that script again, as far as it was shrunk, and nothing else. */
  readonly replay?: string | undefined
  /** Most commands in a script. Default 40. */
  readonly maxCommands?: number | undefined
  /** Candidates that are tried while shrinking. Default 400. */
  readonly maxShrinks?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  readonly runs: number
  readonly seed: string | number
  /** What all scripts together have come to: a zero says that something was not tested. */
  readonly coverage: Coverage
}

/**
 * Runs one script. Fails with what is wrong.
 *
 * @category running
 * @since 0.1.0
 */
export const check = (script: Script, subject: Subject.Subject): Effect.Effect<Coverage, string> =>
  Effect.flatMap(inLab.run(subject, (lab) => Machine.run(lab, script)), (exit) => {
    if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
    const error = exit.cause.reasons.find(Cause.isFailReason)?.error
    return Effect.fail(error instanceof Error ? error.message : Cause.pretty(exit.cause))
  })

const nothing: Coverage = {
  issued: 0,
  unknown: 0,
  handled: 0,
  repeated: 0,
  deadLettered: 0,
  failed: 0,
  interrupted: 0,
  crashes: 0,
  cuts: 0,
  joins: 0,
  restarts: 0
}

const sum = (a: Coverage, b: Coverage): Coverage => ({
  issued: a.issued + b.issued,
  unknown: a.unknown + b.unknown,
  handled: a.handled + b.handled,
  repeated: a.repeated + b.repeated,
  deadLettered: a.deadLettered + b.deadLettered,
  failed: a.failed + b.failed,
  interrupted: a.interrupted + b.interrupted,
  crashes: a.crashes + b.crashes,
  cuts: a.cuts + b.cuts,
  joins: a.joins + b.joins,
  restarts: a.restarts + b.restarts
})

const scripts = (subject: Subject.Subject, maxLength: number): Arbitrary.Arbitrary<Script> =>
  subject.cut === undefined || subject.mend === undefined
    ? Arbitrary.array(Arbitrary.schema(CommandWithoutCut), { maxLength })
    : Arbitrary.array(Arbitrary.schema(Command), { maxLength })

/**
 * Runs generated scripts, one after the other. Fails with the smallest script that fails.
 *
 * @category running
 * @since 0.1.0
 */
export const property = Effect.fnUntraced(function*(
  subject: Subject.Subject,
  options: PropertyOptions = {}
): Effect.fn.Return<Summary, ModelViolation> {
  const seed = options.seed ?? (yield* Random.nextIntBetween(0, 0x7fff_ffff))
  const maxCommands = options.maxCommands ?? 40
  let coverage = nothing
  const result = yield* Arbitrary.checkEffect(
    scripts(subject, maxCommands),
    (script) =>
      Effect.map(check(script, subject), (more) => {
        coverage = sum(coverage, more)
        return true
      }),
    {
      runs: options.runs ?? 100,
      seed,
      size: maxCommands,
      maxShrinks: options.maxShrinks ?? 400,
      replay: options.replay
    }
  )
  switch (result._tag) {
    case "Passed":
      return { runs: result.runs, seed, coverage }
    case "Falsified": {
      const { failure, replay, runs, shrinks, shrunkInput } = result
      const why = failure._tag === "PropertyError" ? failure.error : "returned false"
      const text = [
        `${subject.name}: script ${runs} of seed ${JSON.stringify(seed)} fails; shrunk ${shrinks} times to`,
        format(shrunkInput),
        why,
        `replay: ${replay}`
      ]
      return yield* new ModelViolation({ message: text.join("\n"), script: shrunkInput, seed, replay })
    }
    case "Exhausted":
    case "ReplayMismatch": {
      const message = Arbitrary.formatCheckFailure(result) ?? result._tag
      return yield* new ModelViolation({ message, script: [], seed, replay: options.replay ?? "" })
    }
  }
})

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends Subject.Options, PropertyOptions {
  /** How long all scripts may take together, in milliseconds. Default 10 minutes. */
  readonly timeout?: number | undefined
  /** Gets what the scripts have come to. What it throws fails the test. */
  readonly summary?: ((summary: Summary) => void) | undefined
}

/**
 * Registers the property as a test with vitest.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (name: string, layer: Layer.Layer<Broker.Broker, unknown>, options: RunOptions = {}): void => {
  const { describe, test } = vitest()
  const runs = options.runs ?? 100
  describe(`model: ${name}`, () => {
    test(`${runs} generated scripts`, async () => {
      const summary = await Effect.runPromise(property(Subject.make(name, layer, options), options))
      options.summary?.(summary)
    }, options.timeout ?? 600_000)
  })
}
