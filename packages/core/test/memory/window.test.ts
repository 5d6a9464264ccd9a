import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { PartitionWindow } from "../../src/internal/memory/window.ts"

const delivered = (count: number, now = 0): PartitionWindow => {
  const window = new PartitionWindow(0)
  for (let i = 0; i < count; i++) window.deliver(10, now)
  return window
}

describe("PartitionWindow", () => {
  it("commits up to the first gap, and over it when it is closed", () => {
    const window = delivered(4)
    assert.isTrue(window.settle(1))
    assert.isTrue(window.settle(3))
    assert.deepStrictEqual([window.committed, window.settledAbove, window.lag(6)], [0, 2, 4])
    assert.isTrue(window.settle(0))
    assert.deepStrictEqual([window.committed, window.settledAbove, window.lag(6)], [2, 1, 3])
    assert.isTrue(window.settle(2))
    assert.deepStrictEqual([window.committed, window.settledAbove, window.heldCount, window.heldBytes], [4, 0, 0, 0])
  })

  it("settles once", () => {
    const window = delivered(2)
    assert.isTrue(window.settle(1))
    assert.isFalse(window.settle(1))
    assert.isFalse(window.settle(2))
    assert.isFalse(window.settle(-1))
    assert.deepStrictEqual([window.heldCount, window.settledAbove], [1, 1])
  })

  it("expires in the order of the last touch, and is delivered again in offset order", () => {
    const window = delivered(3, 100)
    window.touch(0, 150)
    assert.strictEqual(window.oldestTouch, 100)
    assert.strictEqual(window.expire(99), 0)
    assert.strictEqual(window.expire(100), 2)
    assert.deepStrictEqual([window.heldCount, window.oldestTouch], [1, 150])
    assert.strictEqual(window.expire(150), 1)
    const again: Array<readonly [number, number]> = []
    for (let offset = window.nextDue(); offset !== -1; offset = window.nextDue()) {
      again.push([offset, window.redeliver(200)])
    }
    assert.deepStrictEqual(again, [[0, 2], [1, 2], [2, 2]])
    assert.strictEqual(window.heldCount, 3)
  })

  it("a late settlement wins over the redelivery that has not begun", () => {
    const window = delivered(2, 0)
    window.expire(0)
    assert.isTrue(window.settle(0))
    assert.strictEqual(window.nextDue(), 1)
    assert.strictEqual(window.committed, 1)
  })

  it("a heartbeat does not bring back what has expired", () => {
    const window = delivered(1, 0)
    window.expire(0)
    window.touch(0, 10)
    assert.strictEqual(window.nextDue(), 0)
    assert.strictEqual(window.heldCount, 0)
  })

  it("gives up everything for the next owner, and keeps the attempts", () => {
    const window = delivered(3)
    window.settle(1)
    window.giveUpAll()
    assert.strictEqual(window.heldCount, 0)
    assert.strictEqual(window.nextDue(), 0)
    assert.strictEqual(window.redeliver(0), 2)
    assert.strictEqual(window.nextDue(), 2)
  })

  it("passes over what retention removed, settled or not", () => {
    const window = delivered(4)
    window.settle(1)
    window.expire(0)
    window.nextDue()
    window.redeliver(0)
    // 0 is held, 2 and 3 are due.
    assert.strictEqual(window.skipTo(3), 2)
    assert.deepStrictEqual([window.committed, window.next, window.heldCount, window.nextDue()], [3, 4, 0, 3])
    assert.strictEqual(window.skipTo(10), 7)
    assert.deepStrictEqual([window.committed, window.next, window.settledAbove, window.nextDue()], [10, 10, 0, -1])
    assert.strictEqual(window.skipTo(9), 0)
  })

  it("forgets everything on a reset", () => {
    const window = delivered(5)
    window.settle(3)
    window.expire(0)
    window.reset(2)
    assert.deepStrictEqual([window.committed, window.next, window.settledAbove, window.heldCount], [2, 2, 0, 0])
    assert.strictEqual(window.nextDue(), -1)
    window.deliver(1, 0)
    assert.deepStrictEqual([window.next, window.heldBytes], [3, 1])
  })

  it("holds a wide span of offsets", () => {
    const window = delivered(10_000)
    for (let offset = 9999; offset > 0; offset--) window.settle(offset)
    assert.deepStrictEqual([window.committed, window.settledAbove], [0, 9999])
    window.settle(0)
    assert.deepStrictEqual([window.committed, window.settledAbove], [10_000, 0])
  })

  const step = Schema.Union([
    Schema.TaggedStruct("Deliver", { size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })) }),
    Schema.TaggedStruct("Redeliver", {}),
    Schema.TaggedStruct("Settle", { which: Schema.Int.check(Schema.isBetween({ minimum: -2, maximum: 20 })) }),
    Schema.TaggedStruct("Touch", { which: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })) }),
    Schema.TaggedStruct("Expire", { age: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })) }),
    Schema.TaggedStruct("GiveUp", {}),
    Schema.TaggedStruct("Skip", { by: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })) }),
    Schema.TaggedStruct("Reset", { back: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })) })
  ])

  interface Entry {
    readonly size: number
    state: "held" | "due" | "settled"
    attempt: number
    touched: number
  }

  it.prop(
    "is a table of records with states",
    [Arbitrary.array(Arbitrary.schema(step), { maxLength: 200 })],
    ([script]) => {
      const window = new PartitionWindow(0)
      let model = new Map<number, Entry>()
      let next = 0
      let floor = 0
      let now = 0
      const committed = (): number => {
        let offset = floor
        while (offset < next && model.get(offset)!.state === "settled") offset++
        return offset
      }
      const dueOffsets = () =>
        [...model].filter(([, { state }]) => state === "due").map(([offset]) => offset).toSorted((a, b) => a - b)
      for (const action of script) {
        now++
        switch (action._tag) {
          case "Deliver":
            window.deliver(action.size, now)
            model.set(next++, { size: action.size, state: "held", attempt: 1, touched: now })
            break
          case "Redeliver": {
            const [first] = dueOffsets()
            assert.strictEqual(window.nextDue(), first ?? -1)
            if (first === undefined) break
            const entry = model.get(first)!
            assert.strictEqual(window.redeliver(now), ++entry.attempt)
            entry.state = "held"
            entry.touched = now
            break
          }
          case "Settle": {
            const offset = floor + action.which
            const entry = model.get(offset)
            const open = entry !== undefined && entry.state !== "settled"
            assert.strictEqual(window.settle(offset), open)
            if (open) entry.state = "settled"
            break
          }
          case "Touch": {
            window.touch(floor + action.which, now)
            const entry = model.get(floor + action.which)
            if (entry?.state === "held") entry.touched = now
            break
          }
          case "Expire": {
            let expired = 0
            for (const entry of model.values()) {
              if (entry.state !== "held" || entry.touched > now - action.age) continue
              entry.state = "due"
              expired++
            }
            assert.strictEqual(window.expire(now - action.age), expired)
            break
          }
          case "GiveUp":
            window.giveUpAll()
            for (const entry of model.values()) if (entry.state === "held") entry.state = "due"
            break
          case "Skip": {
            const start = floor + action.by
            let skipped = Math.max(0, start - next)
            for (const [offset, { state }] of model) {
              if (offset >= start) continue
              if (state !== "settled") skipped++
              model.delete(offset)
            }
            assert.strictEqual(window.skipTo(start), skipped)
            next = Math.max(next, start)
            floor = start
            break
          }
          case "Reset":
            floor = Math.max(0, next - action.back)
            next = floor
            model = new Map()
            window.reset(floor)
            break
        }
        const held = [...model.values()].filter(({ state }) => state === "held")
        assert.strictEqual(window.next, next)
        assert.strictEqual(window.committed, committed())
        assert.strictEqual(window.heldCount, held.length)
        assert.strictEqual(window.heldBytes, held.reduce((sum, { size }) => sum + size, 0))
        assert.strictEqual(
          window.oldestTouch,
          held.length === 0 ? undefined : Math.min(...held.map(({ touched }) => touched))
        )
        assert.strictEqual(
          window.lag(next + 3),
          3 + [...model.values()].filter(({ state }) => state !== "settled").length
        )
      }
    },
    { arbitrary: { runs: 300 } }
  )
})
