import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { openScripted } from "../fixtures/pipeline.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const policy = { key: "aggregate", maxInFlight: 1, maxBatch: 1 } as const

describe("the lanes of a topic", () => {
  it.effect("are kept for an aggregate that comes again, and while something stands in them", () =>
    Effect.gen(function*() {
      const { entry, topic } = yield* openScripted({ policy })
      const idle = topic.laneOf(entry("a", "a"))
      topic.retire(idle)
      assert.strictEqual(topic.laneOf(entry("b", "a")), idle)
      const busy = topic.laneOf(entry("c", "busy"))
      busy.push(entry("c", "busy"))
      for (let i = 0; i < 5000; i++) topic.retire(topic.laneOf(entry(`${i}`, `once ${i}`)))
      assert.strictEqual(topic.laneOf(entry("d", "busy")), busy)
      assert.notStrictEqual(topic.laneOf(entry("e", "a")), idle)
    }))

  it.effect("are forgotten where aggregates come once each", () =>
    Effect.gen(function*() {
      const { entry, topic } = yield* openScripted({ policy })
      topic.laneOf(entry("busy", "busy")).push(entry("busy", "busy"))
      const seen = Array.from({ length: 20_000 }, (_, i) => {
        const lane = topic.laneOf(entry(`${i}`, `once ${i}`))
        topic.retire(lane)
        return new WeakRef(lane)
      })
      // What a WeakRef was just asked of stays until the turn is over.
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      collect()
      assert.isBelow(seen.filter((lane) => lane.deref() !== undefined).length, 5000)
    }))
})
