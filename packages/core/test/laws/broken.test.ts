import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Laws from "../../testing/Laws.ts"
import { breakages, sound, subject } from "./broken.ts"

describe("a broken broker is caught", () => {
  for (const breakage of breakages) {
    it.live(breakage.name, () =>
      Effect.gen(function*() {
        const laws = Object.entries(breakage.caughtBy)
        assert.isNotEmpty(laws)
        for (const [name, reason] of laws) {
          const verdict = yield* Laws.check(Laws.named(name), subject(breakage))
          if (verdict._tag !== "Violated") return assert.fail(`"${name}" was ${verdict._tag}`)
          assert.match(verdict.violation.message, reason, name)
        }
      }), 60_000)
  }

  it("in at least 12 different ways", () => {
    assert.isAtLeast(new Set(breakages.map(({ name }) => name)).size, 12)
  })
})

describe("and a sound wrapper is not", () => {
  for (const law of Laws.all) {
    it.live(law.name, () =>
      Effect.gen(function*() {
        const verdict = yield* Laws.check(law, subject(sound))
        if (verdict._tag === "Violated") throw verdict.violation
        assert.strictEqual(verdict._tag, "Passed")
      }), 60_000)
  }
})
