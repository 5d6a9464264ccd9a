/**
 * F21: a service is told to end with events under way both ways; and F20: a member of a group dies between its handler's
 * success and the acknowledgement.
 */
import { EventBus, Subscriber, Topic } from "@effect-eventbus/core"
import * as History from "@effect-eventbus/core/testing/History"
import { Effect, Layer } from "effect"
import { until } from "../live.ts"
import { freshName, readBack, runLoad } from "../load.ts"
import { Moved } from "../moved.ts"
import type { Scenario } from "../scenario.ts"
import { verdict } from "../verdict.ts"
import { type Child, startService } from "./child.ts"
import { driver, type Lab, lab, type Mode, modes, observer } from "./lab.ts"

// --- F21 --------------------------------------------------------------------------------------------------------------

/** What a member of the same group still gets to handle, until it is not behind any more. */
const handleRest = (servers: string, topicName: string) =>
  Effect.gen(function*() {
    const history = yield* History.make
    const topic = Topic.make(topicName, { events: [Moved] })
    const bus = EventBus.layer().pipe(Layer.provideMerge(driver(servers, "window")))
    yield* Effect.gen(function*() {
      const subscriber = yield* Subscriber.Subscriber
      yield* subscriber.subscribe(topic, {
        group: "g",
        handlers: { Moved: history.handler("g", "rest", () => Effect.void) }
      })
      let last = -1
      // Nothing new for longer than the server's ack wait.
      yield* until(
        () => {
          const still = last === history.entries.length
          last = history.entries.length
          return still
        },
        60_000,
        7000
      )
    }).pipe(Effect.scoped, Effect.provide(bus))
    return history.entries
  })

interface Ending {
  readonly name: string
  readonly injects: string
  readonly drainMillis: number
  /** Ends it. */
  readonly end: (child: Child, lab: Lab) => Effect.Effect<void>
  /** Afterwards, so that the verdict can be found. */
  readonly mend?: (lab: Lab) => void
  readonly longestMillis: number
}

const interruptedCode = 130

const ending = (mode: Mode, { drainMillis, end, injects, longestMillis, mend, name }: Ending): Scenario => ({
  id: "F21",
  name,
  mode,
  injects,
  asserts: ["I1", "I2", "I3", "I4", "I5", "I8", "I9"],
  longestGapMillis: 20_000,
  quick: false,
  run: Effect.gen(function*() {
    const made = yield* lab()
    const servers = made.cluster.url
    const topic = freshName(`f21-${mode}`)
    const child = yield* startService({
      servers,
      topic,
      mode,
      publishes: true,
      drainMillis,
      maxInFlight: 256,
      handleMillis: 5
    })
    yield* child.handled(100)
    // Anywhere between two bursts.
    yield* Effect.sleep(Math.random() * 100)
    const started = performance.now()
    yield* end(child, made)
    const code = yield* Effect.promise(() =>
      Promise.race([
        child.ended,
        new Promise<string>((resolve) => {
          setTimeout(() => resolve("still running"), longestMillis)
        })
      ])
    )
    const drain = performance.now() - started
    mend?.(made)
    const violations = code === interruptedCode ? [] : [`I8: the process ended with ${code}, not ${interruptedCode}`]
    const first = yield* child.entries
    const rest = yield* handleRest(servers, topic)
    const stored = yield* readBack(Topic.make(topic, { events: [Moved] }), observer(servers))
    const handled = first.filter(({ _tag }) => _tag === "Ended").length
    if (handled === 0) violations.push("nothing was handled before the end, so this round has tested nothing")
    return verdict({ entries: [...first, ...rest], stored, noDuplicates: true, caughtUp: ["g"] }, {
      injected: 1,
      violations,
      notes: { "drain ms": drain, "exit code": typeof code === "number" ? code : -1 }
    })
  })
})

const terminate = (child: Child) => Effect.sync(() => void child.process.kill("SIGTERM"))

