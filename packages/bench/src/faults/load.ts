/**
 * A load on a bus while something goes wrong, and the verdict: publishers over some aggregates at a bounded rate, if
 * wanted groups that consume, then a fresh client that reads everything back, and the checker of `core/testing`.
 */
import { Broker, type BrokerError, EventBus, Publisher, Subscriber, Topic } from "@effect-eventbus/core"
import * as History from "@effect-eventbus/core/testing/History"
import * as ReadBack from "@effect-eventbus/core/testing/ReadBack"
import { Cause, Effect, Exit, Fiber, Layer, type Scope, SubscriptionRef } from "effect"
import { type Broken, keep } from "./evidence.ts"
import { Live, type LoadTopic, Stalled, until } from "./live.ts"
import { Moved } from "./moved.ts"
import { listening, type Unclear, unexplained } from "./unclear.ts"
import { verdict } from "./verdict.ts"

export interface Load<E = never> {
  /** Of the scenario; in the names of topics, so letters, digits and dashes. */
  readonly name: string
  /** Publishes, and consumes where that is wanted. */
  readonly broker: Layer.Layer<Broker.Broker, BrokerError.BrokerError>
  /** Past every proxy: reads back, with a client of its own. */
  readonly observer: Layer.Layer<Broker.Broker, BrokerError.BrokerError>
  /** The fault, from its beginning to its end; says how often it happened by `live.injected`. */
  readonly inject: (live: Live) => Effect.Effect<void, E, Scope.Scope>
  readonly topic?: Omit<Topic.Options<never>, "events"> | undefined
  readonly bus?: EventBus.Options | undefined
  /** Default 20. */
  readonly aggregates?: number | undefined
  /** Fibers that publish; an aggregate belongs to one of them, where there are enough. Default 4. */
  readonly publishers?: number | undefined
  /** Events per second, all publishers together, in bursts. Default 2,000. */
  readonly rate?: number | undefined
  /** Text in each event, to make it larger. */
  readonly textBytes?: number | undefined
  /** Groups that consume meanwhile and have to catch up in the end. */
  readonly groups?: ReadonlyArray<string> | undefined
  /** What a handler does besides being written down. */
  readonly handle?: Effect.Effect<void> | undefined
  /** Whether a second copy in the store is a violation. Default true. */
  readonly noDuplicates?: boolean | undefined
  /** Whether a second copy in the store is a violation where no try of the event was unclear. Default false. */
  readonly explainedDuplicates?: boolean | undefined
  /**
   * What members in other processes have written down: asked for when everything is published, and waits until they have
   * caught up.
   */
  readonly elsewhere?: ((live: Live) => Effect.Effect<Elsewhere, E>) | undefined
  /** Whether no acknowledgement after the fault is a violation. Default true. */
  readonly recovers?: boolean | undefined
  /** Most time from the repair to the next acknowledgement. Default 20 seconds. */
  readonly recoveryMillis?: number | undefined
  /** A longer time without an acknowledgement is worth keeping, too: the scenario's own limit. */
  readonly longestGapMillis?: number | undefined
  /** A round that breaks is kept in a folder where this is given; it adds what the broker says. */
  readonly testify?: ((topic: LoadTopic, folder: string) => Effect.Effect<void>) | undefined
}

export interface Elsewhere {
  readonly entries: ReadonlyArray<History.Entry>
  /** Groups that have to have dealt with everything stored. */
  readonly groups: ReadonlyArray<string>
  /** Events that were published there and of which a try was unclear. */
  readonly unclear?: Iterable<string> | undefined
}

const burstMillis = 50
const calmMillis = 400
const maxPending = 512
const firstMillis = 15_000
const recoversMillis = 30_000

let names = 0
/** A topic that no run before has used. */
export const freshName = (name: string): string =>
  `faults.${name}.t${process.pid.toString(36)}${Date.now().toString(36)}x${++names}`

