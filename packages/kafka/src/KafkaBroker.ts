/**
 * The bus on Apache Kafka, with `@platformatic/kafka`.
 *
 * ```ts
 * EventBus.layer().pipe(Layer.provide(KafkaBroker.layer({ bootstrapBrokers: ["127.0.0.1:9092"] })))
 * ```
 *
 * - **Order**: one batch in flight per partition; an aggregate's events stay in one partition, chosen as Kafka's Java
 *   client does (murmur2 of the aggregate id).
 * - **Loss**: an acknowledged record is on all in-sync replicas (`acks: "all"`). A topic with one replica is as safe as one
 *   disk; Kafka does not flush before it acknowledges.
 * - **Duplicates**: the producer is idempotent, so that the client's own resends store nothing twice. A resend by the bus
 *   after an unknown outcome may; the event id tells.
 * - **Groups** use the classic protocol: a partition goes to another member only when what runs of it has ended, within
 *   `handoverTimeout`, and is committed.
 *
 * @since 0.1.0
 */
import * as Broker from "@effect-eventbus/core/Broker"
import type * as BrokerError from "@effect-eventbus/core/BrokerError"
import { Config, Context, Effect, Layer, type Scope } from "effect"
import { brokerError } from "./internal/classify.ts"
import type { Counters as MutableCounters } from "./internal/counters.ts"
import { EngineError } from "./internal/engine.ts"
import * as client from "./internal/platformatic/client.ts"
import { failureOf } from "./internal/platformatic/errors.ts"
import { open } from "./internal/service.ts"
import { decide } from "./internal/settings.ts"
import type { Options } from "./KafkaConfig.ts"

export type {
  /**
   * @category models
   * @since 0.1.0
   */
  Options
} from "./KafkaConfig.ts"

/**
 * What a connection has counted since it was made.
 *
 * @category models
 * @since 0.1.0
 */
export type Counters = Readonly<MutableCounters>

/**
 * Kafka beyond the contract.
 *
 * @category services
 * @since 0.1.0
 */
export class KafkaBroker extends Context.Service<KafkaBroker, {
  /** The client's own admin, for what the contract has no word for. */
  readonly admin: client.RawAdmin
  /** Uses it; what it throws becomes a `BrokerError`. */
  readonly use: <A>(f: (admin: client.RawAdmin) => Promise<A>) => Effect.Effect<A, BrokerError.BrokerError>
  readonly counters: Effect.Effect<Counters>
}>()("@effect-eventbus/kafka/KafkaBroker") {}

/**
 * Connects until the scope closes. Fails with what is wrong with the options (`Refused`, kind `invalid`), with
 * `NotConnected` where no broker can be reached, and with `Unauthorized`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Context.Context<Broker.Broker | KafkaBroker>, BrokerError.BrokerError, Scope.Scope> {
  const settings = yield* decide(options)
  const engine = client.make(settings)
  const { counters, service } = yield* open(settings, engine)
  const kafka = KafkaBroker.of({
    admin: engine.rawAdmin,
    use: (f) =>
      Effect.tryPromise({
        try: () => f(engine.rawAdmin),
        catch: (error) => brokerError(error instanceof EngineError ? error.failure : failureOf(error), { topic: "" })
      }),
    counters: Effect.sync(() => ({ ...counters }))
  })
  return Context.make(Broker.Broker, service).pipe(Context.add(KafkaBroker, kafka))
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Broker.Broker | KafkaBroker, BrokerError.BrokerError> => Layer.effectContext(make(options))

/**
 * {@link layer} with options from the environment.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Broker.Broker | KafkaBroker, BrokerError.BrokerError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), (decided) => layer(decided)))
