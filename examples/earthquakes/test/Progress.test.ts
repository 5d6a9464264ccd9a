import { assert, describe, it } from "@effect/vitest"
import { bar, line } from "../src/Progress.ts"
import { fit, millis, styleOf } from "../src/Style.ts"

const terminal = (hasColors: boolean) => ({ isTTY: true, hasColors: () => hasColors, columns: 80 })

describe("the bar", () => {
  const style = styleOf({}, {})

  it.each([0, 1, 8_500, 17_069, 17_070])("of %d fits into any terminal", (done) => {
    for (const columns of [1, 10, 40, 60, 80, 200]) {
      assert.isBelow(bar({ done, total: 17_070, speed: 1e5 }, style, columns).length, columns + 1)
    }
  })

  it("is full at the end and not before", () => {
    assert.notInclude(bar({ done: 10, total: 10, speed: undefined }, style, 80), "░")
    assert.include(bar({ done: 9_999, total: 10_000, speed: undefined }, style, 80), "░")
  })

  it("of nothing is full", () => {
    assert.include(bar({ done: 0, total: 0, speed: undefined }, style, 80), "100%")
  })

  it("is a line elsewhere", () => {
    assert.strictEqual(
      line({ done: 500, total: 2000, speed: 100 }),
      "500 of 2,000 handled (25%)  100/s, 15 s left"
    )
  })
})

describe("style", () => {
  it("has colours on a terminal that has them, and not where the user or the stream says no", () => {
    const coloured = (stream: Parameters<typeof styleOf>[0], env: NodeJS.ProcessEnv) =>
      styleOf(stream, env).bold("x") !== "x"
    assert.isTrue(coloured(terminal(true), {}))
    assert.isTrue(coloured(terminal(true), { NO_COLOR: "" }))
    assert.isFalse(coloured(terminal(true), { NO_COLOR: "1" }))
    assert.isFalse(coloured(terminal(true), { TERM: "dumb" }))
    assert.isFalse(coloured(terminal(false), {}))
    assert.isFalse(coloured({}, {}))
  })

  it("is ASCII on a terminal that has nothing else", () => {
    assert.notMatch(
      bar({ done: 1, total: 2, speed: undefined }, styleOf(terminal(true), { TERM: "dumb" }), 80),
      /[^ -~]/
    )
  })

  it("writes durations with the digits that matter", () => {
    assert.deepStrictEqual([0.1234, 12.34, 123.4, 12_345].map(millis), ["0.12 ms", "12.3 ms", "123 ms", "12.3 s"])
  })

  it("cuts what is too long", () => {
    assert.strictEqual(fit("Southern California", 10), "Southern …")
  })
})
