import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { line, Progress } from "../src/progress.ts"

describe("the line of the progress bar", () => {
  it("says how far it is, how long it was and will be", () => {
    assert.strictEqual(
      line({ share: 0.25, elapsedMillis: 60_000, what: "compare: Low" }, 200),
      `${"█".repeat(6)}${"░".repeat(18)}  25 %  1:00  3:00 left  compare: Low`
    )
  })

  it("guesses nothing at the beginning, and fits", () => {
    assert.notInclude(line({ share: 0.01, elapsedMillis: 500, what: "x" }, 200), "left")
    assert.isBelow(line({ share: 2, elapsedMillis: 1e7, what: "y".repeat(300) }, 80).length, 80)
  })
})

describe("progress", () => {
  const written = (isTTY: boolean) => {
    const lines: Array<string> = []
    const progress = new Progress(4, { isTTY, columns: 100, write: (text) => lines.push(text) })
    const step = (chapter: string, what: string) => progress.step({ chapter, what, weight: 1 }, Effect.void)
    return Effect.as(
      progress.during(
        Effect.all([step("a", "1"), step("a", "2"), progress.say("something"), step("b", "3")], { discard: true })
      ),
      lines
    )
  }

  it.effect("is a line for each chapter where there is no terminal", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* written(false), ["0:00 0 % a\n", "something\n", "0:00 50 % b\n"])
    }))

  it.effect("is a bar on a terminal, which is gone in the end", () =>
    Effect.gen(function*() {
      const lines = yield* written(true)
      assert.isTrue(lines.some((text) => text.includes("  50 %") && text.includes("b: 3")))
      assert.strictEqual(lines.at(-1), "\r\x1b[K")
    }))
})
