import type { Revocation } from "@effect-eventbus/core/Broker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { Revocations } from "../src/internal/revocations.ts"
import { Waiters } from "../src/internal/waiters.ts"

const revocation = (partition: number, epoch: number, released: Effect.Effect<void> = Effect.void): Revocation => ({
  partition,
  epoch,
  deadlineMillis: 0,
  released
})

describe("Revocations", () => {
  it.effect("the last one of each partition waits for its reader, however late it comes", () =>
    Effect.gen(function*() {
      const revocations = new Revocations(new Waiters())
      const released: Array<number> = []
      for (let epoch = 1; epoch <= 100; epoch++) {
        for (const partition of [0, 1]) {
          revocations.add(revocation(partition, epoch, Effect.sync(() => void released.push(epoch))))
        }
      }
      const read = yield* Stream.runCollect(Stream.take(revocations.stream, 2))
      assert.deepStrictEqual(read.map(({ epoch, partition }) => [partition, epoch]), [[0, 100], [1, 100]])
      yield* read[0]!.released
      assert.strictEqual(released.length, 100)
    }))

  it.effect("a reader that waits is woken, and the end is the end", () =>
    Effect.gen(function*() {
      const revocations = new Revocations(new Waiters())
      const reading = yield* Effect.forkChild(Stream.runCollect(revocations.stream), { startImmediately: true })
      revocations.add(revocation(3, 7))
      yield* Effect.yieldNow
      revocations.end()
      assert.deepStrictEqual((yield* Fiber.join(reading)).map(({ epoch }) => epoch), [7])
    }))
})
