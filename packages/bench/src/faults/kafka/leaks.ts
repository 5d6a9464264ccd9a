/**
 * F29: opening, publishing, consuming, interrupting and closing, again and again: what stays?
 */
import { EventBus, Publisher, Subscriber, Topic } from "@effect-eventbus/core"
import * as History from "@effect-eventbus/core/testing/History"
import { Deferred, Effect, Exit, Fiber, Layer } from "effect"
import { heapUsed } from "../heap.ts"
import { freshName, readBack } from "../load.ts"
import { Moved } from "../moved.ts"
import type { Scenario } from "../scenario.ts"
import { verdict } from "../verdict.ts"
import { driver, lab, observer } from "./lab.ts"

const cycles = 200
const warmUp = 20

const handles = (): number =>
  process.getActiveResourcesInfo().filter((name) => /Wrap|Timeout|Immediate/.test(name)).length

const leak: Scenario = {
  id: "F29",
  name: `${cycles} times opened, used, interrupted, closed`,
  injects: "a bus is opened, publishes, consumes, is interrupted at one of them, and closed",
  asserts: ["I1", "I2", "I3", "I4", "I5", "I8"],
  longestGapMillis: 60_000,
  quick: false,
  alone: true,
  patienceMillis: 300_000,
  run: Effect.gen(function*() {
    const own = yield* lab()
    const history = yield* History.make
    const topic = Topic.make(freshName("f29"), { events: [Moved] })
    let n = 0
    let turn = 0
    const cycle = Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const subscriber = yield* Subscriber.Subscriber
      const got = yield* Deferred.make<void>()
      const work = Effect.gen(function*() {
        yield* subscriber.subscribe(topic, {
          group: "g",
          handlers: { Moved: () => Deferred.done(got, Exit.void) }
        })
        yield* Effect.flatten(
          history.publish(publisher, topic, Moved.make({ key: "k", n }, { eventId: `${topic.name}-${n++}` }))
        )
        yield* Deferred.await(got)
        yield* Effect.never
      })
      const working = yield* Effect.forkChild(Effect.scoped(work), { startImmediately: true })
      // In every fifth cycle it is interrupted on the way.
      if (turn++ % 5 === 4) yield* Effect.sleep(turn % 40)
      else yield* Deferred.await(got)
      yield* Fiber.interrupt(working)
    }).pipe(
      Effect.scoped,
      Effect.provide(EventBus.layer().pipe(Layer.provide(driver(own.cluster.bootstrap))), { local: true })
    )
    for (let i = 0; i < warmUp; i++) yield* cycle
    yield* Effect.sleep(1000)
    const before = { handles: handles(), heap: yield* heapUsed }
    for (let i = 0; i < cycles; i++) yield* cycle
    yield* Effect.sleep(1000)
    const after = { handles: handles(), heap: yield* heapUsed }
    const slope = (after.heap - before.heap) / cycles / 1024
    const violations: Array<string> = []
    if (after.handles > before.handles + 2) violations.push(`I8: ${after.handles} handles, ${before.handles} before`)
    // Topics, metric series and compiled code are kept on purpose; a bus is some hundred kB.
    if (slope > 20) {
      violations.push(`I8: the heap grows by ${slope.toFixed(1)} kB a cycle`)
    }
    const stored = yield* readBack(topic, observer(own.cluster))
    return verdict({ entries: history.entries, stored, noDuplicates: true }, {
      injected: cycles,
      violations,
      notes: {
        "handles before": before.handles,
        "handles after": after.handles,
        "heap slope kB": slope
      }
    })
  })
}

export const scenarios: ReadonlyArray<Scenario> = [leak]
