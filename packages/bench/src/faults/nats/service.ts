/**
 * A service in a process of its own, which may be told to end, or killed: publishes at a bounded rate, or only consumes, in
 * both cases as a member of the group `g`. What happens in it is appended to a file as it happens.
 *
 * One argument, in JSON: {@link ServiceOptions}.
 */
import { EventBus, Publisher, Subscriber, Topic } from "@effect-eventbus/core"
import * as History from "@effect-eventbus/core/testing/History"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer } from "effect"
import { appendFileSync } from "node:fs"
import { Moved } from "../moved.ts"
import { driver, type Mode } from "./lab.ts"

export interface ServiceOptions {
  readonly servers: string
  readonly topic: string
  readonly mode: Mode
  readonly publishes: boolean
  /** Where its history goes, as JSON lines. */
  readonly file: string
  readonly drainMillis: number
  readonly maxInFlight: number
  /** Per handled event. */
  readonly handleMillis: number
}

const service = Effect.fnUntraced(function*(options: ServiceOptions) {
  const history = yield* History.make
  const topic = Topic.make(options.topic, { events: [Moved] })
  let written = 0
  const write = Effect.sync(() => {
    const entries = history.entries.slice(written)
    written += entries.length
    if (entries.length > 0) appendFileSync(options.file, History.toJsonLines(entries))
  })
  yield* Effect.forkChild(Effect.forever(Effect.andThen(Effect.sleep(5), write)))
  const handler = history.handler("g", "service", () => Effect.sleep(options.handleMillis))
  const bus = EventBus.layer({ maxPending: 512, drainTimeout: options.drainMillis }).pipe(
    Layer.provide(driver(options.servers, options.mode))
  )
  yield* Effect.gen(function*() {
    const publisher = yield* Publisher.Publisher
    const subscriber = yield* Subscriber.Subscriber
    yield* subscriber.subscribe(topic, {
      group: "g",
      concurrency: 16,
      maxInFlight: options.maxInFlight,
      // What is acknowledged is in the file, however the process ends.
      handlers: { Moved: (envelope, delivery) => Effect.ensuring(handler(envelope, delivery), write) }
    })
    let n = 0
    const one = Effect.suspend(() => {
      const number = n++
      const event = Moved.make({ key: `k${number % 20}`, n: number }, { eventId: `${topic.name}-${number}` })
      return history.publish(publisher, topic, event)
    })
    // The topic is opened by one.
    if (options.publishes) yield* Effect.flatten(one)
    yield* Effect.sync(() => process.stdout.write("ready\n"))
    if (!options.publishes) return yield* Effect.never
    return yield* Effect.forever(Effect.andThen(Effect.repeat(one, { times: 99 }), Effect.sleep(50)))
  }).pipe(
    Effect.scoped,
    Effect.provide(bus),
    // Everything that the end of the bus has settled is in the history by then.
    Effect.ensuring(Effect.andThen(Effect.sleep(20), write))
  )
})

if (import.meta.main) {
  const options: ServiceOptions = JSON.parse(process.argv[2] ?? "{}")
  NodeRuntime.runMain(service(options))
}
