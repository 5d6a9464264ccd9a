import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import { command, planted } from "./fixtures/command.ts"
import { catalogueFile } from "./fixtures/quakes.ts"

interface Printed {
  readonly in: number
  readonly rejected: number
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  readonly handled: { readonly tally: number; readonly alerts: number }
  readonly alerts: number
  readonly orderViolations: number
  readonly messagesPerSecond: number
  readonly publishToAckMs: { readonly p50: number; readonly p90: number; readonly p99: number }
  readonly endToEndMs: { readonly p50: number; readonly p90: number; readonly p99: number }
  readonly tally: Readonly<Record<string, { count: number; maxMagnitude: number; meanDepthKm: number }>>
}

// What the program prints; the tests below find out whether it is of that shape.
const parsed = (stdout: string): Printed => JSON.parse(stdout) as Printed

interface Line {
  readonly id: string
  readonly network: string
  readonly magnitude: number
  readonly depthKm: number
}

const lines = readFileSync(catalogueFile, "utf8").trim().split("\n")
const quakes = lines.map((line) => JSON.parse(line) as Line)

const inFile = (text: string): string => {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), "earthquakes-")), "quakes.ndjson")
  writeFileSync(file, text)
  return file
}

describe("--json", () => {
  it("prints one object of the promised shape, equal to the file, and nothing else", { timeout: 20_000 }, async () => {
    const { code, stdout } = await command(["--json"])
    assert.strictEqual(code, 0)
    assert.strictEqual(stdout.trim().split("\n").length, 1)
    const printed = parsed(stdout)
    assert.deepStrictEqual(Object.keys(printed), [
      "in",
      "rejected",
      "acked",
      "failed",
      "unknown",
      "handled",
      "alerts",
      "orderViolations",
      "messagesPerSecond",
      "publishToAckMs",
      "endToEndMs",
      "tally"
    ])
    const { alerts, endToEndMs, messagesPerSecond, publishToAckMs, tally, ...counts } = printed
    assert.deepStrictEqual(counts, {
      in: 1707,
      rejected: 0,
      acked: 1707,
      failed: 0,
      unknown: 0,
      handled: { tally: 1707, alerts: 1707 },
      orderViolations: 0
    })
    assert.strictEqual(alerts, quakes.filter(({ magnitude }) => magnitude >= 4.5).length)
    assert.isAbove(messagesPerSecond, 0)
    for (const { p50, p90, p99 } of [publishToAckMs, endToEndMs]) assert.isTrue(0 < p50 && p50 <= p90 && p90 <= p99)

    assert.deepStrictEqual(Object.keys(tally), [...new Set(quakes.map(({ network }) => network))].toSorted())
    for (const [network, row] of Object.entries(tally)) {
      const own = quakes.filter((quake) => quake.network === network)
      assert.strictEqual(row.count, own.length)
      assert.strictEqual(row.maxMagnitude, Math.max(...own.map(({ magnitude }) => magnitude)))
      assert.closeTo(row.meanDepthKm, own.reduce((sum, { depthKm }) => sum + depthKm, 0) / own.length, 1e-9)
    }
  })

  it("takes a file many times: each repeat is new events", { timeout: 20_000 }, async () => {
    const { code, stdout } = await command(["--json", "--repeat", "7"])
    assert.strictEqual(code, 0)
    const { alerts, handled, tally, ...counts } = parsed(stdout)
    assert.strictEqual(counts.in, 7 * 1707)
    assert.strictEqual(counts.acked, 7 * 1707)
    assert.deepStrictEqual(handled, { tally: 7 * 1707, alerts: 7 * 1707 })
    assert.strictEqual(alerts, 7 * 85)
    assert.strictEqual(tally.us?.count, 7 * 168)
  })
})

