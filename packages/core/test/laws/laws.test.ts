import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fs from "node:fs/promises"
import * as MemoryBroker from "../../src/MemoryBroker.ts"
import { expect, Lab } from "../../testing/Lab.ts"
import * as Law from "../../testing/Law.ts"
import * as Laws from "../../testing/Laws.ts"
import * as Subject from "../../testing/Subject.ts"

const subject = (options?: Subject.Options) =>
  Subject.make("memory", MemoryBroker.layer({ cluster: MemoryBroker.makeClusterUnsafe() }), {
    time: "test",
    ...options
  })

const law = (check: Law.Law["check"], needs: Law.Law["needs"] = []) =>
  Law.make({ name: "a law", theme: "t", statement: "s", needs, check })

describe("Laws", () => {
  it("are about 30 or more, each with a name of its own and a statement", () => {
    assert.isAtLeast(Laws.all.length, 30)
    assert.strictEqual(new Set(Laws.all.map(({ name }) => name)).size, Laws.all.length)
    for (const { name, statement } of Laws.all) assert.match(statement, /^[A-Z`].*\.$/, name)
    assert.throws(() => Laws.named("no such law"), /no such law/)
  })

  it.live("what a subject cannot do is skipped by name", () =>
    Effect.gen(function*() {
      const verdicts = yield* Laws.checkAll(
        subject(),
        Laws.all.filter(({ needs }) => needs.includes("cut") || needs.includes("dropAcks"))
      )
      assert.isAtLeast(verdicts.length, 4)
      for (const verdict of verdicts) {
        if (verdict._tag !== "Skipped") return assert.fail(`${verdict.law.name} was ${verdict._tag}`)
        assert.include(["needs cut", "needs dropAcks"], Laws.missingText(verdict.missing))
      }
    }))

  it.live("what a broker does not claim is skipped by name", () =>
    Effect.gen(function*() {
      const verdict = yield* Laws.check(law(Effect.die("not to be run"), ["offsets", "atomicBatch"]), subject())
      assert.strictEqual(verdict._tag, "Violated", "memory has both")
      const [report] = Laws.report("x", [{ _tag: "Skipped", law: law(Effect.void), missing: ["replay"] }], 1).laws
      assert.strictEqual(report?.verdict, "skipped")
      assert.deepStrictEqual(report?.missing, ["replay"])
    }))

  it.live("a violation, a failure, a defect and a hang are told", () =>
    Effect.gen(function*() {
      const messages: Array<string> = []
      // Of real time: only what never ends may meet it.
      const [long, short] = [60_000, 300]
      const checks = [
        [expect(false, () => "as expected"), long],
        [Effect.fail("a failure").pipe(Effect.orDie), long],
        [Effect.flatMap(Lab, (lab) => lab.until("what never comes", () => false)), long],
        [Effect.never, short],
        [Effect.forever(Effect.yieldNow), short]
      ] as const
      for (const [check, limit] of checks) {
        const verdict = yield* Laws.check(law(check), subject({ limit }))
        if (verdict._tag !== "Violated") return assert.fail(verdict._tag)
        messages.push(verdict.violation.message.split("\n")[0] ?? "")
      }
      assert.match(messages[0] ?? "", /as expected/)
      assert.match(messages[1] ?? "", /a failure/)
      assert.match(messages[2] ?? "", /waited 600000 ms in vain: what never comes/)
      assert.match(messages[3] ?? "", /did not end within 300 ms/)
      assert.match(messages[4] ?? "", /did not end within 300 ms/)
    }), 60_000)

  it("docs/laws.md has them all: run `node scripts/laws.mjs` after a run of the tests", async () => {
    const text = await fs.readFile(new URL("../../../../docs/laws.md", import.meta.url), "utf8")
    const rows = [...text.matchAll(/^\| \*\*(.+?)\*\*<br>(.+?) \|/gm)].map(([, name, statement]) =>
      `${name}: ${statement}`
    )
    assert.deepStrictEqual(rows, Laws.all.map(({ name, statement }) => `${name}: ${statement.replaceAll("|", "\\|")}`))
  })
})
