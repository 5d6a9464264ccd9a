/**
 * What a script may do.
 */
import { Schema } from "effect"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const key = between(0, 2)
const group = between(0, 1)

/** Publishes some events of one aggregate, without waiting for them. */
export const Publish = Schema.TaggedStruct("Publish", { key, count: between(1, 4) })

/** Publishes one event of each of these aggregates, as a batch. */
export const PublishBatch = Schema.TaggedStruct("PublishBatch", {
  keys: Schema.Array(key).check(Schema.isBetweenLength(1, 6))
})

/** A member joins a group, at most three. */
export const Subscribe = Schema.TaggedStruct("Subscribe", { group, concurrency: Schema.Literals([1, 4]) })

/** The oldest member of a group ends gracefully. */
export const Leave = Schema.TaggedStruct("Leave", { group })

/** The oldest member of a group crashes. */
export const Crash = Schema.TaggedStruct("Crash", { group })

/** The next handlings of an aggregate, in one group, fail, die or hang. */
export const Misbehave = Schema.TaggedStruct("Misbehave", {
  group,
  key,
  how: Schema.Literals(["fail", "die", "hang"]),
  times: between(1, 4)
})

/** Everything ends gracefully and is started again, the broker too where it can be. */
export const Restart = Schema.TaggedStruct("Restart", {})

/** The connection is lost, until `Mend` or something that needs it: a bus that is opened meanwhile waits for it. */
export const Cut = Schema.TaggedStruct("Cut", {})

export const Mend = Schema.TaggedStruct("Mend", {})

/** Time goes by. */
export const Advance = Schema.TaggedStruct("Advance", {
  millis: Schema.Union([between(1, 20), between(100, 2000), between(10_000, 40_000)])
})

/** What is used most comes more than once. */
const always = [
  Publish,
  Publish,
  Publish,
  PublishBatch,
  Subscribe,
  Subscribe,
  Leave,
  Crash,
  Misbehave,
  Misbehave,
  Misbehave,
  Restart,
  Advance,
  Advance,
  Advance
] as const

export const Command = Schema.Union([...always, Cut, Mend])

/** For a subject whose connection cannot be cut. */
export const CommandWithoutCut = Schema.Union([...always])

export type Command = typeof Command.Type

export type Script = ReadonlyArray<Command>

/** A script as somebody would write it. */
export const format = (script: Script): string =>
  script.map(({ _tag, ...rest }) => {
    const fields = Object.entries(rest).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    return fields.length === 0 ? `  ${_tag}` : `  ${_tag} { ${fields.join(", ")} }`
  }).join("\n")