describe("--input", () => {
  it("reports a bad line, counts it, and goes on", { timeout: 20_000 }, async () => {
    const wrong = [
      "not json",
      JSON.stringify({ ...quakes[0], id: "x1", magnitude: "big" }),
      JSON.stringify({ ...quakes[0], id: "x2", network: undefined })
    ]
    const file = inFile([...lines.slice(0, 20), "", ...wrong, ...lines.slice(20, 40)].join("\n"))
    const { code, stderr, stdout } = await command(["--json", "--input", file])
    assert.strictEqual(code, 0)
    assert.include(stderr, "line 22 rejected: not JSON")
    assert.include(stderr, "line 23 rejected: magnitude: Expected number, got \"big\"")
    assert.include(stderr, "line 24 rejected: network: Missing key")
    const { acked, in: taken, rejected } = parsed(stdout)
    assert.deepStrictEqual({ acked, taken, rejected }, { acked: 40, taken: 40, rejected: 3 })
  })

  it("handles an id that comes twice once", { timeout: 20_000 }, async () => {
    const { code, stdout } = await command([
      "--json",
      "--input",
      inFile([...lines.slice(0, 50), ...lines.slice(0, 50)].join("\n"))
    ])
    assert.strictEqual(code, 0)
    const { acked, handled, in: taken } = parsed(stdout)
    assert.deepStrictEqual({ acked, taken, handled }, { acked: 100, taken: 100, handled: { tally: 50, alerts: 50 } })
  })

  it("takes an empty file for what it is", { timeout: 20_000 }, async () => {
    const { code, stdout } = await command(["--input", inFile("")])
    assert.strictEqual(code, 0)
    assert.include(stdout, "0 earthquakes")
  })

  it("that is not there ends with a word and exit code 1", { timeout: 20_000 }, async () => {
    const { code, stderr, stdout } = await command(["--json", "--input", "/nowhere/quakes.ndjson"])
    assert.strictEqual(code, 1)
    assert.strictEqual(stdout, "")
    assert.include(stderr, "cannot read /nowhere/quakes.ndjson: there is no such file")
  })
})

describe("the page", () => {
  it(
    "fits into 80 columns, has no colour where there is no terminal, and says that all is well",
    { timeout: 20_000 },
    async () => {
      const { code, stderr, stdout } = await command([])
      assert.strictEqual(code, 0)
      assert.notInclude(stdout + stderr, "\x1b")
      assert.isBelow(Math.max(...stdout.split("\n").map((line) => line.length)), 80)
      assert.include(stdout, "Equal to a direct computation over the file: all 12 networks, 85 alerts.")
      assert.include(stderr, "1,707 of 1,707 handled (100%)")
    }
  )

  it("says what is wrong, and the exit code is 1", { timeout: 20_000 }, async () => {
    const { code, stdout } = await command([], { entry: planted })
    assert.strictEqual(code, 1)
    assert.include(stdout, "network hv: count is 45, not 46")
    assert.notInclude(stdout, "Equal to")
  })

  it("goes to standard error, the problems alone, beside --json", { timeout: 20_000 }, async () => {
    const { code, stderr, stdout } = await command(["--json"], { entry: planted })
    assert.strictEqual(code, 1)
    assert.strictEqual(parsed(stdout).tally.hv?.count, 45)
    assert.include(stderr, "network hv: count is 45, not 46")
  })
})

describe("what it does not understand", () => {
  it.each(
    [
      [["--broker", "amqp://localhost"], "memory:"],
      [["--repeat", "0"], "1 to 1,000,000"]
    ] as const
  )("%j is an error", { timeout: 20_000 }, async (args, words) => {
    const { code, stderr, stdout } = await command(args)
    assert.strictEqual(code, 1)
    assert.strictEqual(stdout, "")
    assert.include(stderr, words)
  })
})

describe("a signal", () => {
  it.each(
    [
      ["SIGINT", 1],
      ["SIGINT", 2],
      ["SIGTERM", 1]
    ] as const
  )("%s, %d times, drains and reports within 5 seconds", { timeout: 30_000 }, async (name, times) => {
    const { code, millis, stdout } = await command(["--repeat", "1000"], { signal: { name, times, when: /handled/ } })
    assert.strictEqual(code, 130)
    assert.isBelow(millis, 5000)
    assert.match(stdout, /Interrupted: [\d,]+ of 1,707,000 events were published/)
    const [, published] = stdout.match(/events in +([\d,]+)/) ?? []
    for (const figure of ["acked", "by group tally", "by group alerts"]) {
      assert.match(stdout, new RegExp(`${figure} +${published}\\b`))
    }
    assert.include(stdout, "Complete rows equal a direct computation")
  })
})
