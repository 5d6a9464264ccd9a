/**
 * A producer: which way of publishing a topic takes, and what all of them share.
 */
import { type Context, Effect, type Scope } from "effect"
import type { Admin } from "./admin.ts"
import { AtomicPublisher } from "./atomic.ts"
import type { Client, Message } from "./client.ts"
import type { Batch, LanePolicy, Producer, TopicInfo, TopicSpec } from "./core.ts"
import { Diagnosis } from "./diagnosis.ts"
import { explanation } from "./fallback.ts"
import { FastLane, type Routes, sweepMillis } from "./fastIngest.ts"
import { patience } from "./generations.ts"
import { NumberMap } from "./numberMap.ts"
import { Outbound } from "./outbound.ts"
import * as Outcomes from "./outcome.ts"
import { Subjects } from "./topics.ts"
import { waitUntil } from "./wait.ts"
import { type Shared, WindowPublisher } from "./window.ts"

const limits = { maxBatchBytes: 512 * 1024 }

/** One unsettled record per aggregate: what is behind it is not sent before it is acknowledged. */
const windowPolicy: LanePolicy = { key: "aggregate", maxInFlight: 1, maxBatch: 1, ...limits }

/** Every record for itself, as many as the window of the bus has. */
const unorderedPolicy: LanePolicy = { key: "none", maxInFlight: 64, maxBatch: 512, ...limits }

/** One lane for all of a topic: the server keeps the order. */
const fastPolicy: LanePolicy = { key: "topic", maxInFlight: 256, maxBatch: 512, ...limits }

/** Atomic batches are this large at most, says the server. */
export const atomicBatch = 1000

const zero = 0x30

/** The number that ends a subject, from `start` on. */
const numberAt = (subject: Uint8Array, start: number): number | undefined => {
  let number = 0
  for (let i = start; i < subject.length; i++) {
    const digit = subject[i]! - zero
    if (digit < 0 || digit > 9) return undefined
    number = number * 10 + digit
  }
  return number
}

class ProducerState {
  readonly #shared: Shared
  readonly #window: WindowPublisher
  readonly #atomic: AtomicPublisher
  /** By topic. */
  readonly #lanes = new Map<string, FastLane>()
  /** By the name of a batch, or of a question. */
  readonly #named = new Map<string, FastLane>()
  /** By the number of a record that is alone. */
  readonly #alone = new NumberMap<FastLane>()
  readonly #routes: Routes
  readonly #stop: () => void
  readonly #unlisten: () => void
  readonly #warn: (text: string) => void
  #closed = false

