import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { type Lane, type LaneItem, Lanes, Turn } from "../../src/internal/subscribe/lanes.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

class Item implements LaneItem<Item> {
  next: Item | undefined = undefined
  lane: Lane<Item> | undefined = undefined
  readonly key: string
  readonly turn: Turn<Item>
  readonly n: number
  constructor(key: string, turn: Turn<Item>, n: number) {
    this.key = key
    this.turn = turn
    this.n = n
  }
}

const laneOf = (item: Item): Lane<Item> => {
  assert.isDefined(item.lane)
  return item.lane
}

describe("Lanes", () => {
  it("hands out one item of a lane at a time, in order", () => {
    const lanes = new Lanes<Item>()
    const turn = new Turn<Item>()
    const [a0, a1, b0] = [new Item("a", turn, 0), new Item("a", turn, 1), new Item("b", turn, 0)]
    for (const item of [a0, a1, b0]) lanes.push(item)
    assert.strictEqual(lanes.take(), a0)
    assert.strictEqual(lanes.take(), b0)
    assert.isUndefined(lanes.take())
    lanes.finish(laneOf(a0))
    assert.strictEqual(lanes.take(), a1)
    lanes.finish(laneOf(a1))
    lanes.finish(laneOf(b0))
    assert.strictEqual(lanes.active, 0)
  })

  it("keeps what sleeps at the head of its lane, and wakes it when it is due", () => {
    const lanes = new Lanes<Item>()
    const turn = new Turn<Item>()
    const [a0, a1] = [new Item("a", turn, 0), new Item("a", turn, 1)]
    lanes.push(a0)
    lanes.push(a1)
    lanes.take()
    lanes.sleep(laneOf(a0), 10)
    assert.isUndefined(lanes.take())
    assert.strictEqual(lanes.nextAlarm(), 10)
    lanes.wake(9)
    assert.isUndefined(lanes.take())
    lanes.wake(10)
    assert.strictEqual(lanes.take(), a0)
    assert.strictEqual(lanes.nextAlarm(), Infinity)
  })

  it("keeps the lane of an aggregate that comes again, and none of those that have come and gone for good", async () => {
    const lanes = new Lanes<Item>()
    const turn = new Turn<Item>()
    /** Tells of the lane, once it is gone. */
    const pass = (key: string): Lane<Item> => {
      const item = new Item(key, turn, 0)
      lanes.push(item)
      const lane = laneOf(item)
      lanes.take()
      lanes.finish(lane)
      return lane
    }
    // One that stays, so that there is never a moment without any.
    lanes.push(new Item("busy", turn, 0))
    lanes.take()
    assert.strictEqual(pass("a"), pass("a"))
    assert.isUndefined(lanes.get("a"))
    const seen = Array.from({ length: 20_000 }, (_, i) => new WeakRef(pass(`once ${i}`)))
    assert.strictEqual(lanes.active, 1)
    // What a WeakRef was just asked of stays until the turn is over.
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    assert.isBelow(seen.filter((lane) => lane.deref() !== undefined).length, 5000)
  })

  it("lets partitions take turns, however many lanes one of them has ready", () => {
    const lanes = new Lanes<Item>()
    const [busy, calm] = [new Turn<Item>(), new Turn<Item>()]
    for (let i = 0; i < 100; i++) lanes.push(new Item(`busy${i}`, busy, i))
    lanes.push(new Item("calm0", calm, 0))
    lanes.push(new Item("calm1", calm, 1))
    const first = Array.from({ length: 4 }, () => lanes.take()?.key)
    assert.deepStrictEqual(first, ["busy0", "calm0", "busy1", "calm1"])
  })

  it("goes on with another head where the one that halted or slept is dropped", () => {
    const lanes = new Lanes<Item>()
    const [gone, kept] = [new Turn<Item>(), new Turn<Item>()]
    const [a0, a1] = [new Item("a", gone, 0), new Item("a", kept, 1)]
    lanes.push(a0)
    lanes.push(a1)
    lanes.take()
    lanes.halt(laneOf(a0))
    assert.deepStrictEqual(lanes.drop(laneOf(a0), (item) => item.turn === gone), [a0])
    assert.strictEqual(lanes.halted, 0)
    assert.strictEqual(lanes.take(), a1)
  })

  it("does not drop a head that runs", () => {
    const lanes = new Lanes<Item>()
    const turn = new Turn<Item>()
    const [a0, a1] = [new Item("a", turn, 0), new Item("a", turn, 1)]
    lanes.push(a0)
    lanes.push(a1)
    lanes.take()
    assert.deepStrictEqual(lanes.drop(laneOf(a0), () => true), [a1])
    lanes.finish(laneOf(a0))
    assert.strictEqual(lanes.active, 0)
  })

  // Against a model that is as plain as can be: lists, and a word for what each head does.
  const Command = Schema.Union([
    Schema.TaggedStruct("push", { key: Schema.Literals(["a", "b", "c", "d"]), turn: Schema.Literals([0, 1, 2]) }),
    Schema.TaggedStruct("take", {}),
    Schema.TaggedStruct("finish", { pick: Schema.Literals([0, 1, 2, 3]) }),
    Schema.TaggedStruct("putBack", { pick: Schema.Literals([0, 1, 2, 3]) }),
    Schema.TaggedStruct("sleep", { pick: Schema.Literals([0, 1, 2, 3]), millis: Schema.Literals([0, 1, 5, 20]) }),
    Schema.TaggedStruct("halt", { pick: Schema.Literals([0, 1, 2, 3]) }),
    Schema.TaggedStruct("tick", { millis: Schema.Literals([1, 3, 10]) }),
    Schema.TaggedStruct("drop", { turn: Schema.Literals([0, 1, 2]) })
  ])

  it.prop(
    "is a FIFO for each key under every script, with at most one item of a key out",
    [Arbitrary.array(Arbitrary.schema(Command), { maxLength: 80 })],
    ([script]) => {
      const lanes = new Lanes<Item>()
      const turns = [new Turn<Item>(), new Turn<Item>(), new Turn<Item>()] as const
      const model = new Map<string, { items: Array<Item>; state: string; at: number }>()
      let now = 0
      let n = 0
      const running = () => Array.from(model.values()).filter(({ state }) => state === "running")
      const shift = (lane: { items: Array<Item>; state: string }) => {
        const key = lane.items.shift()?.key
        lane.state = "ready"
        if (lane.items.length === 0 && key !== undefined) model.delete(key)
      }
      for (const command of script) {
        switch (command._tag) {
          case "push": {
            const item = new Item(command.key, turns[command.turn], n++)
            lanes.push(item)
            const lane = model.get(command.key)
            if (lane === undefined) model.set(command.key, { items: [item], state: "ready", at: 0 })
            else lane.items.push(item)
            break
          }
          case "take": {
            const item = lanes.take()
            const ready = Array.from(model.values()).filter(({ state }) => state === "ready")
            if (item === undefined) {
              assert.strictEqual(ready.length, 0)
            } else {
              const lane = model.get(item.key)
              assert.strictEqual(lane?.state, "ready")
              assert.strictEqual(lane?.items[0], item)
              if (lane !== undefined) lane.state = "running"
            }
            break
          }
          case "finish":
          case "putBack":
          case "sleep":
          case "halt": {
            const lane = running()[command.pick]
            const item = lane?.items[0]
            if (lane === undefined || item === undefined) break
            if (command._tag === "finish") {
              lanes.finish(laneOf(item))
              shift(lane)
            } else if (command._tag === "putBack") {
              lanes.putBack(laneOf(item))
              lane.state = "ready"
            } else if (command._tag === "sleep") {
              lane.at = now + command.millis
              lanes.sleep(laneOf(item), lane.at)
              lane.state = "sleeping"
            } else {
              lanes.halt(laneOf(item))
              lane.state = "halted"
            }
            break
          }
          case "tick": {
            now += command.millis
            lanes.wake(now)
            for (const lane of model.values()) if (lane.state === "sleeping" && lane.at <= now) lane.state = "ready"
            break
          }
          case "drop": {
            const gone = turns[command.turn]
            for (const [key, lane] of Array.from(model)) {
              const head = lane.items[0]
              if (head === undefined) continue
              lanes.drop(laneOf(head), (item) => item.turn === gone)
              lane.items = lane.items.filter((item, i) => item.turn !== gone || (i === 0 && lane.state === "running"))
              if (lane.items.length === 0) model.delete(key)
              else if (lane.items[0] !== head) lane.state = "ready"
            }
          }
        }
        const count = (state: string) => Array.from(model.values()).filter((lane) => lane.state === state).length
        assert.deepStrictEqual(
          [lanes.active, lanes.ready, lanes.running, lanes.sleeping, lanes.halted],
          [model.size, count("ready"), count("running"), count("sleeping"), count("halted")]
        )
        const alarms = Array.from(model.values()).filter(({ state }) => state === "sleeping").map(({ at }) => at)
        assert.strictEqual(lanes.nextAlarm(), Math.min(Infinity, ...alarms))
        for (const lane of lanes.values()) assert.strictEqual(lane.length, model.get(lane.key)?.items.length)
      }
    },
    { arbitrary: { runs: 300 } }
  )
})