/** Everything a topic holds, read by a client of its own; `group`: one that nobody has used. */
export const readBack = (topic: Topic.Any, observer: Load["observer"], group = "readback") =>
  Effect.flatMap(Broker.Broker, (broker) => ReadBack.read(broker, topic, group)).pipe(Effect.provide(observer))

const publishing = Effect.fnUntraced(function*<E>(load: Load<E>, live: Live) {
  const { aggregates = 20, publishers = 4, rate = 2000, textBytes = 0 } = load
  const text = textBytes === 0 ? undefined : { text: "x".repeat(textBytes) }
  const burst = Math.max(1, Math.round(rate / publishers * burstMillis / 1000))
  let next = 0
  const publishOne = (key: string) =>
    Effect.suspend(() => {
      const n = next++
      const event = Moved.make({ key, n, ...text }, { eventId: `${live.topic.name}-${n}` })
      return live.history.publish(live.publisher, live.topic, event)
    }).pipe(
      Effect.tap((told) =>
        Effect.forkDetach(
          Effect.map(told, (exit) => {
            if (Exit.isSuccess(exit)) live.countAck()
          }),
          { startImmediately: true }
        )
      )
    )
  // The topic is opened by one: several callers that wait for it would be accepted in no order that anybody promised.
  const first = yield* Effect.flatten(publishOne("k0")).pipe(Effect.timeoutOption(firstMillis))
  if (first._tag === "None") return yield* new Stalled({ what: "nothing acknowledged before the fault" })
  const state = { going: true }
  const fiber = yield* Effect.forkChild(
    Effect.forEach(Array.from({ length: publishers }, (_, i) => i), (own) => {
      // With fewer aggregates than publishers several share one.
      const keys = Array.from({ length: aggregates }, (_, i) => i)
        .filter((i) => i % publishers === own || i === own % aggregates)
      let turn = 0
      const one = Effect.suspend(() => publishOne(`k${keys[turn++ % keys.length]}`))
      return Effect.whileLoop({
        while: () => state.going,
        body: () => Effect.andThen(Effect.repeat(one, { times: burst - 1 }), Effect.sleep(burstMillis)),
        step: () => {}
      })
    }, { concurrency: "unbounded", discard: true }),
    { startImmediately: true }
  )
  /** Ends it; who waits for the window is given a while, then withdrawn. */
  return Effect.suspend(() => {
    state.going = false
    return Effect.andThen(Effect.timeoutOption(Fiber.await(fiber), 5000), Fiber.interrupt(fiber))
  })
})

/** Waits until a group has handled all that was acknowledged. */
const catchUp = Effect.fnUntraced(function*(live: Live, group: string) {
  const { entries } = live.history
  const behind = (): number => {
    const handled = new Set(
      entries.flatMap((entry) => entry._tag === "Started" && entry.group === group ? [entry.eventId] : [])
    )
    return entries.filter((entry) =>
      entry._tag === "Settled" && entry.outcome === "acked" && !handled.has(entry.eventId)
    ).length
  }
  if (!(yield* until(() => behind() === 0, 40_000, 100))) {
    live.violation(`I9: group ${group} has not handled ${behind()} acknowledged events`)
  }
  // The handlers that have begun last end.
  yield* Effect.sleep(300)
})

const nowhere: Elsewhere = { entries: [], groups: [] }

