import { assert, describe, it } from "@effect/vitest"
import { Stored } from "../src/workload/stored.ts"

/** Three orders of four events each, in order. */
const events = Array.from({ length: 12 }, (_, n) => [`id-${n}`, `order-${n % 3}`, Math.floor(n / 3)] as const)

const stored = (all: ReadonlyArray<readonly [string, string, number]>): Stored => {
  const found = new Stored()
  for (const [id, order, serial] of all) found.note(id, order, serial)
  return found
}

describe("Stored", () => {
  it("finds nothing wrong with what is there in order, once", () => {
    assert.deepStrictEqual(stored(events).problems(12, 12), [])
  })

  it("sees a planted loss", () => {
    const found = stored(events.toSpliced(4, 1))
    assert.deepStrictEqual(found.problems(12, 12), ["11 of 12 stored", "1 lost in between"])
  })

  it("sees the loss of an order's last event by the count", () => {
    assert.deepStrictEqual(stored(events.slice(0, -1)).problems(12, 12), ["11 of 12 stored"])
  })

  it("sees a planted duplicate, and does not take it for the one that is missing", () => {
    const found = stored([...events.slice(0, 11), events[3]!])
    assert.deepStrictEqual(found.problems(12, 12), ["1 stored twice"])
  })

  it("sees a planted inversion, unless no order was promised", () => {
    const found = stored([...events.slice(0, 3), events[6]!, ...events.slice(3, 6), ...events.slice(7)])
    assert.deepStrictEqual(found.problems(12, 12), ["1 out of order"])
    assert.deepStrictEqual(found.problems(12, 12, { ordered: false }), [])
  })

  it("sees what was not acknowledged", () => {
    assert.deepStrictEqual(stored(events).problems(12, 11), ["11 of 12 acknowledged"])
  })

  it("reads the bodies of the wire, and nothing else", () => {
    const found = new Stored()
    found.add("{\"event_id\":\"a\",\"payload\":{\"orderId\":\"o\",\"serial\":0,\"total\":1}}")
    assert.deepStrictEqual(found.problems(1, 1), [])
    assert.throws(() => found.add("{}"))
  })
})
