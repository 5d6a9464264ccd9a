import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { NumberRing } from "../../src/internal/memory/ring.ts"

describe("NumberRing", () => {
  it.prop(
    "is a queue",
    [Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: -900, maximum: 900 }))), {
      maxLength: 40
    })],
    ([steps]) => {
      const ring = new NumberRing()
      const model: Array<number> = []
      let value = 0
      for (const step of steps) {
        for (let i = 0; i < step; i++) {
          ring.push(value % 60_000)
          model.push(value++ % 60_000)
        }
        for (let i = 0; i > step && model.length > 0; i--) {
          assert.strictEqual(ring.peek(), model[0])
          assert.strictEqual(ring.pop(), model.shift())
        }
        assert.strictEqual(ring.length, model.length)
      }
      assert.deepStrictEqual([...ring], model)
    }
  )
})
