import { assert, describe, it } from "@effect/vitest"
import { importProblem } from "../lint/house.mjs"

const cases: ReadonlyArray<readonly [file: string, specifier: string, allowed: boolean]> = [
  ["packages/core/src/Topic.ts", "effect", true],
  ["packages/core/src/Topic.ts", "effect/Schema", true],
  ["packages/core/src/Topic.ts", "./internal/lanes.ts", true],
  ["packages/core/src/internal/lanes.ts", "../Topic.ts", true],
  ["packages/core/src/Topic.ts", "./internal/lanes", false],
  ["packages/core/src/Topic.ts", "./internal/lanes.js", false],
  ["packages/core/src/Topic.ts", "node:fs", false],
  ["packages/core/src/Topic.ts", "vitest", false],
  ["packages/core/src/Topic.ts", "effective", false],
  ["packages/core/src/Topic.ts", "@effect-eventbus/core/Event", false],
  ["packages/core/testing/Laws.ts", "vitest", true],
  ["packages/core/testing/Laws.ts", "node:fs", false],
  ["packages/core/testing/Laws.ts", "../src/Topic.ts", true],
  ["packages/core/test/Topic.test.ts", "node:fs", true],
  ["packages/core/test/Topic.test.ts", "../src/internal/lanes.ts", true],
  ["packages/bench/src/main.ts", "@effect-eventbus/core/Publisher", true],
  ["packages/bench/src/main.ts", "@effect-eventbus/core/internal/lanes", false],
  ["packages/bench/src/main.ts", "../../core/src/Topic.ts", false],
  ["examples/earthquakes/src/main.ts", "@effect/platform-node/NodeRuntime", true],
  ["examples/earthquakes/src/main.ts", "@effect/platform-node", false],
  ["examples/earthquakes/src/main.ts", "@effect-eventbus/core/src/Topic.ts", false],
  ["examples/earthquakes/src/main.ts", "../../../packages/core/src/Topic.ts", false]
]

describe("house/imports", () => {
  it.for(cases)("%s imports %s: %s", ([file, specifier, allowed]) => {
    assert.strictEqual(importProblem(file, specifier) === undefined, allowed)
  })
})
