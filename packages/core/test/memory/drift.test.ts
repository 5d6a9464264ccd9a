import { assert, describe, it } from "@effect/vitest"
import { collisionKey, driftOf, fixed, infoOf, invalid } from "../../src/internal/memory/drift.ts"
import { topicSpec } from "../fixtures/batch.ts"

describe("drift", () => {
  it("is empty between a definition and its topic", () => {
    const spec = topicSpec("orders", { partitions: 3, retention: { count: 5, ageMillis: 1000 } })
    assert.deepStrictEqual(driftOf(spec, infoOf(spec)), [])
  })

  it("names every difference, and what can be done about it", () => {
    const spec = topicSpec("orders", { partitions: 3, replicas: 2, retention: { count: 5, bytes: 9 }, storage: "file" })
    const info = infoOf(topicSpec("orders", { dedupeWindowMillis: 1, retention: { ageMillis: 7, count: 6 } }))
    assert.deepStrictEqual(
      driftOf(spec, info).map(({ actual, expected, field, fixable }) => [field, expected, actual, fixable]),
      [
        ["partitions", "3", "1", false],
        ["storage", "file", "memory", false],
        ["replicas", "2", "1", true],
        ["retention.ageMillis", "none", "7", true],
        ["retention.count", "5", "6", true],
        ["retention.bytes", "9", "none", true],
        ["dedupeWindowMillis", "120000", "1", true]
      ]
    )
    assert.deepStrictEqual(driftOf(spec, fixed(spec, info)).map(({ field }) => field), ["partitions", "storage"])
  })

  it("refuses what cannot be kept", () => {
    assert.isUndefined(invalid(topicSpec("orders")))
    for (
      const spec of [
        topicSpec(""),
        topicSpec("orders", { partitions: 0 }),
        topicSpec("orders", { partitions: 1.5 }),
        topicSpec("orders", { partitions: 100_000 }),
        topicSpec("orders", { replicas: 0 }),
        topicSpec("orders", { retention: { count: 0 } }),
        topicSpec("orders", { retention: { bytes: -1 } }),
        topicSpec("orders", { retention: { ageMillis: Number.NaN } }),
        topicSpec("orders", { dedupeWindowMillis: -1 })
      ]
    ) {
      assert.isString(invalid(spec), JSON.stringify(spec))
    }
  })

  it("takes dots and underscores for the same", () => {
    assert.strictEqual(collisionKey("a.b_c"), collisionKey("a_b.c"))
    assert.notStrictEqual(collisionKey("a.b"), collisionKey("a-b"))
  })
})
