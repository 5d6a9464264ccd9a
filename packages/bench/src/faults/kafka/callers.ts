/**
 * F15, F16, F28: what callers do: they are interrupted, publish what is too large, name what may not be named.
 */
import { EventBus, Publisher, Subscriber, Topic, Wire } from "@effect-eventbus/core"
import * as History from "@effect-eventbus/core/testing/History"
import { Cause, Effect, Exit, Fiber, Layer } from "effect"
import { Api } from "../../proxy/kafka.ts"
import { freshName, readBack } from "../load.ts"
import { Moved } from "../moved.ts"
import type { Scenario } from "../scenario.ts"
import { verdict } from "../verdict.ts"
import { driver, lab, observer } from "./lab.ts"

const interrupted: Scenario = {
  id: "F15",
  name: "publishers interrupted: queued, in flight, after the acknowledgement",
  injects: "fibers that publish are interrupted, with a window of 32 and acknowledgements 30 ms late",
  asserts: ["I1", "I2", "I3", "I4", "I5"],
  longestGapMillis: 60_000,
  quick: true,
  run: Effect.gen(function*() {
    const own = yield* lab()
    const history = yield* History.make
    const topic = Topic.make(freshName("f15"), { events: [Moved], partitions: 3 })
    const hit = { queued: 0, inFlight: 0, acknowledged: 0 }
    yield* Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      let n = 0
      const one = Effect.suspend(() => {
        const number = n++
        return history.publish(
          publisher,
          topic,
          Moved.make({ key: `k${number % 5}`, n: number }, {
            eventId: `${topic.name}-${number}`
          })
        )
      })
      yield* Effect.flatten(one)
      own.proxy.delay(Api.Produce, 30)
      for (let i = 0; i < 25; i++) {
        const publishing = yield* Effect.forkChild(Effect.forever(one), { startImmediately: true })
        yield* Effect.sleep(5 + i)
        const { count, unsettled } = yield* publisher.pending
        // The window is full, so the fiber waits for it; all that it was accepted with is on its way.
        if (count >= 32) hit.queued++
        if (unsettled > 0) hit.inFlight++
        yield* Fiber.interrupt(publishing)
      }
      for (let i = 0; i < 5; i++) {
        const told = yield* one
        const waiting = yield* Effect.forkChild(Effect.andThen(told, Effect.never))
        yield* told
        hit.acknowledged++
        yield* Fiber.interrupt(waiting)
      }
      own.proxy.mend()
      yield* publisher.flush
    }).pipe(
      Effect.scoped,
      Effect.provide(
        EventBus.layer({ maxPending: 32 }).pipe(
          Layer.provide(driver(own.cluster.proxied))
        )
      )
    )
    const stored = yield* readBack(topic, observer(own.cluster))
    return verdict({ entries: history.entries, stored, noDuplicates: true }, {
      injected: hit.queued + hit.inFlight + hit.acknowledged,
      violations: Object.entries(hit).flatMap(([when, times]) => times > 0 ? [] : [`no publish was hit ${when}`]),
      notes: hit
    })
  })
}

const wires = { "without headers": Wire.jsonWith({ headers: false }), "with headers": Wire.json }
const limit = 100_000

const isTooLarge = (exit: History.Told) =>
  Exit.isFailure(exit)
  && exit.cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error.reason._tag === "TooLarge")

const oversized: Scenario = {
  id: "F16",
  name: "one byte over, 100 MB, a bad one inside a batch",
  injects: "events around the largest size that the topic takes, with and without headers, and one of 100 MB",
  asserts: ["I1", "I2", "I3", "I4", "I5"],
  longestGapMillis: 60_000,
  quick: true,
  run: Effect.gen(function*() {
    const own = yield* lab()
    const history = yield* History.make
    const violations: Array<string> = []
    const notes: Record<string, number> = {}
    const topics: Array<Topic.Topic<readonly [typeof Moved]>> = []
    let injected = 0
    yield* Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      for (const [name, wire] of Object.entries(wires)) {
        const topic = Topic.make(freshName("f16"), { events: [Moved], wire })
        topics.push(topic)
        let n = 0
        const make = (bytes: number) => {
          const number = n++
          return Moved.make({ key: "k", n: 1000 + number, text: "x".repeat(bytes) }, {
            eventId: `${topic.name}-${1000 + number}`
          })
        }
        const publish = (bytes: number) => Effect.flatten(history.publish(publisher, topic, make(bytes)))
        let [fits, over] = [0, limit]
        if (!(isTooLarge(yield* publish(over)))) violations.push(`${name}: ${over} bytes of text were not too large`)
        while (over - fits > 1) {
          const middle = Math.floor((fits + over) / 2)
          if (isTooLarge(yield* publish(middle))) over = middle
          else fits = middle
        }
        notes[`text that fits ${name} B`] = fits
        if (Exit.isFailure(yield* publish(fits))) violations.push(`${name}: the largest was not acknowledged`)
        const before = own.proxy.bytesToServer
        for (let i = 0; i < 5; i++) {
          if (!isTooLarge(yield* publish(fits + 1))) violations.push(`${name}: one byte over was not refused`)
          injected++
        }
        if (own.proxy.bytesToServer - before > limit) violations.push(`${name}: what is too large was sent`)
        // Neighbours of one batch: all that fit are acknowledged, whatever stands between them.
        const told = yield* history.publishBatch(publisher, topic, [10, fits + 1, 10, limit * 5, 10].map(make))
        injected += 2
        const outcome = told.map((exit) => Exit.isSuccess(exit) ? "acked" : isTooLarge(exit) ? "too large" : "failed")
        if (outcome.join() !== "acked,too large,acked,too large,acked") {
          violations.push(`${name}: a batch with two that are too large: ${outcome.join(", ")}`)
        }
        const cuts = own.proxy.open
        const sent = own.proxy.bytesToServer
        if (!isTooLarge(yield* publish(100_000_000))) violations.push(`${name}: 100 MB were not refused`)
        injected++
        if (own.proxy.bytesToServer - sent > limit) violations.push(`${name}: 100 MB were sent`)
        if (own.proxy.open < cuts) violations.push(`${name}: 100 MB have cost a connection`)
        if (Exit.isFailure(yield* publish(10))) violations.push(`${name}: what came after 100 MB was not acknowledged`)
      }
    }).pipe(
      Effect.scoped,
      Effect.provide(
        EventBus.layer({ maxPendingBytes: 256 * 1024 * 1024 }).pipe(
          Layer.provide(driver(own.cluster.proxied, { topicDefaults: { maxMessageBytes: limit } }))
        )
      )
    )
    const stored = yield* Effect.forEach(topics, (topic) => readBack(topic, observer(own.cluster)))
    return verdict({ entries: history.entries, stored: stored.flat(), noDuplicates: true }, {
      injected,
      violations,
      notes
    })
  })
}