const endings: ReadonlyArray<Ending> = [
  {
    name: "SIGTERM under load",
    injects: "SIGTERM to a service with publishes and handlers under way",
    drainMillis: 10_000,
    end: terminate,
    longestMillis: 15_000
  },
  {
    name: "SIGTERM twice",
    injects: "a second SIGTERM while the first one drains",
    drainMillis: 10_000,
    end: (child) => terminate(child).pipe(Effect.andThen(Effect.sleep(5)), Effect.andThen(terminate(child))),
    longestMillis: 15_000
  },
  {
    name: "SIGTERM, budget exceeded",
    injects: "the server stops, then SIGTERM with a drain budget of 1 s: what is under way cannot be answered",
    drainMillis: 1000,
    end: (child, { node }) =>
      Effect.sync(() => node.signal("SIGSTOP")).pipe(
        Effect.andThen(Effect.sleep(300)),
        Effect.andThen(terminate(child))
      ),
    mend: ({ node }) => node.signal("SIGCONT"),
    longestMillis: 25_000
  }
]

// --- F20 --------------------------------------------------------------------------------------------------------------

const window = 64

/** What the dead ones have left, by topic. */
const dead = new Map<string, { readonly entries: ReadonlyArray<History.Entry>; readonly died: number }>()

/** What ran when the process died ended with it. */
const cutShort = (entries: ReadonlyArray<History.Entry>, at: number): ReadonlyArray<History.Entry> => {
  const ended = new Set(entries.flatMap((entry) => entry._tag === "Ended" ? [entry.run] : []))
  const cut = entries.flatMap((entry) => entry._tag === "Started" && !ended.has(entry.run) ? [entry.run] : [])
  return [...entries, ...cut.map((run): History.Entry => ({ _tag: "Ended", at, run, outcome: "interrupted" }))]
}

/** The dead one's deliveries come back after the server's ack wait. */
const crashed = modes.map((mode): Scenario => ({
  id: "F20",
  name: "a member dies",
  mode,
  injects: "SIGKILL of a process with some of it handled and not acknowledged; another member takes over",
  asserts: ["I1", "I4", "I5", "I9"],
  longestGapMillis: 5000,
  quick: false,
  run: Effect.gen(function*() {
    const { cluster } = yield* lab()
    return yield* runLoad({
      name: `f20-${mode}`,
      broker: driver(cluster.url, mode),
      observer: observer(cluster.url),
      rate: 500,
      inject: (live) =>
        Effect.gen(function*() {
          const options = { servers: cluster.url, topic: live.topic.name, mode, publishes: false, drainMillis: 1000 }
          const child = yield* startService({ ...options, maxInFlight: window, handleMillis: 5 })
          yield* Effect.orDie(child.handled(300))
          child.process.kill("SIGKILL")
          yield* Effect.promise(() => child.ended)
          const died = Date.now()
          dead.set(live.topic.name, { entries: cutShort(yield* child.entries, died), died })
          live.injected()
        }),
      elsewhere: (live) =>
        Effect.gen(function*() {
          const { died, entries } = dead.get(live.topic.name) ?? { entries: [], died: 0 }
          dead.delete(live.topic.name)
          const rest = yield* handleRest(cluster.url, live.topic.name)
          const before = new Set(entries.flatMap((entry) => entry._tag === "Started" ? [entry.eventId] : []))
          const again = rest.filter((entry) => entry._tag === "Started" && before.has(entry.eventId)).length
          live.note("taken over after ms", (rest[0]?.at ?? died) - died)
          live.note("handled before", before.size)
          live.note("handled twice", again)
          if (before.size === 0) live.violation("nothing was handled before the end, so this round has tested nothing")
          if (again > window) live.violation(`I5: ${again} were handled twice, and the window is ${window}`)
          return { entries: [...entries, ...rest], groups: ["g"], unclear: [] }
        })
    })
  })
}))

export const scenarios: ReadonlyArray<Scenario> = [
  ...endings.flatMap((one) => modes.map((mode) => ending(mode, one))),
  ...crashed
]
