/**
 * Faults for the memory broker: what a network and a broker do to a client, on demand, and counted.
 *
 * ```ts
 * const faults = yield* Faults.Faults
 * yield* faults.dropAcks(3)
 * // ... publish ...
 * yield* faults.expectInjected("dropAck") // a test in which nothing went wrong has tested nothing
 * ```
 *
 * A fault hits a record when the broker is about to store it, so that every resend counts as another record. A record is
 * hit by one fault at most. Faults belong to the client whose layer is built with them, not to the cluster.
 *
 * A consumer that crashes needs no fault: close its scope.
 *
 * @since 0.1.0
 */
import { Arbitrary, Context, Duration, Effect, Layer, Schema } from "effect"
import type { Batch, OutboundRecord } from "../src/Broker.ts"
import * as MemoryBroker from "../src/MemoryBroker.ts"
import * as PublishError from "../src/PublishError.ts"
import * as State from "./internal/faultState.ts"

/**
 * What is counted.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = State.Kind

/**
 * Which records are hit. Without `where` all that the broker is about to store.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  /** Matching records that pass before the first is hit. Default 0. */
  readonly skip?: number | undefined
  readonly where?: ((record: OutboundRecord, batch: Batch) => boolean) | undefined
}

/**
 * How a connection is lost.
 *
 * @category models
 * @since 0.1.0
 */
export interface DisconnectOptions {
  /** It comes back by itself after so long, by the `Clock`. Default: not before `reconnect`. */
  readonly for?: Duration.Input | undefined
  /** How many of the records that are on their way the broker still stores, in order. Default 0. */
  readonly stored?: number | undefined
  /** What `status` and the errors say. */
  readonly reason?: string | undefined
}

// --- plans ------------------------------------------------------------------------------------------------------------

const schemas = {
  reject: Schema.TaggedStruct("Reject", { retryable: Schema.Boolean }),
  dropAck: Schema.TaggedStruct("DropAck", {}),
  delayAck: Schema.TaggedStruct("DelayAck", {
    millis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))
  }),
  repeatAck: Schema.TaggedStruct("RepeatAck", {}),
  storeTwice: Schema.TaggedStruct("StoreTwice", {}),
  disconnect: Schema.TaggedStruct("Disconnect", {
    stored: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })),
    millis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))
  })
} satisfies Record<Kind, Schema.Top>

/**
 * A fault as data. `millis` is how long an ack is delayed, or how long the connection is away; `stored` as in
 * {@link DisconnectOptions}, counted from the record that is hit.
 *
 * @category models
 * @since 0.1.0
 */
export const Fault = Schema.Union([
  schemas.reject,
  schemas.dropAck,
  schemas.delayAck,
  schemas.repeatAck,
  schemas.storeTwice,
  schemas.disconnect
])

/**
 * @category models
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

/**
 * One fault and the record that it hits: the `at`-th (from 0) that the broker is about to store after the plan began; the
 * next one if that is hit by another.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step {
  readonly at: number
  readonly fault: Fault
}

/**
 * Plans for property tests. They hold what a real network does, so `repeatAck` and `storeTwice`, which no client library
 * lets through, only on demand.
 *
 * @category constructors
 * @since 0.1.0
 */
export const arbitraryPlan = (options?: {
  /** Default: `reject`, `dropAck`, `delayAck`, `disconnect`. */
  readonly kinds?: ReadonlyArray<Kind> | undefined
  /** Default 5. */
  readonly maxSteps?: number | undefined
  /** The last record that may be hit. Default 100. */
  readonly maxAt?: number | undefined
}): Arbitrary.Arbitrary<ReadonlyArray<Step>> => {
  const wanted = options?.kinds ?? ["reject", "dropAck", "delayAck", "disconnect"]
  const at = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: options?.maxAt ?? 100 }))
  const fault = Schema.Union(State.kinds.filter((kind) => wanted.includes(kind)).map((kind) => schemas[kind]))
  return Arbitrary.array(Arbitrary.schema(Schema.Struct({ at, fault })), { maxLength: options?.maxSteps ?? 5 })
}

// --- the handle -------------------------------------------------------------------------------------------------------

/**
 * The switchboard.
 *
 * @category services
 * @since 0.1.0
 */
