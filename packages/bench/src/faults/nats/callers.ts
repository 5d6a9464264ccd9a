/**
 * What callers do: they are interrupted (F15), they publish what is too large (F16), they use hostile names (F28).
 */
import { Broker, type PublishError, Topic, Wire } from "@effect-eventbus/core"
import { Effect, Exit, Fiber } from "effect"
import { runDirect } from "../direct.ts"
import type { Live } from "../live.ts"
import { Moved } from "../moved.ts"
import type { Scenario } from "../scenario.ts"
import { makeStream } from "./api.ts"
import { driver, inBothModes, lab, modes, observer } from "./lab.ts"

// --- F15 --------------------------------------------------------------------------------------------------------------

/** Interrupts publishers at every moment of a publish: before, while and after it is on its way. */
const interrupted = inBothModes({
  id: "F15",
  name: "publishers interrupted",
  injects: "200 fibers that await their receipt are interrupted: queued, in flight, after the acknowledgement",
  asserts: ["I1", "I2", "I3", "I4", "I5"],
  longestGapMillis: 5000,
  quick: true
}, () => ({
  bus: { maxPending: 64 },
  inject: (live) =>
    Effect.gen(function*() {
      let n = 0
      let times = 0
      const own = Effect.suspend(() => {
        const number = ++n
        const event = Moved.make({ key: `own${number % 7}`, n: number }, {
          eventId: `${live.topic.name}-own-${number}`
        })
        return Effect.flatten(live.history.publish(live.publisher, live.topic, event))
      })
      for (let round = 0; round < 20; round++) {
        const fibers = yield* Effect.forEach(
          Array.from({ length: 10 }),
          () => Effect.forkChild(own, { startImmediately: true })
        )
        // From at once to some milliseconds: with 64 permits some wait, some are in flight, some are acknowledged.
        if (round % 4 > 0) yield* Effect.sleep(round % 4)
        for (const fiber of fibers) {
          yield* Fiber.interrupt(fiber)
          times++
        }
      }
      live.injected(times)
    })
}))

// --- F16 --------------------------------------------------------------------------------------------------------------

const limit = 65_536
const configuration = `max_payload: ${limit}`

const reasonOf = (exit: Exit.Exit<unknown, PublishError.PublishError>): PublishError.Reason | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  return failure?.error.reason
}

const moved = (live: Live, n: number, textBytes: number, key = "k") =>
  Moved.make({ key, n, text: "x".repeat(textBytes) }, {
    eventId: `${live.topic.name}-${String(n).padStart(4, "0")}`,
    headers: { trace: "y".repeat(64) }
  })

/** The text with which an event fills a message to the last byte: from one that is too large by what it is told. */
const exact = Effect.fnUntraced(function*(live: Live) {
  let text = limit + 1000
  // The bus knows the broker's limit, and the driver what its own headers take of it.
  for (let tries = 0; tries < 3; tries++) {
    const event = moved(live, 9000 + tries, text)
    const told = yield* Effect.flatten(live.history.publish(live.publisher, live.topic, event))
    const reason = reasonOf(told)
    if (reason === undefined) return text
    if (reason._tag !== "TooLarge") break
    text -= reason.bytes - reason.limit
  }
  live.violation("I3: there is no size that fills a message")
  return 0
})

const oversize = modes.flatMap((mode) =>
  [true, false].map((headers): Scenario => ({
    id: "F16",
    name: `one byte too large, ${headers ? "with" : "without"} headers of the wire`,
    mode,
    injects:
      "events of exactly the server's limit and of one byte more, alone and in the middle of a batch of one aggregate",
    asserts: ["I1", "I2", "I3", "I4", "I5"],
    longestGapMillis: 5000,
    quick: true,
    run: Effect.gen(function*() {
      const { cluster } = yield* lab({ configuration })
      return yield* runDirect({
        name: `f16-${mode}`,
        broker: driver(cluster.url, mode),
        observer: observer(cluster.url),
        topic: { wire: Wire.jsonWith({ headers }) },
        run: (live) =>
          Effect.gen(function*() {
            const fits = yield* exact(live)
            const bad = new Set([7, 8, 25, 49])
            const events = Array.from(
              { length: 50 },
              (_, n) => moved(live, 1000 + n, bad.has(n) ? fits + 1 : n % 10 === 0 ? fits : 10)
            )
            const told = yield* live.history.publishBatch(live.publisher, live.topic, events)
            const wrong = told.flatMap((exit, n) => {
              const tag = reasonOf(exit)?._tag ?? "acked"
              return tag === (bad.has(n) ? "TooLarge" : "acked") ? [] : [`${n}: ${tag}`]
            })
            if (wrong.length > 0) live.violation(`I3: neighbours of an event that is too large: ${wrong.join(", ")}`)
            live.injected(bad.size + 2)
          })
      })
    })
  }))
)

