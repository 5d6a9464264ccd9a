import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Model from "../../testing/Model.ts"
import { breakages, subject } from "./broken.ts"

const broken = (name: string) => {
  const breakage = breakages.find((known) => known.name === name)
  if (breakage === undefined) throw new Error(`there is no breakage "${name}"`)
  return subject(breakage)
}

const failing = (name: string, options?: Model.PropertyOptions) =>
  Effect.flip(Model.property(broken(name), { runs: 200, seed: 1, ...options }))

/** Caught by a generated script, and by a script of how many commands after shrinking. */
const caught: ReadonlyArray<readonly [name: string, most: number]> = [
  ["acknowledges without storing", 2],
  ["drops on a full queue", 3],
  ["loses the tail at close", 2],
  ["stores twice on every acknowledgement", 2],
  ["reorders within a partition", 2],
  ["reorders on retry", 5],
  ["acknowledges before handling", 4],
  ["commits past a gap", 6],
  ["acknowledges what it holds when it ends", 5],
  ["reorders what it delivers", 4],
  ["never delivers again", 5],
  ["reports each result twice", 2]
]

describe("Model", () => {
  for (const [name, most] of caught) {
    it.live(`catches a broker that ${name}, with at most ${most} commands`, () =>
      Effect.gen(function*() {
        const { message, script } = yield* failing(name)
        assert.isAtMost(script.length, most, message)
        assert.isAbove(script.length, 0)
      }), 60_000)
  }

  it.live("prints the script, the seed and a token that replays it", () =>
    Effect.gen(function*() {
      const first = yield* failing("commits past a gap")
      assert.match(first.message, /script \d+ of seed 1 fails; shrunk \d+ times to\n {2}[A-Z]/)
      assert.include(first.message, `replay: ${first.replay}`)
      const again = yield* failing("commits past a gap", { replay: first.replay, seed: 2 })
      assert.deepStrictEqual(again.script, first.script)
      const script = yield* Effect.flip(Model.check(first.script, broken("commits past a gap")))
      assert.match(script, /I9/)
    }), 60_000)

  it.live("a token that no longer fails is told", () =>
    Effect.gen(function*() {
      const { replay } = yield* failing("acknowledges without storing")
      const other = yield* failing("ignores heartbeats", { replay })
      assert.match(other.message, /replay failed/i)
    }), 60_000)
})
