import { assert, describe, it } from "@effect/vitest"
import { murmur2, partitionOf } from "../../src/internal/publish/murmur2.ts"

describe("murmur2", () => {
  it("agrees with the test vectors of Kafka's Java client (UtilsTest.testMurmur2)", () => {
    const vectors: ReadonlyArray<readonly [string, number]> = [
      ["21", -973932308],
      ["foobar", -790332482],
      ["a-little-bit-long-string", -985981536],
      ["a-little-bit-longer-string", -1486304829],
      ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
      ["abc", 479470107]
    ]
    for (const [key, hash] of vectors) assert.strictEqual(murmur2(key), hash, key)
  })

  it("gives one partition where there is one, and a partition in range elsewhere", () => {
    for (let i = 0; i < 1000; i++) {
      assert.strictEqual(partitionOf(`aggregate-${i}`, 1), 0)
      const partition = partitionOf(`aggregate-${i}`, 7)
      assert.isTrue(Number.isInteger(partition) && partition >= 0 && partition < 7)
    }
  })
})