const hostile = [
  "$JS.API.STREAM.DELETE.X",
  "*",
  ">",
  "..",
  ".",
  "",
  "a..b",
  "a b",
  "a\u0000b",
  "a\u00a0b",
  "a\r\nb",
  "../../etc",
  "__consumer_offsets",
  "a/b",
  "a:b",
  "orders.3",
  "x".repeat(5000)
]
const hostileHeaders = [["X-Bad", "a\r\nb"], ["X Bad", "a"], ["X-Bad:", "a"], ["", "a"], ["X-Bad\u0000", "a"]] as const

const refuses = (make: () => unknown): boolean => {
  try {
    make()
    return false
  } catch {
    return true
  }
}

const named: Scenario = {
  id: "F28",
  name: "hostile names of topics, groups, aggregates and headers",
  injects: "names with wildcards, control characters, separators and 5,000 bytes, between good publishes",
  asserts: ["I1", "I2", "I3", "I4", "I5"],
  longestGapMillis: 60_000,
  quick: true,
  run: Effect.gen(function*() {
    const own = yield* lab()
    const history = yield* History.make
    const topic = Topic.make(freshName("f28"), { events: [Moved], partitions: 3 })
    const violations: Array<string> = []
    let injected = 0
    yield* Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const subscriber = yield* Subscriber.Subscriber
      let n = 0
      const good = Effect.suspend(() =>
        Effect.flatten(
          history.publish(publisher, topic, Moved.make({ key: "k", n }, { eventId: `${topic.name}-${n++}` }))
        )
      )
      yield* good
      const refused = (what: string, text: string, was: boolean): void => {
        injected++
        if (!was) violations.push(`${what} ${JSON.stringify(text.slice(0, 40))} was not refused`)
      }
      for (const name of hostile) {
        refused("topic", name, refuses(() => Topic.make(name, { events: [Moved] })))
        refused(
          "aggregate",
          name,
          name === "." || name === ".." || /^[\w./:-]{1,256}$/.test(name)
            || Exit.isFailure(
              yield* Effect.exit(Effect.suspend(() => publisher.publish(topic, Moved.make({ key: name, n: -1 }))))
            )
        )
        if (/^[\w-]{1,100}$/.test(name)) continue
        const subscribed = yield* Effect.exit(
          Effect.scoped(
            Effect.suspend(() => subscriber.subscribe(topic, { group: name, handlers: { Moved: () => Effect.void } }))
          )
        )
        refused("group", name, Exit.isFailure(subscribed))
        yield* good
      }
      for (const [name, value] of hostileHeaders) {
        const exit = yield* Effect.exit(
          Effect.suspend(() =>
            publisher.publish(topic, Moved.make({ key: "k", n: -1 }, { headers: { [name]: value } }))
          )
        )
        refused("header", `${name}: ${value}`, Exit.isFailure(exit))
        yield* good
      }
      if (own.proxy.cuts > 0) violations.push("a connection was lost")
    }).pipe(Effect.scoped, Effect.provide(EventBus.layer().pipe(Layer.provide(driver(own.cluster.proxied)))))
    const stored = yield* readBack(topic, observer(own.cluster))
    const good = history.entries.filter(({ _tag }) => _tag === "Issued").length
    if (stored.length !== good) violations.push(`${stored.length} records are stored, not the ${good} good ones`)
    return verdict({ entries: history.entries, stored, noDuplicates: true }, { injected, violations })
  })
}

export const scenarios: ReadonlyArray<Scenario> = [interrupted, oversized, named]
