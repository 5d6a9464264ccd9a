import { Effect } from "effect"
import { execFile } from "node:child_process"
import path from "node:path"
import { describe, expect, test } from "vitest"
import { select } from "../../src/faults/command.ts"
import { reportOf } from "../../src/faults/report.ts"
import { problems, type Result, run } from "../../src/faults/runner.ts"
import { none, type Scenario } from "../../src/faults/scenario.ts"
import { markdown, terminal } from "../../src/faults/table.ts"
import { versions } from "../../src/machine.ts"
import { planted } from "./fixtures/planted.ts"

const patience = { timeout: 60_000 }

const scenarioNamed = (name: string): Scenario => {
  const found = planted.scenarios.find((scenario) => scenario.name === name)
  if (found === undefined) throw new Error(`nothing is planted as ${name}`)
  return found
}

const once = async (name: string): Promise<Result> => {
  const [result] = await Effect.runPromise(run([scenarioNamed(name)], { rounds: 1, jobs: 1 }))
  if (result === undefined) throw new Error("no result")
  return result
}

describe("what is planted is seen", patience, () => {
  test("an honest broker breaks nothing", async () => {
    const result = await once("nothing")
    expect(problems([result])).toEqual([])
    expect(result.rounds[0]?.figures).toMatchObject({ injected: 1, lost: 0, duplicates: 0, inversions: 0, ghosts: 0 })
    expect(result.rounds[0]?.figures.acked).toBeGreaterThan(100)
  })

  test.each([
    ["loss", /lost: \d+/],
    ["duplicate", /I5: .* is stored 2 times/],
    ["inversion", /inversions: \d+/],
    ["ghost", /ghosts: \d+/],
    ["no fault injected", /nothing was injected, so this round has tested nothing/],
    ["a round that dies", /planted defect/],
    ["a gap", /nothing was acknowledged for/],
    ["a round without end", /stuck: no end within 200 ms/]
  ])("%s", async (name, message) => {
    const found = problems([await once(name)])
    expect(found.join("\n")).toMatch(message)
  })
})

describe("the command", patience, () => {
  /** Exit code and what it printed. */
  const command = (...args: ReadonlyArray<string>) =>
    new Promise<{ readonly code: unknown; readonly stdout: string; readonly pid: number }>((resolve) => {
      const program = path.join(import.meta.dirname, "fixtures/planted.ts")
      const child = execFile(process.execPath, [program, "planted", "--rounds", "1", ...args], (error, stdout) => {
        resolve({ code: error === null ? 0 : error.code, stdout, pid: child.pid ?? 0 })
      })
    })

  test("ends with 0 where every invariant held", async () => {
    const { code, stdout } = await command("--only", "nothing")
    expect(stdout).toContain("every invariant held")
    expect(code).toBe(0)
  })

  test.each(["loss", "duplicate", "inversion", "ghost", "no fault injected"])("ends with 1: %s", async (name) => {
    const { code, stdout } = await command("--only", name)
    expect(stdout).toContain("FAILED")
    expect(code).toBe(1)
  })

  test("ends with 1 where nothing was selected", async () => {
    expect((await command("--only", "F99")).code).toBe(1)
  })

  test("gives a process of its own to what is alone", async () => {
    const { code, pid, stdout } = await command("--only", "alone", "--json")
    const { rows }: {
      readonly rows: ReadonlyArray<{ readonly notes: { readonly process: { readonly max: number } } }>
    } = JSON.parse(stdout)
    expect(rows).toHaveLength(1)
    expect(rows[0]?.notes.process.max).toBeGreaterThan(0)
    expect(rows[0]?.notes.process.max).not.toBe(pid)
    expect(code).toBe(0)
  })

  test("prints one object with --json", async () => {
    const { code, stdout } = await command("--only", "loss", "--json")
    const report: unknown = JSON.parse(stdout)
    expect(report).toMatchObject({ suite: "planted", ok: false, rows: [{ name: "loss", rounds: 1 }] })
    expect(code).toBe(1)
  })
})

describe("rounds", () => {
  const scenario = (id: string, more: Partial<Scenario> = {}): Scenario => ({
    id,
    name: `scenario ${id}`,
    injects: "",
    asserts: [],
    longestGapMillis: 100,
    quick: false,
    run: Effect.succeed({
      figures: { ...none, injected: 1, issued: 10, acked: 10, longestGapMillis: 50 },
      violations: [],
      notes: { "recovery ms": 7 }
    }),
    ...more
  })

  test("are summed up; of gaps the median and the maximum are shown", async () => {
    const results = await Effect.runPromise(run([scenario("F02")], { rounds: 3, jobs: 2 }))
    const report = reportOf("x", results, { ...versions() }, new Date(0))
    expect(report.ok).toBe(true)
    expect(report.rows[0]).toMatchObject({
      rounds: 3,
      figures: { injected: 3, acked: 30 },
      longestGapMillis: { median: 50, max: 50 },
      notes: { "recovery ms": { median: 7, max: 7 } }
    })
    expect(terminal(results)).toContain("recovery 7 ms")
    expect(markdown(results).split("\n")).toHaveLength(3)
  })

  test("one bad round of many is a failure", async () => {
    let round = 0
    const flaky = scenario("F02", {
      run: Effect.sync(() => ({
        figures: { ...none, injected: 1, lost: ++round === 2 ? 1 : 0 },
        violations: [],
        notes: {}
      }))
    })
    const results = await Effect.runPromise(run([flaky], { rounds: 3, jobs: 1 }))
    expect(problems(results)).toEqual(["F02 scenario F02, round 2: lost: 1"])
  })

  test("a budget that is used up leaves scenarios that were not run, which is a failure", async () => {
    const results = await Effect.runPromise(run([scenario("F02")], { rounds: 3, jobs: 1, budgetMillis: -1 }))
    expect(problems(results)).toEqual(["F02 scenario F02: not run"])
  })

  test("are selected by id, by a part of the title, and by being quick", () => {
    const all = [
      scenario("F02", { mode: "window", quick: true }),
      scenario("F02", { mode: "fastIngest" }),
      scenario("F020")
    ]
    expect(select(all, { only: "F02", quick: false })).toHaveLength(2)
    expect(select(all, { only: "fastIngest", quick: false })).toHaveLength(1)
    expect(select(all, { only: "", quick: true })).toHaveLength(1)
  })
})
