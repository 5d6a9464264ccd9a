import { assert, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { NumberMap } from "../src/internal/numberMap.ts"

/** Few, close to each other, and apart by a power of two, so that they get into each other's way. */
const Key = Schema.Literals([0, 1, 2, 3, 62, 63, 64, 65, 126, 127, 128, 2 ** 31, 2 ** 32 + 1, 2 ** 53 - 1])

const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Set"), key: Key, value: Schema.Literals(["a", "b"]) }),
  Schema.Struct({ _tag: Schema.tag("Delete"), key: Key }),
  Schema.Struct({ _tag: Schema.tag("Many"), from: Schema.Literals([0, 40, 1000]) }),
  Schema.Struct({ _tag: Schema.tag("Few") })
])

it.prop("does what a Map does", [Arbitrary.array(Arbitrary.schema(Step), { maxLength: 80 })], ([steps]) => {
  const map = new NumberMap<string>()
  const model = new Map<number, string>()
  for (const step of steps) {
    switch (step._tag) {
      case "Set":
        map.set(step.key, step.value)
        model.set(step.key, step.value)
        break
      case "Delete":
        assert.strictEqual(map.delete(step.key), model.delete(step.key))
        break
      case "Many":
        for (let key = step.from; key < step.from + 90; key++) {
          map.set(key, `${key}`)
          model.set(key, `${key}`)
        }
        break
      case "Few":
        for (const key of [...model.keys()].slice(3)) {
          map.delete(key)
          model.delete(key)
        }
    }
    assert.strictEqual(map.size, model.size)
    assert.deepStrictEqual(map.entries().toSorted(([a], [b]) => a - b), [...model].toSorted(([a], [b]) => a - b))
    for (const key of Key.literals) assert.strictEqual(map.get(key), model.get(key))
  }
})
