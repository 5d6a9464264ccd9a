import { assert, describe, it } from "@effect/vitest"
import { figuresOf } from "../src/report/figures.ts"
import { escaped, html } from "../src/report/markup.ts"
import type { Report } from "../src/report/model.ts"
import { duration, percent, rounded, short } from "../src/report/numbers.ts"
import { page } from "../src/report/page.ts"
import { terminal } from "../src/report/terminal.ts"
import { hostile, report } from "./fixtures/report.ts"

describe("markup", () => {
  it("escapes what is put into it, and not what is markup already", () => {
    assert.strictEqual(html`<b title="${"\"'"}">${"<&>"}</b>`.text, "<b title=\"&quot;&#39;\">&lt;&amp;&gt;</b>")
    assert.strictEqual(
      html`<p>${html`<i>${"<"}</i>`}${[html`<u>`, html`</u>`]}${undefined}</p>`.text,
      "<p><i>&lt;</i><u></u></p>"
    )
  })
})

describe("numbers", () => {
  it("never round a loss away", () => {
    assert.strictEqual(percent(1), "100 %")
    assert.strictEqual(percent(999_999 / 1_000_000), "99.9999 %")
    assert.strictEqual(percent(0.99999999), "99.9999 %")
  })

  it("have as many digits as mean something", () => {
    assert.deepStrictEqual([rounded(153_274), rounded(999), rounded(0)], ["153,000", "999", "0"])
    assert.deepStrictEqual([short(0), short(1500), short(1_250_000)], ["0", "1.5 k", "1.25 M"])
    assert.deepStrictEqual([duration(0.0214), duration(1.234), duration(12.34), duration(12_345)], [
      "21 µs",
      "1.23 ms",
      "12.3 ms",
      "12.3 s"
    ])
  })
})

describe("the page", () => {
  const text = page(report)

  it("takes no name for markup, in its charts neither", () => {
    assert.notInclude(text, "<script")
    assert.include(text, escaped(hostile))
    assert.notMatch(text, /\son\w+="/)
  })

  it("needs nothing from elsewhere", () => {
    const addresses = Array.from(
      text.matchAll(/(?:href|src|url\()\s*=?\s*["'(]?([^"')\s>]+)/g),
      ([, address]) => address
    )
    for (const address of addresses) assert.match(address ?? "", /^#|^http:\/\/www\.w3\.org\//)
  })

  it("has the colours of both schemes, and no stand-in left", () => {
    assert.include(text, "prefers-color-scheme:dark")
    assert.notMatch(text, /f00d/i)
    assert.include(text, "var(--broker-kafka)")
  })

  it("has each id once", () => {
    const ids = Array.from(text.matchAll(/\sid="([^"]+)"/g), ([, id]) => id)
    assert.deepStrictEqual(ids.filter((id, i) => ids.indexOf(id) !== i), [])
  })

  it("says of a cell without a figure that it has none", () => {
    const cells = (report.compare?.cells ?? []).map((cell, i) =>
      i === 0
        ? {
          _tag: "Refused" as const,
          broker: cell.broker,
          level: cell.level,
          messages: cell.messages,
          mode: cell.mode,
          problem: "in the broker: 1 of 500 missing"
        }
        : cell
    )
    const refused: Report = { ...report, compare: { cells, discarded: [] } }
    assert.include(
      page(refused),
      "No figure for 1 of the measurements: Memory, Low, awaited: in the broker: 1 of 500 missing"
    )
    assert.include(terminal(refused), "no figure for Low, Memory, each ack awaited: in the broker: 1 of 500 missing")
  })

  it.each(["compare", "stages", "peers", "knobs"] as const)("can be made of %s alone", (suite) => {
    const alone: Report = {
      ...report,
      compare: undefined,
      stages: undefined,
      peers: undefined,
      knobs: undefined,
      [suite]: report[suite]
    }
    assert.include(page(alone), "<figure class=\"chart\"")
    assert.include(terminal(alone), "aims")
  })
})

describe("the terminal", () => {
  it("has a line for each cell, load, peer and aim", () => {
    const text = terminal(report)
    assert.match(text, /Extreme +Kafka +async window +[\d,]+ +[\d,]+ to [\d,]+ +[\d,]+ +100 % +0 +0 +0/)
    assert.include(text, "publishAsync (ours)")
    assert.match(text, /ok\+ +NATS: ours \/ the same bytes over a raw own-inbox loop: 1\.06 x/)
  })
})

describe("the object of --json", () => {
  it("has rows and ratios as every suite's, and no hole", () => {
    const figures = figuresOf(report, "bench")
    assert.strictEqual(figures.rows.length, 72 + 10 + 60)
    assert.notMatch(JSON.stringify({ ...figures, stages: undefined }), /null|NaN/)
    assert.approximately(
      figures.ratios["NATS, publishing: effect-eventbus, publishAsync/js.publish, 256 in flight"]?.median ?? 0,
      4.295,
      0.01
    )
  })
})
