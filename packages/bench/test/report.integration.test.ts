/**
 * The report as a reader has it: in Chromium, wide and narrow, light and dark.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { type BrowserContext, chromium, type Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { page as render } from "../src/report/page.ts"
import { hostile, report } from "./fixtures/report.ts"

const screenshots = path.resolve(import.meta.dirname, "../../../.reports/bench")
const place = mkdtempSync(path.join(tmpdir(), "bench-report-"))
const file = path.join(place, "bench.html")

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

interface Script {
  readonly chromium: (log: (line: string) => void) => string
}

let browser: BrowserContext

beforeAll(async () => {
  writeFileSync(file, render(report))
  mkdirSync(screenshots, { recursive: true })
  // A script in JavaScript, which the type checker of the packages does not read.
  const script: Script = await import(new URL("../../../scripts/chromium.mjs", import.meta.url).href)
  browser = await chromium.launchPersistentContext(path.join(place, "profile"), {
    executablePath: script.chromium((line) => process.stderr.write(`${line}\n`)),
    args: flags
  })
})

afterAll(async () => {
  await browser?.close()
  rmSync(place, { recursive: true, force: true })
})

const charts = [
  "throughput",
  "modes",
  "publish-to-ack",
  "end-to-end",
  "stages",
  "peers-nats-publishing",
  "peers-kafka-publishing",
  "knob-maxpending",
  "knob-batchsize",
  "knob-linger",
  "knob-partitions",
  "knob-headers",
  "knob-message-size",
  "memory"
]

/** What can be seen of a chart. */
const drawn = (page: Page, id: string) =>
  page.locator(`#${id} svg`).evaluateAll((all) =>
    all.flatMap((svg) => {
      const { height, width } = svg.getBoundingClientRect()
      if (width === 0 || height === 0) return []
      const texts = Array.from(svg.querySelectorAll("text"))
      const frame = svg.closest("figure")?.getBoundingClientRect()
      return [{
        paths: svg.querySelectorAll("path").length,
        texts: texts.length,
        // Of the words: whether any leaves its card.
        outside: texts.filter((text) => {
          const { left, right } = text.getBoundingClientRect()
          return frame === undefined || left < frame.left - 1 || right > frame.right + 1
        }).map((text) => text.textContent),
        smallest: Math.min(...texts.map((text) => text.getBoundingClientRect().height)),
        named: (svg.getAttribute("aria-labelledby") ?? "").split(" ").every((one) =>
          (document.getElementById(one)?.textContent ?? "") !== ""
        )
      }]
    })
  )

const colourOf = (page: Page, selector: string, property: "backgroundColor" | "color") =>
  page.locator(selector).first().evaluate((element, name) => getComputedStyle(element)[name], property)

/** WCAG's contrast of two `rgb(...)`. */
const contrast = (a: string, b: string): number => {
  const [high = 0, low = 0] = [a, b].map((text) => {
    const [red = 0, green = 0, blue = 0] = (text.match(/[\d.]+/g) ?? []).map((part) => {
      const share = Number(part) / 255
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }).toSorted((one, other) => other - one)
  return (high + 0.05) / (low + 0.05)
}

describe("the report in Chromium", () => {
  const views = [1280, 390].flatMap((width) =>
    (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme }))
  )

  it.each(views)("$width px, $colorScheme", async ({ colorScheme, width }) => {
    const page = await browser.newPage()
    try {
      const errors: Array<string> = []
      const requests: Array<string> = []
      page.on("pageerror", (error) => errors.push(String(error)))
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") errors.push(message.text())
      })
      page.on("request", (request) => requests.push(request.url()))
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme })
      await page.goto(pathToFileURL(file).href)

      assert.deepStrictEqual(errors, [])
      assert.deepStrictEqual(requests, [pathToFileURL(file).href], "it needs nothing but itself")
      assert.strictEqual(await page.locator("script").count(), 0)
      const room = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth
      ])
      assert.strictEqual(room[0], room[1], "it scrolls sideways")

      assert.strictEqual(await page.locator("figure.chart").count(), charts.length)
      for (const id of charts) {
        const [one, ...others] = await drawn(page, id)
        assert.isDefined(one, `${id} is not there`)
        assert.strictEqual(others.length, 0, `${id} is there twice`)
        assert.isAbove(one?.paths ?? 0, 3, `${id} has no shapes`)
        assert.isAbove(one?.texts ?? 0, 3, `${id} has no words`)
        assert.deepStrictEqual(one?.outside, [], `${id}: words outside of its card`)
        assert.isAbove(one?.smallest ?? 0, 8, `${id}: words too small to read`)
        assert.isTrue(one?.named, `${id} has no name for those who cannot see it`)
      }

      const [ink, ground] = [await colourOf(page, "body", "color"), await colourOf(page, "body", "backgroundColor")]
      assert.isAbove(contrast(ink, ground), 7)
      assert.isAbove(contrast(await colourOf(page, ".lead", "color"), ground), 4.5)
      assert.isAbove(contrast(await colourOf(page, ".hero", "color"), ground), 4.5)
      const [red = 0] = (ground.match(/\d+/g) ?? []).map(Number)
      assert.strictEqual(colorScheme === "dark", red < 128, `the page is ${ground}`)

      // Text all the way, however hard it tries.
      assert.include(await page.locator("body").innerText(), hostile)
      await page.screenshot({ path: path.join(screenshots, `report-${width}-${colorScheme}.png`), fullPage: true })
      // The tables behind the charts scroll by themselves.
      await page.locator("summary").evaluateAll((all) => {
        for (const summary of all) summary.closest("details")?.setAttribute("open", "")
      })
      const opened = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth
      ])
      assert.strictEqual(opened[0], opened[1], "with its tables open it scrolls sideways")
    } finally {
      await page.close()
    }
  })
})
