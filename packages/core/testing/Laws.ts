/**
 * The laws that every broker has to pass: what "the same semantics" means.
 *
 * ```ts
 * // nats.integration.test.ts
 * Laws.run("nats, file storage", NatsBroker.layer({ servers }), { topic: { storage: "file" }, cut, mend })
 * ```
 *
 * Each law works with topics and groups of its own, and with buses that it opens, closes and crashes over the layer. A
 * law that asks for more than the broker claims, or than the subject can do to it, is reported as skipped, with what is
 * missing. Laws are values: list them, check one, add some of your own.
 *
 * @since 0.1.0
 */
import { Clock, Effect, Exit, type Layer } from "effect"
import type * as Broker from "../src/Broker.ts"
import * as inLab from "./internal/inLab.ts"
import { vitest } from "./internal/vitest.ts"
import * as Lab from "./Lab.ts"
import type { Law } from "./Law.ts"
import { acknowledging } from "./laws/acknowledging.ts"
import { batches } from "./laws/batches.ts"
import { deadLettering } from "./laws/deadLettering.ts"
import { driving } from "./laws/driving.ts"
import { faults } from "./laws/faults.ts"
import { groups } from "./laws/groups.ts"
import { ordering } from "./laws/ordering.ts"
import { publishing } from "./laws/publishing.ts"
import { reading } from "./laws/reading.ts"
import { streams } from "./laws/streams.ts"
import { topics } from "./laws/topics.ts"
import { windows } from "./laws/windows.ts"
import * as Subject from "./Subject.ts"

/**
 * Every law, in the order of the table in `docs/laws.md`.
 *
 * @category laws
 * @since 0.1.0
 */
export const all: ReadonlyArray<Law> = [
  ...publishing,
  ...batches,
  ...windows,
  ...ordering,
  ...groups,
  ...acknowledging,
  ...deadLettering,
  ...reading,
  ...streams,
  ...topics,
  ...faults,
  ...driving
]

/**
 * Finds a law by its name. Throws where there is none.
 *
 * @category laws
 * @since 0.1.0
 */
export const named = (name: string): Law => {
  const law = all.find((known) => known.name === name)
  if (law === undefined) throw new Error(`there is no law "${name}"`)
  return law
}

// --- verdicts ---------------------------------------------------------------------------------------------------------

/**
 * What came of a law.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "Passed"; readonly law: Law }
  | { readonly _tag: "Violated"; readonly law: Law; readonly violation: Lab.LawViolation }
  | { readonly _tag: "Skipped"; readonly law: Law; readonly missing: ReadonlyArray<Subject.Need> }

type Outcome = Exit.Exit<ReadonlyArray<Subject.Need>, Lab.LawViolation>

/**
 * Checks one law.
 *
 * @category running
 * @since 0.1.0
 */
export const check = (law: Law, subject: Subject.Subject): Effect.Effect<Verdict> =>
  Effect.map(
    inLab.run(subject, (lab) => {
      const missing = Subject.missing(subject, lab.capabilities, law.needs)
      return missing.length > 0
        ? Effect.succeed(missing)
        : Effect.as(Effect.provideService(law.check, Lab.Lab, lab), [])
    }),
    (outcome) => verdictOf(law, outcome)
  )

const verdictOf = (law: Law, outcome: Outcome): Verdict => {
  if (Exit.isSuccess(outcome)) {
    return outcome.value.length === 0 ? { _tag: "Passed", law } : { _tag: "Skipped", law, missing: outcome.value }
  }
  const violation = Exit.findErrorOption(outcome)
  return {
    _tag: "Violated",
    law,
    violation: violation._tag === "Some" ? violation.value : Lab.violated(String(outcome.cause), outcome.cause)
  }
}

/**
 * Checks laws one after the other.
 *
 * @category running
 * @since 0.1.0
 */
export const checkAll = (
  subject: Subject.Subject,
  laws: ReadonlyArray<Law> = all
): Effect.Effect<ReadonlyArray<Verdict>> => Effect.forEach(laws, (law) => check(law, subject))

// --- reports ----------------------------------------------------------------------------------------------------------

/**
 * The verdicts of a run, as JSON holds them: what `docs/laws.md` is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly subject: string
  /** When the run ended, in milliseconds since 1970. */
  readonly at: number
  readonly laws: ReadonlyArray<{
    readonly name: string
    readonly theme: string
    readonly statement: string
    readonly needs: ReadonlyArray<Subject.Need>
    readonly verdict: "passed" | "violated" | "skipped"
    readonly missing: ReadonlyArray<Subject.Need>
    readonly violation: string | undefined
  }>
}

/**
 * @category conversions
 * @since 0.1.0
 */
export const report = (subject: string, verdicts: ReadonlyArray<Verdict>, at: number): Report => ({
  subject,
  at,
  laws: verdicts.map((verdict) => ({
    name: verdict.law.name,
    theme: verdict.law.theme,
    statement: verdict.law.statement,
    needs: verdict.law.needs,
    verdict: ({ Passed: "passed", Violated: "violated", Skipped: "skipped" } as const)[verdict._tag],
    missing: verdict._tag === "Skipped" ? verdict.missing : [],
    violation: verdict._tag === "Violated" ? verdict.violation.message : undefined
  }))
})

/**
 * The needs of a skipped law, in words.
 *
 * @category conversions
 * @since 0.1.0
 */
export const missingText = (missing: ReadonlyArray<Subject.Need>): string => `needs ${missing.join(", ")}`

// --- vitest -----------------------------------------------------------------------------------------------------------

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends Subject.Options {
  /** Default {@link all}. */
  readonly laws?: ReadonlyArray<Law> | undefined
  /** Gets the verdicts when all are there. */
  readonly report?: ((report: Report) => void | Promise<void>) | undefined
}

/**
 * Registers a test for each law with vitest. `layer` connects a client: it is built once for each bus, and what it
 * stores has to outlive it.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (name: string, layer: Layer.Layer<Broker.Broker, unknown>, options: RunOptions = {}): void => {
  const subject = Subject.make(name, layer, options)
  const { afterAll, describe, test } = vitest()
  const verdicts: Array<Verdict> = []
  describe(`laws: ${name}`, () => {
    for (const law of options.laws ?? all) {
      test(law.name, async (context) => {
        const verdict = await Effect.runPromise(check(law, subject))
        verdicts.push(verdict)
        if (verdict._tag === "Skipped") context.skip(missingText(verdict.missing))
        if (verdict._tag === "Violated") throw verdict.violation
      }, inLab.limitOf(subject) + 5000)
    }
    afterAll(async () => {
      const at = await Effect.runPromise(Clock.currentTimeMillis)
      await options.report?.(report(name, verdicts, at))
    })
  })
}
