import { EventBus, Health, MemoryBroker, Publisher, Subscriber } from "@effect-eventbus/core"
import { Deferred, Effect, Exit, Fiber, Layer, Metric, Stream } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "vitest"
import { OrderPlaced, Orders } from "./fixtures/orders.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

/** Counts fibers that have started and not ended. */
const counting = () => {
  let running = 0
  let started = 0
  const service: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      running++
      started++
    },
    recordFiberEnd: () => {
      running--
    }
  }
  return { running: () => running, started: () => started, layer: Layer.succeed(Metric.FiberRuntimeMetrics)(service) }
}

/** A whole life: publish, consume, read results, watch the status, interrupt somebody, leave with one still waiting. */
const life = Effect.gen(function*() {
  const publisher = yield* Publisher.Publisher
  const subscriber = yield* Subscriber.Subscriber
  const health = yield* Health.Health
  const handled = yield* Deferred.make<string>()
  yield* Effect.forkScoped(Stream.runDrain(publisher.results))
  const subscription = yield* subscriber.subscribe(Orders, {
    group: "billing",
    handlers: {
      OrderPlaced: (envelope) => Deferred.succeed(handled, envelope.eventId),
      OrderShipped: () => Effect.void
    }
  })
  yield* Effect.forkScoped(Stream.runDrain(subscription.status))
  yield* publisher.publish(Orders, OrderPlaced.make({ orderId: "o-1", total: 1 }))
  yield* Deferred.await(handled)
  const waiting = yield* Effect.forkScoped(
    publisher.publishAsync(Orders, OrderPlaced.make({ orderId: "o-2", total: 2 }))
  )
  yield* Fiber.interrupt(waiting)
  yield* publisher.publishAsync(Orders, OrderPlaced.make({ orderId: "o-3", total: 3 }))
  yield* health.check()
})

const timers = () =>
  process.getActiveResourcesInfo().filter((name) => name === "Timeout" || name === "Immediate").length

describe("leaks", () => {
  it("1,000 buses opened and closed leave no fiber, no timer, no listener, and the heap where it was", {
    timeout: 60_000
  }, async () => {
    const fibers = counting()
    const cycle = life.pipe(
      Effect.scoped,
      Effect.provide(EventBus.layer({ drainTimeout: "1 second" }).pipe(Layer.provide(MemoryBroker.layer()))),
      Effect.provide(fibers.layer)
    )
    const listeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
    const heap = () => {
      collect()
      collect()
      return process.memoryUsage().heapUsed / 1e6
    }
    for (let i = 0; i < 200; i++) await Effect.runPromise(cycle)
    const before = { heap: heap(), listeners: listeners(), timers: timers() }
    for (let i = 0; i < 1000; i++) {
      const exit = await Effect.runPromiseExit(cycle)
      assert.isTrue(Exit.isSuccess(exit))
    }
    // The last fibers end in the turn after their scope.
    await new Promise((resolve) => setTimeout(resolve, 50))
    const after = { heap: heap(), listeners: listeners(), timers: timers() }
    // Some ten fibers a bus: the count sees them.
    assert.isAbove(fibers.started(), 10_000)
    assert.strictEqual(fibers.running(), 0)
    assert.isAtMost(after.timers, before.timers)
    assert.strictEqual(after.listeners, before.listeners)
    assert.isBelow(after.heap - before.heap, 5, `heap ${before.heap.toFixed(1)} -> ${after.heap.toFixed(1)} MB`)
  })
})
