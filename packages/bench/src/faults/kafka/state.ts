/**
 * F11: what the broker knew of the producer is gone: the topic was deleted and made anew, or the broker has lost its data.
 */
import { Broker, EventBus, Publisher, Subscriber, Topic } from "@effect-eventbus/core"
import * as History from "@effect-eventbus/core/testing/History"
import { KafkaBroker } from "@effect-eventbus/kafka"
import { Effect, Fiber, Layer, Schedule, type Scope } from "effect"
import { rm } from "node:fs/promises"
import path from "node:path"
import { until } from "../live.ts"
import { freshName, readBack } from "../load.ts"
import { Moved } from "../moved.ts"
import type { Scenario } from "../scenario.ts"
import { verdict } from "../verdict.ts"
import { driver, type Lab, lab, observer, promise } from "./lab.ts"

const partitions = 3

/** Makes the topic anew, however long that takes after its deletion. */
const create = (own: Lab, topic: Topic.Any) =>
  Effect.gen(function*() {
    const broker = yield* Broker.Broker
    yield* Effect.retry(broker.ensureTopic(topic, "createOnly"), Schedule.upTo(Schedule.spaced(200), { times: 50 }))
  }).pipe(Effect.provide(observer(own.cluster)))

/** The admin client of the driver, which the bus does not need for this. */
const remove = (own: Lab, name: string) =>
  Effect.gen(function*() {
    const { use } = yield* KafkaBroker.KafkaBroker
    yield* use((admin) => admin.deleteTopics({ topics: [name] }))
    yield* until(() => false, 500)
  }).pipe(Effect.provide(KafkaBroker.layer({ bootstrapBrokers: own.cluster.bootstrap })))

interface Case {
  readonly name: string
  readonly injects: string
  readonly lose: (own: Lab, topic: Topic.Any) => Effect.Effect<void, unknown, Scope.Scope>
}

/**
 * What was acknowledged before is gone with what held it, so only what was issued after the loss is judged as a whole; of
 * the rest, that everybody was told something.
 */
const scenario = (one: Case): Scenario => ({
  id: "F11",
  name: one.name,
  injects: one.injects,
  asserts: ["I1", "I2", "I3", "I4", "I5", "I7", "I10"],
  longestGapMillis: 30_000,
  quick: false,
  run: Effect.gen(function*() {
    const own = yield* lab()
    const history = yield* History.make
    const topic = Topic.make(freshName("f11"), { events: [Moved], partitions })
    const violations: Array<string> = []
    const notes: Record<string, number> = {}
    /** Groups that have to have everything. */
    const anew = ["again"]
    let judgedFrom = Number.POSITIVE_INFINITY
    yield* Effect.gen(function*() {
      const publisher = yield* Publisher.Publisher
      const subscriber = yield* Subscriber.Subscriber
      const subscription = yield* subscriber.subscribe(topic, {
        group: "g",
        handlers: { Moved: history.handler("g", "member", () => Effect.void) }
      })
      const watching = yield* Effect.forkChild(Effect.flip(subscription.await), { startImmediately: true })
      let n = 0
      const publish = Effect.suspend(() =>
        history.publish(publisher, topic, Moved.make({ key: `k${n % 20}`, n }, { eventId: `${topic.name}-${n++}` }))
      )
      const acked = () => history.entries.filter((entry) => entry._tag === "Settled" && entry.outcome === "acked")
      yield* Effect.flatten(publish)
      const publishing = yield* Effect.forkChild(
        Effect.forever(Effect.andThen(Effect.repeat(publish, { times: 9 }), Effect.sleep(20)))
      )
      yield* until(() => acked().length > 200, 20_000)
      yield* one.lose(own, topic)
      const lostAt = performance.now()
      history.add({ _tag: "Happened", what: "lost" })
      yield* create(own, topic)
      // The next acknowledgement of what is issued from now on.
      const first = n
      const isNew = (eventId: string) => Number(eventId.slice(eventId.lastIndexOf("-") + 1)) >= first
      const recovered = yield* until(
        () => acked().some((entry) => entry._tag === "Settled" && isNew(entry.eventId)),
        30_000,
        50
      )
      notes["first acknowledgement after ms"] = performance.now() - lostAt
      if (!recovered) violations.push("I7: nothing was acknowledged any more")
      judgedFrom = first
      yield* Effect.sleep(500)
      yield* Fiber.interrupt(publishing)
      yield* Effect.timeoutOption(publisher.flush, 40_000)
      // Its position means nothing any more: either it ends and says so, or it begins anew and skips nothing.
      const ended = () => watching.pollUnsafe() !== undefined
      const goesOn = () =>
        history.entries.some((entry) => entry._tag === "Started" && entry.group === "g" && isNew(entry.eventId))
      if (!(yield* until(() => ended() || goesOn(), 60_000, 50))) {
        violations.push("I10: the subscription neither ends nor begins anew")
      }
      if (ended()) notes["subscription ended after ms"] = performance.now() - lostAt
      // Who subscribes again gets everything.
      yield* subscriber.subscribe(topic, {
        group: "again",
        handlers: { Moved: history.handler("again", "member", () => Effect.void) }
      })
      const behind = (group: string): number => {
        const handled = new Set(
          history.entries.flatMap((entry) => entry._tag === "Started" && entry.group === group ? [entry.eventId] : [])
        )
        return acked().filter((entry) =>
          entry._tag === "Settled" && isNew(entry.eventId) && !handled.has(entry.eventId)
        ).length
      }
      yield* until(() => (ended() || behind("g") === 0) && behind("again") === 0, 30_000, 50)
      if (!ended()) anew.push("g")
      yield* Effect.sleep(300)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        EventBus.layer({ maxPending: 512, deliveryTimeout: "20 seconds" }).pipe(
          Layer.provide(driver(own.cluster.bootstrap))
        )
      )
    )
    const told = new Set(history.entries.flatMap((entry) => entry._tag === "Settled" ? [entry.issue] : []))
    const silent = history.entries.filter((entry) => entry._tag === "Issued" && !told.has(entry.issue))
    if (silent.length > 0) violations.push(`I2: ${silent.length} publishes were told nothing`)
    const late = (eventId: string) => Number(eventId.slice(eventId.lastIndexOf("-") + 1)) >= judgedFrom
    const entries = history.entries.filter((entry) =>
      entry._tag === "Happened" || entry._tag === "Ended" || ("eventId" in entry && late(entry.eventId))
    )
    const stored = (yield* readBack(topic, observer(own.cluster))).filter(({ eventId = "-0" }) => late(eventId))
    return verdict({ entries, stored, caughtUp: anew }, {
      injected: history.entries.filter(({ _tag }) => _tag === "Happened").length,
      violations,
      notes
    })
  })
})

const cases: ReadonlyArray<Case> = [
  {
    name: "topic deleted and made anew",
    injects: "the topic is deleted while it is published to and read, and made anew",
    lose: (own, { name }) => remove(own, name)
  },
  {
    name: "broker restarted without its data",
    injects: "SIGKILL of the broker, its data removed, started as a new cluster; the topic made anew",
    lose: ({ node }) =>
      promise(async () => {
        await node.kill()
        await rm(path.join(node.folder, "data"), { recursive: true })
        node.format("AAAAAAAAAAAAAAAAAAAAAA")
        await node.start()
      })
  }
]

export const scenarios: ReadonlyArray<Scenario> = cases.map(scenario)
