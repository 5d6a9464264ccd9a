/**
 * F09 and F10: three nodes, replicas 3, two of them needed for each record; the leader of some partitions is killed, or
 * paused.
 */
import { Broker } from "@effect-eventbus/core"
import { KafkaBroker } from "@effect-eventbus/kafka"
import { Effect, Schedule } from "effect"
import type { Live } from "../live.ts"
import type { Invariant, Scenario } from "../scenario.ts"
import { type Lab, lab, observer, promise, round } from "./lab.ts"

const asserts: ReadonlyArray<Invariant> = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I9"]

/** Of each partition. */
const leaders = ({ cluster }: Lab, topic: string) =>
  Effect.gen(function*() {
    const { use } = yield* KafkaBroker.KafkaBroker
    const { topics } = yield* use((admin) => admin.metadata({ topics: [topic], forceUpdate: true }))
    return topics.get(topic)?.partitions.map(({ leader }) => leader) ?? []
  }).pipe(Effect.provide(KafkaBroker.layer({ bootstrapBrokers: cluster.bootstrap })))

/** The node that leads the first partition of a topic that is what it should be. */
const leading = Effect.fnUntraced(function*(own: Lab, live: Live) {
  const { drift, topic } = yield* Effect.flatMap(
    Broker.Broker,
    (broker) => broker.ensureTopic(live.topic, "validateOnly")
  ).pipe(Effect.provide(observer(own.cluster)))
  if (topic.replicas !== 3 || drift.length > 0) {
    live.violation(`the topic is not as it was defined: ${JSON.stringify(drift)}`)
  }
  const [leader] = yield* leaders(own, live.topic.name)
  const node = own.cluster.nodes.find(({ id }) => id === leader)
  return node ?? (yield* Effect.die(`nobody leads ${live.topic.name}`))
})

const load = { topic: { partitions: 6, replicas: 3 }, groups: ["g"] }

const killed: Scenario = {
  id: "F09",
  name: "leader killed, 3 nodes, replicas 3, min ISR 2",
  injects: "SIGKILL of the node that leads the first partition, started again after 5 s, or when another one leads",
  asserts,
  longestGapMillis: 25_000,
  quick: false,
  patienceMillis: 240_000,
  run: Effect.flatMap(lab(3), (own) =>
    round("f09", own, (live) =>
      Effect.gen(function*() {
        const node = yield* leading(own, live)
        yield* live.busy()
        yield* promise(() => node.kill())
        live.injected()
        yield* Effect.sleep(5000)
        // Longer where the dead node was the controller, too, and another one has to be elected first.
        const deposed = Effect.map(leaders(own, live.topic.name), (after) => !after.includes(node.id))
        const failedOver = yield* Effect.repeat(deposed, {
          until: (done) => done,
          schedule: Schedule.spaced(500),
          times: 30
        })
        if (!failedOver) live.violation("the dead node still leads, so nothing failed over")
        yield* promise(() => node.start())
        live.repaired()
      }), load))
}

const paused: Scenario = {
  id: "F10",
  name: "leader paused for 8 s, 3 nodes, replicas 3, min ISR 2",
  injects:
    "SIGSTOP of the node that leads the first partition, SIGCONT after 8 s: it does not know that it was deposed",
  asserts,
  longestGapMillis: 30_000,
  quick: false,
  patienceMillis: 240_000,
  run: Effect.flatMap(lab(3), (own) =>
    round("f10", own, (live) =>
      Effect.gen(function*() {
        const node = yield* leading(own, live)
        yield* live.busy()
        node.signal("SIGSTOP")
        live.injected()
        yield* Effect.sleep(8000)
        node.signal("SIGCONT")
        live.repaired()
      }), load))
}

export const scenarios: ReadonlyArray<Scenario> = [killed, paused]
