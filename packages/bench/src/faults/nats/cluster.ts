/**
 * Three servers: the stream's leader dies (F07), stops (F08), or loses its followers with records in its hands.
 */
import { Data, Effect } from "effect"
import type { Cluster, Node } from "../../brokers/natsCluster.ts"
import { type Live, until } from "../live.ts"
import type { Scenario } from "../scenario.ts"
import { api, streamOf } from "./api.ts"
import { driver, inBothModes, promise } from "./lab.ts"

const asserts = ["I1", "I2", "I3", "I4", "I5", "I6", "I7"] as const
const topic = { replicas: 3 }

class NoLeader extends Data.TaggedError("NoLeader")<{ readonly stream: string }> {}

interface Info {
  readonly cluster?: { readonly leader?: string }
}

/** The server that leads the topic's stream. */
const leaderOf = Effect.fnUntraced(function*(cluster: Cluster, topicName: string) {
  const stream = streamOf(topicName)
  const info = yield* api<Info>(cluster.url, `STREAM.INFO.${stream}`)
  const leader = cluster.nodes.find(({ name }) => name === info.cluster?.leader)
  return leader ?? (yield* new NoLeader({ stream }))
})

const others = (cluster: Cluster, leader: Node): ReadonlyArray<Node> => cluster.nodes.filter((node) => node !== leader)

const killed = inBothModes({
  id: "F07",
  name: "leader of three killed",
  injects:
    "three servers, replicas 3: SIGKILL of the stream's leader with publishes under way, started again after 4 s",
  asserts,
  longestGapMillis: 15_000,
  quick: false,
  lab: { nodes: 3 }
}, ({ cluster }) => ({
  topic,
  inject: (live) =>
    Effect.gen(function*() {
      const leader = yield* leaderOf(cluster, live.topic.name)
      yield* live.busy()
      yield* promise(() => leader.kill())
      live.injected()
      yield* Effect.sleep(4000)
      yield* promise(() => leader.start())
      yield* live.acknowledged
      yield* promise(() => leader.ready(true))
    })
}))

const stopped = inBothModes({
  id: "F08",
  name: "leader of three stopped for 8 s",
  injects:
    "three servers, replicas 3: SIGSTOP of the stream's leader for 8 s; another one takes over, and it comes back",
  asserts,
  longestGapMillis: 20_000,
  quick: false,
  lab: { nodes: 3 },
  options: { pingInterval: "1 second", connectTimeout: "1 second" }
}, ({ cluster }) => ({
  topic,
  inject: (live) =>
    Effect.gen(function*() {
      const leader = yield* leaderOf(cluster, live.topic.name)
      yield* live.busy()
      leader.signal("SIGSTOP")
      live.injected()
      yield* Effect.sleep(8000)
      leader.signal("SIGCONT")
      yield* live.acknowledged
    })
}))

/** Cuts the client off and waits until it is back. */
const cutOff = (live: Live, proxy: { readonly reset: () => void; readonly open: number }) =>
  Effect.gen(function*() {
    proxy.reset()
    if (!(yield* until(() => proxy.open > 0, 5000))) live.violation("the client did not come back through the proxy")
  })

const stagedWindow = 20

/**
 * 1. the leader loses its followers, so that what it takes is proposed and not committed;
 * 2. records are published: the leader has them, and cannot acknowledge them;
 * 3. the connection is cut: the driver has to find out about them, and the leader knows their ids as duplicates in
 *    process. A plain resend by fast ingest is skipped, and acknowledged;
 * 4. the leader dies, and all that was only proposed with it; the followers come back and elect one of them.
 *
 * Acknowledged in step 3 and gone in step 4 is what must not be.
 */
const staged = inBothModes({
  id: "F07",
  name: "staged duplicates",
  injects: "the leader loses its followers, records are sent twice to it, it dies, and the followers return",
  asserts,
  longestGapMillis: 30_000,
  quick: false,
  // Their logs say who was elected, and why.
  lab: { nodes: 3, configuration: "debug: true" }
}, ({ cluster, proxy }, mode) => ({
  topic,
  // The window is one batch, so that what is sent twice is sent twice as a whole: a new record behind it would hold the
  // acknowledgement of the batch back.
  bus: { maxPending: stagedWindow, linger: "20 millis" },
  publishers: 1,
  rate: stagedWindow * 20,
  // Only through the proxy, so that all of it goes to the leader.
  broker: driver(proxy.url, mode, { pingInterval: "1 second", connectTimeout: "1 second" }),
  inject: (live) =>
    Effect.gen(function*() {
      const leader = yield* leaderOf(cluster, live.topic.name)
      proxy.target = leader.port
      live.happened("moved to the leader", leader.name)
      yield* cutOff(live, proxy)
      yield* live.acknowledged
      live.happened("acknowledged", leader.name)
      const followers = others(cluster, leader)
      // Stopped ones would read on when they go on, from their sockets.
      for (const node of followers) {
        yield* promise(() => node.kill())
        live.happened("killed", node.name)
      }
      const acked = live.acked
      live.note("acked before", acked)
      yield* live.busy(stagedWindow)
      yield* Effect.sleep(200)
      yield* cutOff(live, proxy)
      // The driver asks, or sends again; a naive one is acknowledged here.
      yield* Effect.sleep(2500)
      live.note("acked while staged", live.acked - acked)
      yield* promise(() => leader.kill())
      live.happened("killed", leader.name)
      live.injected()
      for (const node of followers) {
        live.happened("started", node.name)
        node.launch()
      }
      yield* Effect.forEach(followers, (node) => promise(() => node.ready()), { discard: true })
      proxy.target = followers[0]?.port ?? 0
      live.repaired()
      // Were it back before another one is elected, it would bring its proposals with it, and be elected.
      yield* live.acknowledged
      live.happened("started", leader.name)
      yield* promise(() => leader.start())
      yield* promise(() => leader.ready(true))
    })
}))

export const scenarios: ReadonlyArray<Scenario> = [...killed, ...stopped, ...staged]
