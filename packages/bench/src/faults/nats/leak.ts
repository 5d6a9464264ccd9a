/**
 * F29: 500 times a driver is opened, publishes, consumes, is interrupted and closed: nothing may be left of it.
 */
import { EventBus, Publisher, Subscriber, Topic } from "@effect-eventbus/core"
import { Data, Effect, Fiber, Layer } from "effect"
import { Counter } from "../../counting.ts"
import { until } from "../live.ts"
import { freshName } from "../load.ts"
import { Moved } from "../moved.ts"
import { none, type Scenario } from "../scenario.ts"
import { driver, lab, modes } from "./lab.ts"

const cycles = 500
/** Before the first measure: code, caches and pools come once. */
const warmUp = 300
/** Heap that may be more per cycle, in bytes: a leaked connection is some hundred times as much. */
const slopeBytes = 2000

class NoCollector extends Data.TaggedError("NoCollector") {
  override get message(): string {
    return "needs node --expose-gc, which the command gives to a scenario that runs alone"
  }
}

const heap = Effect.gen(function*() {
  const { gc } = globalThis
  if (gc === undefined) return yield* new NoCollector()
  for (let i = 0; i < 4; i++) {
    gc()
    yield* Effect.sleep(50)
  }
  return process.memoryUsage().heapUsed
})

/** One life: what it published is handled once, and both are interrupted in the middle of something. */
const life = Effect.fnUntraced(function*(servers: string, topic: Topic.Topic<readonly [typeof Moved]>, number: number) {
  const bus = EventBus.layer({ maxPending: 64 }).pipe(
    Layer.provide(driver(servers, modes[number % modes.length] ?? "window"))
  )
  yield* Effect.gen(function*() {
    const publisher = yield* Publisher.Publisher
    const subscriber = yield* Subscriber.Subscriber
    let handled = 0
    yield* subscriber.subscribe(topic, {
      group: "g",
      handlers: { Moved: () => Effect.sync(() => void handled++) }
    })
    yield* publisher.publish(topic, Moved.make({ key: "k", n: number }))
    yield* until(() => handled > 0, 10_000, 1)
    const publishing = yield* Effect.forkChild(
      Effect.forever(publisher.publishAsync(topic, Moved.make({ key: "k", n: number }))),
      { startImmediately: true }
    )
    yield* Effect.sleep(1)
    yield* Fiber.interrupt(publishing)
  }).pipe(Effect.scoped, Effect.provide(bus))
})

const leak: Scenario = {
  id: "F29",
  name: `${cycles} lives`,
  injects: `${cycles} times: open, publish, consume, interrupt, close`,
  asserts: ["I8"],
  longestGapMillis: 0,
  quick: false,
  alone: true,
  patienceMillis: 600_000,
  run: Effect.gen(function*() {
    const { cluster } = yield* lab()
    const topic = Topic.make(freshName("f29"), { events: [Moved], storage: "memory", retention: { count: 1000 } })
    const counter = new Counter()
    const times = (count: number, from: number) =>
      Effect.forEach(Array.from({ length: count }, (_, i) => from + i), (number) => life(cluster.url, topic, number), {
        discard: true
      })
    const alive = () => counter.alive
    yield* counter.watch(times(warmUp, 0))
    const heapBefore = yield* heap
    const before = alive()
    const started = performance.now()
    yield* counter.watch(times(cycles, warmUp))
    const millis = performance.now() - started
    const heapAfter = yield* heap
    const after = alive()
    const slope = (heapAfter - heapBefore) / cycles
    const fibers = after.fibers - before.fibers
    const handles = after.resources.length - before.resources.length
    const violations = [
      ...(slope > slopeBytes ? [`I8: ${Math.round(slope)} bytes more heap per cycle, at most ${slopeBytes}`] : []),
      ...(fibers > 0 ? [`I8: ${fibers} fibers are left`] : []),
      ...(handles > 0 ? [`I8: ${handles} handles are left: ${after.resources.join(", ")}`] : [])
    ]
    return {
      figures: { ...none, injected: cycles },
      violations,
      notes: { "bytes per cycle": Math.round(slope), fibers, handles, "one cycle ms": millis / cycles }
    }
  })
}

export const scenarios: ReadonlyArray<Scenario> = [leak]