/** The stream's own limit, which only the server knows: it refuses in the middle of what is on its way. */
const refusedByStream = modes.map((mode): Scenario => ({
  id: "F16",
  name: "too large for the stream",
  mode,
  injects: "a stream with max_msg_size 2,000: some of 300 events of five aggregates are refused by the server",
  asserts: ["I1", "I2", "I3", "I4", "I5"],
  longestGapMillis: 5000,
  quick: true,
  run: Effect.gen(function*() {
    const { cluster } = yield* lab()
    return yield* runDirect({
      name: `f16s-${mode}`,
      broker: driver(cluster.url, mode),
      observer: observer(cluster.url),
      run: (live) =>
        Effect.gen(function*() {
          yield* makeStream(cluster.url, live.topic.name, { max_msg_size: 2000 })
          const events = Array.from({ length: 300 }, (_, n) => moved(live, n, n % 37 === 5 ? 3000 : 10, `k${n % 5}`))
          const told = yield* live.history.publishBatch(live.publisher, live.topic, events)
          const wrong = told.flatMap((exit, n) => {
            const tag = reasonOf(exit)?._tag ?? "acked"
            return tag === (n % 37 === 5 ? "TooLarge" : "acked") ? [] : [`${n}: ${tag}`]
          })
          if (wrong.length > 0) live.violation(`I3: neighbours of a refused event: ${wrong.slice(0, 10).join(", ")}`)
          live.injected(told.filter((exit) => reasonOf(exit)?._tag === "TooLarge").length)
        })
    })
  })
}))

// --- F28 --------------------------------------------------------------------------------------------------------------

const hostileNames = [
  "$JS.API.STREAM.DELETE.X",
  "$SYS.REQ",
  "_INBOX.x",
  "*",
  ">",
  "a.*",
  "a*b",
  "..",
  "a..b",
  ".a",
  "a.",
  "a b",
  "a\tb",
  "a\r\nPUB b 0",
  "a\u0000b",
  "a\u00a0b",
  "",
  "x".repeat(5000)
]

const hostileHeaders: ReadonlyArray<Readonly<Record<string, string>>> = [
  { "Nats-Msg-Id": "same" },
  { "nats-rollup": "all" },
  { "Nats-Expected-Last-Sequence": "1" },
  { "Nats-TTL": "1s" },
  { "bad name": "x" },
  { "bad:name": "x" },
  { ok: "a\r\nNats-Rollup: all" }
]

const hostile = inBothModes({
  id: "F28",
  name: "hostile names and headers",
  injects: "18 names that reach the JetStream API, match others or cost the connection; 7 headers that NATS would obey",
  asserts: ["I1", "I2", "I3", "I4", "I5"],
  longestGapMillis: 5000,
  quick: true,
  proxied: true
}, ({ cluster, proxy }, mode) => ({
  inject: (live) =>
    Effect.gen(function*() {
      const cuts = proxy.open
      const broker = yield* Broker.Broker
      for (const name of hostileNames) {
        live.injected()
        const made = Effect.exit(
          Effect.try({ try: () => Topic.make(name, { events: [Moved] }), catch: (error) => error })
        )
        if (Exit.isSuccess(yield* made)) live.violation(`a topic may be called ${JSON.stringify(name.slice(0, 40))}`)
        // Past core, at the driver itself.
        const ensured = yield* Effect.exit(broker.ensureTopic({ ...live.topic, name }, "createOnly"))
        if (Exit.isSuccess(ensured)) live.violation(`the driver made ${JSON.stringify(name.slice(0, 40))}`)
      }
      for (const headers of hostileHeaders) {
        live.injected()
        const made = Effect.try({ try: () => Moved.make({ key: "h", n: 1 }, { headers }), catch: (error) => error })
        const told = yield* Effect.exit(
          Effect.flatMap(made, (event) => Effect.flatten(live.history.publish(live.publisher, live.topic, event)))
        )
        if (Exit.isSuccess(told) && Exit.isSuccess(told.value)) {
          live.violation(`I3: the header ${JSON.stringify(headers)} was published`)
        }
      }
      if (proxy.open !== cuts) live.violation(`the connection was lost: ${cuts} open, now ${proxy.open}`)
    }).pipe(Effect.provide(driver(cluster.url, mode)))
}))

export const scenarios: ReadonlyArray<Scenario> = [...interrupted, ...oversize, ...refusedByStream, ...hostile]
