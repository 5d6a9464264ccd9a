import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Heap } from "../src/internal/heap.ts"

describe("Heap", () => {
  it.prop(
    "gives the smallest first",
    [Arbitrary.array(Arbitrary.schema(Schema.Int), { maxLength: 100 })],
    ([values]) => {
      const heap = new Heap<number>((self, that) => self < that)
      const out: Array<number> = []
      values.forEach((value, i) => {
        heap.push(value)
        // Pops in between, so that the heap is not only built and drained.
        if (i % 5 === 4) out.push(heap.pop()!)
      })
      const rest: Array<number> = []
      while (heap.size > 0) {
        const first = heap.peek()
        assert.strictEqual(heap.pop(), first)
        rest.push(first!)
      }
      assert.deepStrictEqual(rest, rest.toSorted((self, that) => self - that))
      assert.deepStrictEqual(
        [...out, ...rest].toSorted((self, that) => self - that),
        values.toSorted((self, that) => self - that)
      )
      assert.isUndefined(heap.pop())
    }
  )
})
