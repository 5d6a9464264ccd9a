import { assert, describe, it } from "@effect/vitest"
import { type Figures, noCounts } from "../src/figures.ts"
import { page } from "../src/report.ts"

const figures: Figures = {
  suite: "core",
  machine: { cpu: "a CPU", cores: 2, memoryGb: 24, os: "an OS", load: 0.1 },
  versions: { node: "24.21.0", effect: "4.1.0", core: "0.0.0", commit: "abc" },
  rows: [
    { name: "one", messages: 1000, messagesPerSecond: { median: 250_000, min: 2e5, max: 3e5 }, ...noCounts },
    {
      name: "another",
      messages: 100_000,
      messagesPerSecond: { median: 50_000, min: 5e4, max: 5e4 },
      publishToAckMs: { p50: 0.1234, p90: 1, p95: 2, p99: 12.34, max: 100 },
      rssGrowthMb: 12.3,
      ...noCounts
    }
  ],
  ratios: {},
  sound: "Every round was read back.",
  checks: [{ name: "a check", ok: true, detail: "fine" }],
  targets: [{ name: "a target", ok: false, detail: "not yet" }]
}

describe("the page", () => {
  it("has aligned columns, and says what was missed", () => {
    const lines = page(figures).split("\n")
    const [one, another] = ["one", "another"].map((name) => lines.find((line) => line.trim().startsWith(name)) ?? "")
    assert.match(one ?? "", /1,000 +250,000 +200,000 to 300,000 +4,000$/)
    assert.match(another ?? "", /100,000 +50,000 +50,000 to 50,000 +20,000 +0\.12 +12\.3 +12 MB$/)
    assert.include(page(figures), "missed  a target: not yet")
  })
})