export class Faults extends Context.Service<Faults, {
  /** The same as the broker sees it: `MemoryBroker.layer({ faults: faults.injector })`. {@link layer} does that for you. */
  readonly injector: MemoryBroker.FaultInjector
  /** The next `count` (default 1) records are not stored, for this reason. Default: a retryable `BrokerFailure`. */
  readonly rejectNext: (
    options?: Target & { readonly count?: number | undefined; readonly reason?: PublishError.Reason | undefined }
  ) => Effect.Effect<void>
  /** The next `count` records are stored and never answered: `Ambiguous(Timeout)` after the broker's `ackTimeout`. */
  readonly dropAcks: (count: number, target?: Target) => Effect.Effect<void>
  /** The next `count` records are stored now and answered after `delay`. */
  readonly delayAcks: (count: number, delay: Duration.Input, target?: Target) => Effect.Effect<void>
  /** The next `count` records are settled twice, against the contract of `Batch.settle`. */
  readonly repeatAcks: (count: number, target?: Target) => Effect.Effect<void>
  /** The next `count` records are stored twice in a row, whatever deduplication says. */
  readonly storeTwice: (count: number, target?: Target) => Effect.Effect<void>
  /** Cuts the connection when a record arrives: it is the first of the `stored` that the broker still stores. */
  readonly disconnectNext: (options?: Target & Omit<DisconnectOptions, "reason">) => Effect.Effect<void>
  /** Arms every step of a plan; they count from the next record on. */
  readonly plan: (steps: ReadonlyArray<Step>) => Effect.Effect<void>
  /** Disarms what has not happened yet. An outage under way goes on. */
  readonly clear: Effect.Effect<void>
  /** Faults that are armed and have not happened yet. */
  readonly armed: Effect.Effect<number>
  /**
   * Cuts the connection now. What is on its way and unanswered settles as `Ambiguous(NotConnected)`, what is sent
   * meanwhile as `NotStored(NotConnected)`; consumers get nothing. Without effect during an outage.
   */
  readonly disconnect: (options?: DisconnectOptions) => Effect.Effect<void>
  /** Ends the outage, if there is one. */
  readonly reconnect: Effect.Effect<void>
  /** How often each kind has happened. */
  readonly injected: Effect.Effect<Readonly<Record<Kind, number>>>
  /** Dies unless each of these kinds (without any: at least one kind) has happened. */
  readonly expectInjected: (...wanted: ReadonlyArray<Kind>) => Effect.Effect<void>
}>()("@effect-eventbus/core/testing/Faults") {}

const unavailable = new PublishError.BrokerFailure({ retryable: true, message: "an injected fault: try again" })

const denied = new PublishError.BrokerFailure({ retryable: false, message: "an injected fault: do not try again" })

const recordFault = (fault: Fault) => {
  if (fault._tag !== "Reject") return fault
  return { _tag: "Reject" as const, reason: fault.retryable ? unavailable : denied }
}

const millisOf = (input: Duration.Input | undefined): number | undefined =>
  input === undefined ? undefined : Duration.toMillis(Duration.fromInputUnsafe(input))

/**
 * A switchboard on which nothing is armed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Faults["Service"]> = Effect.sync(() => {
  const state = new State.FaultState()
  const arm = (fault: Parameters<State.FaultState["arm"]>[0]["fault"], count: number, target: Target | undefined) =>
    Effect.sync(() => state.arm({ skip: target?.skip ?? 0, count, where: target?.where, fault }))
  return Faults.of({
    injector: state,
    rejectNext: (options) =>
      arm({ _tag: "Reject", reason: options?.reason ?? unavailable }, options?.count ?? 1, options),
    dropAcks: (count, target) => arm({ _tag: "DropAck" }, count, target),
    delayAcks: (count, delay, target) => arm({ _tag: "DelayAck", millis: millisOf(delay) ?? 0 }, count, target),
    repeatAcks: (count, target) => arm({ _tag: "RepeatAck" }, count, target),
    storeTwice: (count, target) => arm({ _tag: "StoreTwice" }, count, target),
    disconnectNext: (options) =>
      arm({ _tag: "Disconnect", stored: options?.stored ?? 0, millis: millisOf(options?.for) }, 1, options),
    plan: (wanted) =>
      Effect.forEach(wanted, ({ at, fault }) => arm(recordFault(fault), 1, { skip: at }), { discard: true }),
    clear: Effect.sync(() => {
      state.rules = []
    }),
    armed: Effect.sync(() => state.rules.reduce((sum, { count }) => sum + count, 0)),
    disconnect: (options) =>
      Effect.sync(() =>
        state.disconnect({
          reason: options?.reason ?? "an injected fault broke the connection",
          stored: options?.stored ?? 0,
          millis: millisOf(options?.for)
        })
      ),
    reconnect: Effect.sync(() => state.reconnect()),
    injected: Effect.sync(() => state.injected),
    expectInjected: (...wanted) =>
      Effect.suspend(() => {
        const missing = wanted.length > 0
          ? wanted.filter((kind) => state.injected[kind] === 0)
          : State.kinds.some((kind) => state.injected[kind] > 0)
          ? []
          : ["any fault"]
        return missing.length === 0
          ? Effect.void
          : Effect.die(new Error(`never injected: ${missing.join(", ")}; this test has tested nothing`))
      })
  })
})

/**
 * A switchboard, and the wire from it to every memory broker that is built with this layer.
 *
 * ```ts
 * const TestBroker = Layer.provideMerge(MemoryBroker.layer(), Faults.layer)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Faults> = Layer.effectContext(
  Effect.map(make, (faults) => Context.add(Context.make(Faults, faults), MemoryBroker.FaultInjector, faults.injector))
)