/** The load and the fault, on an open bus. */
const loaded = Effect.fnUntraced(function*<E>(load: Load<E>, live: Live) {
  const subscriber = yield* Subscriber.Subscriber
  const groups = load.groups ?? []
  for (const group of groups) {
    yield* subscriber.subscribe(live.topic, {
      group,
      handlers: { Moved: live.history.handler(group, "member", () => load.handle ?? Effect.void) }
    })
  }
  const stop = yield* publishing(load, live)
  const watching = yield* Effect.forkChild(
    Effect.forever(Effect.andThen(
      Effect.map(live.publisher.pending, ({ count }) => {
        live.peak = Math.max(live.peak, count)
      }),
      Effect.sleep(20)
    ))
  )
  yield* Effect.sleep(calmMillis)
  yield* Effect.scoped(load.inject(live))
  if (load.recovers !== false && !(yield* live.reaches(live.acked + 1, recoversMillis))) {
    live.violation(`I7: nothing acknowledged within ${recoversMillis} ms after the fault`)
  }
  yield* Effect.sleep(calmMillis)
  yield* stop
  const flushed = yield* Effect.timeoutOption(live.publisher.flush, 60_000)
  if (flushed._tag === "None") live.violation("I2: something is still pending a minute after the last publish")
  yield* Fiber.interrupt(watching)
  for (const group of groups) yield* catchUp(live, group)
  return load.elsewhere === undefined ? nowhere : yield* load.elsewhere(live)
})

/** Keeps what is known of a round that broke, and what the broker says, while it is there. */
const testimony = <E>({ testify }: Load<E>, topic: LoadTopic, broken: Omit<Broken, "topic">): Effect.Effect<void> =>
  Effect.suspend(() => testify === undefined ? Effect.void : testify(topic, keep({ ...broken, topic: topic.name })))

/** The same of a round that did not come to its end. */
const standstill = Effect.fnUntraced(function*<E, X>(load: Load<E>, live: Live, cause: Cause.Cause<X>) {
  const { status } = yield* Broker.Broker
  const { history, publisher, topic, violations } = live
  const state = [yield* SubscriptionRef.get(status), yield* publisher.pending, yield* publisher.totals]
  yield* testimony(load, topic, {
    violations: [...violations, Cause.pretty(cause), JSON.stringify(state)],
    entries: history.entries,
    stored: []
  })
})

/** One round: load, fault, a little more load, the end of the bus, the verdict. */
export const runLoad = Effect.fnUntraced(function*<E>(load: Load<E>) {
  const history = yield* History.make
  const topic: LoadTopic = Topic.make(freshName(load.name), { ...load.topic, events: [Moved] })
  const window = load.bus?.maxPending ?? maxPending
  const unclear: Unclear = new Set()
  const broker = load.explainedDuplicates === true ? listening(load.broker, unclear) : load.broker
  const bus = EventBus.layer({ ...load.bus, maxPending: window }).pipe(Layer.provideMerge(broker))
  const { elsewhere, live } = yield* Effect.gen(function*() {
    const own = new Live(load.name, topic, yield* Publisher.Publisher, history)
    return {
      live: own,
      // Before the bus closes: it would settle what stands still.
      elsewhere: yield* Effect.onError(loaded(load, own), (cause) => standstill(load, own, cause))
    }
  }).pipe(Effect.scoped, Effect.provide(bus))
  const recovery = live.recoveryMillis
  if (recovery !== undefined) {
    live.note("recovery ms", recovery)
    const limit = load.recoveryMillis ?? 20_000
    if (recovery > limit) {
      live.violation(`I7: the first acknowledgement came ${Math.round(recovery)} ms after the repair, at most ${limit}`)
    }
  }
  if (live.peak > window) live.violation(`I6: ${live.peak} pending, with maxPending ${window}`)
  const stored = yield* readBack(topic, load.observer)
  if (load.explainedDuplicates === true) { for (const message of unexplained(stored, unclear)) live.violation(message) }
  const entries = [...history.entries, ...elsewhere.entries]
  const round = verdict({
    entries,
    stored,
    noDuplicates: load.noDuplicates ?? true,
    caughtUp: [...load.groups ?? [], ...elsewhere.groups]
  }, { injected: live.times, violations: live.violations, notes: live.notes })
  const { longestGapMillis } = round.figures
  if (round.violations.length > 0 || longestGapMillis > (load.longestGapMillis ?? Infinity)) {
    yield* testimony(load, topic, {
      violations: [...round.violations, `nothing was acknowledged for ${Math.round(longestGapMillis)} ms at most`],
      entries,
      stored
    })
  }
  return round
})