  constructor(client: Client, admin: Admin, context: Context.Context<never>) {
    const fork = Effect.runForkWith(context)
    this.#warn = (text) => {
      fork(Effect.logWarning(text))
    }
    const prefix = `${client.inbox}.${client.number()}`
    const diagnosis = new Diagnosis({
      look: (topic) =>
        Effect.match(admin.find(topic), { onFailure: () => false, onSuccess: (found) => found._tag === "None" }),
      fork: (effect) => void fork(effect),
      now: () => client.clock.currentTimeMillisUnsafe()
    })
    this.#shared = {
      client,
      admin,
      outbound: new Outbound(client),
      subjects: new Subjects(),
      inbox: `${prefix}.`,
      nobody: (topic) => diagnosis.isMissing(topic) ? Outcomes.missing(topic) : Outcomes.nobody,
      later: (millis, run) => {
        fork(Effect.andThen(Effect.sleep(millis), Effect.sync(run)))
      }
    }
    this.#window = new WindowPublisher(this.#shared)
    this.#atomic = new AtomicPublisher(this.#shared)
    // Names are known to the whole stream, so the client's own is in them.
    const suffix = `x${client.id}x${client.number()}`
    let names = 0
    this.#routes = {
      name: (kind, lane) => {
        const name = `${kind}${++names}${suffix}`
        this.#named.set(name, lane)
        return name
      },
      forget: (name) => {
        this.#named.delete(name)
      },
      number: (lane) => {
        const number = this.#window.number()
        this.#alone.set(number, lane)
        return number
      },
      forgetNumber: (number) => {
        this.#alone.delete(number)
      }
    }
    const start = this.#shared.inbox.length
    this.#stop = client.subscribe(`${prefix}.>`, (message) => this.#received(start, message))
    this.#unlisten = client.listen({
      disconnected: (reason) => {
        this.#shared.outbound.reset()
        this.#window.disconnected()
        this.#atomic.settleAll(Outcomes.lostAnswer)
        for (const lane of this.#lanes.values()) lane.disconnected(reason)
      },
      denied: (subject, message) => {
        this.#window.denied(subject, message)
        this.#atomic.denied(subject, message)
        for (const lane of this.#lanes.values()) lane.denied(subject, message)
      }
    })
  }

  readonly lanes = (topic: TopicSpec, _info: TopicInfo): LanePolicy => {
    this.#lanes.delete(topic.name)
    if (topic.order === "none") return unorderedPolicy
    const { admin, client } = this.#shared
    const fast = client.config.modeOf(topic.name) !== "window" && admin.located(topic.name).batched
    if (!fast) {
      const said = explanation(client, admin, topic)
      if (said !== undefined) this.#warn(said)
      return windowPolicy
    }
    this.#lanes.set(topic.name, new FastLane(this.#shared, this.#routes, topic.name))
    return fastPolicy
  }

  readonly send = (batches: ReadonlyArray<Batch>): Effect.Effect<void> =>
    Effect.suspend(() => {
      const touched = new Set<FastLane>()
      for (const batch of batches) this.#accept(batch, touched)
      for (const lane of touched) lane.flush()
      return this.#shared.outbound.room
    })

  get #pending(): number {
    let pending = this.#window.pending + this.#atomic.pending
    for (const lane of this.#lanes.values()) pending += lane.pending
    return pending
  }

  #accept(batch: Batch, touched: Set<FastLane>): void {
    const { client } = this.#shared
    if (this.#closed || client.closed) return batch.settleAll(Outcomes.closed)
    if (!client.connected) return batch.settleAll(Outcomes.notStored(Outcomes.notConnected(client.reason)))
    if (batch.atomic) return this.#atomic.send(batch)
    const lane = this.#lanes.get(batch.topic.name)
    if (lane === undefined) return this.#window.send(batch)
    lane.accept(batch)
    touched.add(lane)
  }

  /** `start`: where what is ours begins in the subject. */
  #received(start: number, message: Message): void {
    // A number: by far the most.
    const number = numberAt(message.subjectBytes, start)
    if (number !== undefined) {
      const alone = this.#alone.get(number)
      return alone === undefined ? this.#window.received(number, message) : alone.receivedAlone(number, message)
    }
    const token = message.subject.slice(start)
    if (token.startsWith("a")) return this.#atomic.received(token, message)
    const end = token.indexOf(".")
    const name = token.slice(0, end)
    this.#named.get(name)?.received(name, token.slice(end), message)
  }

  sweep(): void {
    this.#window.sweep()
    this.#atomic.sweep()
  }

  sweepLanes(): void {
    for (const lane of this.#lanes.values()) lane.sweep()
  }

  /** Waits for the answers to what was handed over, for a limited time, then gives them up. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#closed = true
    return waitUntil(() => this.#pending === 0, this.#shared.client.config.ackTimeoutMillis)
  }).pipe(Effect.andThen(Effect.sync(() => {
    this.#window.settleAll(Outcomes.lostAnswer)
    this.#atomic.settleAll(Outcomes.lostAnswer)
    for (const lane of this.#lanes.values()) lane.abandon(Outcomes.lostAnswer)
    this.#unlisten()
    this.#stop()
  })))
}

export const makeProducer = Effect.fnUntraced(function*(
  client: Client,
  admin: Admin
): Effect.fn.Return<Producer, never, Scope.Scope> {
  const context = yield* Effect.context<never>()
  const state = yield* Effect.acquireRelease(
    Effect.sync(() => new ProducerState(client, admin, context)),
    (opened) => opened.close
  )
  yield* Effect.sleep(client.config.ackTimeoutMillis / patience).pipe(
    Effect.andThen(Effect.sync(() => state.sweep())),
    Effect.forever,
    Effect.forkScoped
  )
  yield* Effect.sleep(sweepMillis).pipe(
    Effect.andThen(Effect.sync(() => state.sweepLanes())),
    Effect.forever,
    Effect.forkScoped
  )
  return { lanes: state.lanes, send: state.send }
})
