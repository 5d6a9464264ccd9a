import { assert, describe, it } from "@effect/vitest"
import { eventIdOf, parseEventId } from "../src/Earthquake.ts"
import { Once } from "../src/Once.ts"
import { Order } from "../src/Order.ts"

describe("event ids", () => {
  it.each([[0, "us1"], [999, "us-2000-crkq"], [7, "-"]] as const)("repeat %d of %s is read back", (repeat, quakeId) => {
    assert.deepStrictEqual(parseEventId(eventIdOf("0mwqe", repeat, quakeId)), { repeat, quakeId })
  })
})

describe("Once", () => {
  it("knows an event again, before and after its repeat is complete", () => {
    const once = new Once(2)
    const ids = [eventIdOf("r", 0, "a"), eventIdOf("r", 0, "b"), eventIdOf("r", 1, "a"), eventIdOf("r", 1, "b")]
    assert.deepStrictEqual(ids.map((id) => once.first(id)), [true, true, true, true])
    assert.deepStrictEqual(ids.map((id) => once.first(id)), [false, false, false, false])
  })
})

describe("Order", () => {
  it("counts what comes after a later one of its own aggregate", () => {
    const order = new Order()
    for (const [aggregate, position] of [["us", 0], ["ak", 1], ["us", 5], ["ak", 3], ["us", 4], ["us", 6]] as const) {
      order.observe(aggregate, position)
    }
    assert.strictEqual(order.violations, 1)
  })
})
