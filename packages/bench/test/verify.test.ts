import * as Publisher from "@effect-eventbus/core/Publisher"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { publishBatch, through } from "../src/workload/bulk.ts"
import { layer } from "../src/workload/bus.ts"
import { orders, Source } from "../src/workload/orders.ts"
import { publish } from "../src/workload/publish.ts"
import { fullWindow, makeAndPublish, publishAsync } from "../src/workload/publishAsync.ts"
import { verify } from "../src/workload/verify.ts"

/** Publishes, as a workload would that does something wrong, and verifies. */
const problemOf = (
  published: number,
  acked: number,
  wrong: (source: Source) => ReadonlyArray<ReturnType<Source["envelope"]>>
) =>
  Effect.gen(function*() {
    const publisher = yield* Publisher.Publisher
    for (const envelope of wrong(new Source(0, 512))) yield* publisher.publish(orders, envelope)
    return yield* verify("planted", published, { acked, failed: 0, unknown: 0 }).pipe(
      Effect.match({ onFailure: ({ problem }) => problem, onSuccess: () => "" })
    )
  }).pipe(Effect.provide(layer()))

const three = (source: Source) => [source.envelope(), source.envelope(), source.envelope()] as const

describe("verify", () => {
  it.live("finds nothing where all is well", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* problemOf(3, 3, three), "")
    }))

  it.live("finds a message that was not acknowledged, or not stored", () =>
    Effect.gen(function*() {
      assert.include(yield* problemOf(3, 2, three), "2 of 3 acknowledged")
      assert.include(yield* problemOf(4, 4, three), "3 of 4 stored")
    }))

  it.live("finds a planted loss, duplicate and inversion", () =>
    Effect.gen(function*() {
      const loss = yield* problemOf(2, 2, (source) => {
        const [a, , c] = three(source)
        return [a, c]
      })
      assert.include(loss, "\"gaps\":1")
      const inversion = yield* problemOf(3, 3, (source) => {
        const [a, b, c] = three(source)
        return [a, c, b]
      })
      assert.include(inversion, "\"orderViolations\":1")
      const duplicate = yield* problemOf(4, 4, (source) => {
        const [a, b, c] = three(source)
        // Under an event id of its own, so that the broker does not know it again.
        return [a, b, { ...b, eventId: "another" }, c]
      })
      assert.include(duplicate, "\"orderViolations\":1")
    }))
})

describe("a workload", () => {
  it.live.each(
    [
      publishAsync(3001),
      fullWindow(20_000),
      makeAndPublish(1000),
      publish(1, 200),
      publish(32, 1000),
      publish(1000, 2500),
      publishBatch(1200),
      through(1200)
    ]
  )("publishes what it says: $name", ({ messages, round }) =>
    Effect.gen(function*() {
      const sample = yield* round(messages)
      assert.strictEqual(sample.messages, messages)
      assert.deepStrictEqual(sample.counts, {
        acked: messages,
        failed: 0,
        unknown: 0,
        orderViolations: 0,
        gaps: 0,
        duplicates: 0
      })
      assert.isAbove(sample.millis, 0)
    }))
})
