import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Chain, type Link } from "../src/internal/chain.ts"

setFlagsFromString("--expose-gc")
const collect: (options: { readonly type: "minor" }) => void = runInNewContext("gc")

class Item implements Link<Item> {
  before: Item | undefined = undefined
  after: Item | undefined = undefined
  chained = false
  readonly n: number
  readonly ballast: ReadonlyArray<number>

  constructor(n: number) {
    this.n = n
    this.ballast = new Array<number>(100).fill(n)
  }
}

const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Add") }),
  Schema.Struct({ _tag: Schema.tag("Delete"), pick: Schema.Literals([0, 1, 2, 3, 5, 8]) }),
  Schema.Struct({ _tag: Schema.tag("DeleteWhileVisiting"), divisor: Schema.Literals([1, 2, 3]) })
])

interface Through {
  readonly add: (item: Item) => unknown
  readonly delete: (item: Item) => unknown
}

/** Megabytes in use after 50,000 have gone through, of which a thousand are in at a time, and a young collection. */
const leftBy = (through: Through): number => {
  const within = new Array<Item | undefined>(1000).fill(undefined)
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < 50_000; n++) {
    const item = new Item(n)
    through.add(item)
    const oldest = within[n % within.length]
    within[n % within.length] = item
    if (oldest !== undefined) through.delete(oldest)
  }
  collect({ type: "minor" })
  return (process.memoryUsage().heapUsed - before) / 2 ** 20
}

describe("Chain", () => {
  it.prop(
    "does what a Set does",
    [Arbitrary.array(Arbitrary.schema(Step), { maxLength: 60 })],
    ([steps]) => {
      const chain = new Chain<Item>()
      const model = new Set<Item>()
      const made: Array<Item> = []
      for (const step of steps) {
        switch (step._tag) {
          case "Add": {
            const item = new Item(made.length)
            made.push(item)
            chain.add(item)
            model.add(item)
            break
          }
          case "Delete": {
            const item = made[step.pick]
            if (item !== undefined) assert.strictEqual(chain.delete(item), model.delete(item))
            break
          }
          case "DeleteWhileVisiting":
            for (const item of chain) if (item.n % step.divisor === 0) chain.delete(item)
            for (const item of model) if (item.n % step.divisor === 0) model.delete(item)
        }
        assert.strictEqual(chain.size, model.size)
        assert.deepStrictEqual(Array.from(chain, ({ n }) => n), Array.from(model, ({ n }) => n))
      }
    }
  )

  it("leaves nothing of what went through it to the old generation, which a Set does", () => {
    const [chain, set] = [leftBy(new Chain<Item>()), leftBy(new Set<Item>())]
    assert.isBelow(chain, 10)
    assert.isAbove(set, 2 * chain)
  })
})
