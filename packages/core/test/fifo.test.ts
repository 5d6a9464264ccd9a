import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Fifo } from "../src/internal/fifo.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Push"), count: Schema.Literals([1, 2, 3, 5, 40, 1500]) }),
  Schema.Struct({ _tag: Schema.tag("Shift"), count: Schema.Literals([1, 2, 3, 7, 50, 2000]) }),
  Schema.Struct({ _tag: Schema.tag("UnshiftAll"), count: Schema.Literals([0, 1, 4, 9]) }),
  Schema.Struct({ _tag: Schema.tag("Retain"), divisor: Schema.Literals([1, 2, 5]) })
])

/** A function of its own, so that no local variable of the test holds the last one. */
const passThrough = (fifo: Fifo<{ readonly n: number }>, count: number): ReadonlyArray<WeakRef<object>> => {
  const taken: Array<WeakRef<object>> = []
  fifo.push({ n: 0 })
  for (let n = 1; n <= count; n++) {
    fifo.push({ n })
    const item = fifo.shift()
    if (item !== undefined) taken.push(new WeakRef(item))
  }
  return taken
}

describe("Fifo", () => {
  it.prop(
    "does what an array does",
    [Arbitrary.array(Arbitrary.schema(Step), { maxLength: 60 })],
    ([steps]) => {
      const fifo = new Fifo<{ readonly n: number }>()
      let model: Array<{ readonly n: number }> = []
      let made = 0
      const some = (count: number) => Array.from({ length: count }, () => ({ n: made++ }))
      for (const step of steps) {
        switch (step._tag) {
          case "Push":
            for (const item of some(step.count)) {
              fifo.push(item)
              model.push(item)
            }
            break
          case "Shift":
            for (let i = 0; i < step.count; i++) assert.strictEqual(fifo.shift(), model.shift())
            break
          case "UnshiftAll": {
            const items = some(step.count)
            fifo.unshiftAll(items)
            model = items.concat(model)
            break
          }
          case "Retain":
            fifo.retain(({ n }) => n % step.divisor === 0)
            model = model.filter(({ n }) => n % step.divisor === 0)
        }
        assert.strictEqual(fifo.length, model.length)
        assert.strictEqual(fifo.peek(), model[0])
      }
      while (model.length > 0) assert.strictEqual(fifo.shift(), model.shift())
      assert.isUndefined(fifo.shift())
      assert.isUndefined(fifo.peek())
    }
  )

  it("holds nothing of what was taken, although it never runs empty", async () => {
    const fifo = new Fifo<{ readonly n: number }>()
    const taken = passThrough(fifo, 500)
    // A reference that was made in this turn is held until its end.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    collect()
    assert.strictEqual(taken.filter((ref) => ref.deref() !== undefined).length, 0)
    assert.strictEqual(fifo.length, 1)
  })
})
