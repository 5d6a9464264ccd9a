import { assert, describe, it } from "vitest"
import { columns, render } from "../laws.mjs"

const law = (name: string, verdict: string, missing: Array<string> = []) => ({
  name,
  theme: "Order",
  statement: "It holds | always.",
  needs: missing,
  verdict,
  missing
})

const reports = [
  { subject: "nats, window", at: 2, laws: [law("one", "passed"), law("two", "skipped", ["cut"])] },
  { subject: "memory", at: 1, laws: [law("one", "violated")] }
]

describe("the table of laws", () => {
  it("has a column for each broker, memory first, and says what was not run, skipped and violated", () => {
    const text = render(reports)
    assert.include(text, "| memory | 0 | 0 | 1 |\n| nats, window | 1 | 1 | 0 |\n")
    assert.include(text, "| **one**<br>It holds \\| always. | **violated** | pass |")
    assert.include(text, "| **two**<br>It holds \\| always. | not run | skipped: needs `cut` |")
  })

  it("tells its own columns", () => {
    assert.deepStrictEqual(columns(render(reports)), ["memory", "nats, window"])
    assert.deepStrictEqual(columns(""), [])
  })
})
