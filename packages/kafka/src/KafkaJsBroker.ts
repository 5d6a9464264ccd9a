/**
 * The bus on Apache Kafka, with `kafkajs`: for people who run that client already. It is an optional peer dependency, and
 * this module its only way in. Use `KafkaBroker` where you can choose: `kafkajs` is not maintained any more.
 *
 * What it cannot do: its idempotent producer dies of a lost answer, so a resend after an unknown outcome may store an event
 * twice (the event id tells); of the compressions only gzip; no static membership; no KIP-848; `backlog` does not know how
 * old the oldest record is.
 *
 * @since 0.1.0
 */
import * as Broker from "@effect-eventbus/core/Broker"
import * as BrokerError from "@effect-eventbus/core/BrokerError"
import { firstConnection } from "@effect-eventbus/core/Driver"
import { Config, Context, Effect, Layer, type Scope } from "effect"
import { failureFrom } from "./internal/ask.ts"
import { brokerError } from "./internal/classify.ts"
import type { Counters as MutableCounters } from "./internal/counters.ts"
import * as client from "./internal/kafkajs/client.ts"
import { adminFailureOf } from "./internal/kafkajs/errors.ts"
import { firstAnswer, open } from "./internal/service.ts"
import { decide } from "./internal/settings.ts"
import type { ConsumerSettings, Options as AllOptions } from "./KafkaConfig.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<AllOptions, "idempotent" | "compression" | "consumer" | "sendTimeout"> {
  readonly compression?: "none" | "gzip" | undefined
  readonly consumer?: Omit<ConsumerSettings, "groupProtocol" | "instanceId"> | undefined
}

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
export class KafkaJsBroker extends Context.Service<KafkaJsBroker, {
  /** The client's own admin, for what the contract has no word for. */
  readonly admin: client.RawAdmin
  /** Uses it; what it throws becomes a `BrokerError`. */
  readonly use: <A>(f: (admin: client.RawAdmin) => Promise<A>) => Effect.Effect<A, BrokerError.BrokerError>
  readonly counters: Effect.Effect<Counters>
}>()("@effect-eventbus/kafka/KafkaJsBroker") {}

const refused: ReadonlyArray<readonly [where: "options" | "consumer", key: string]> = [
  ["options", "idempotent"],
  ["options", "sendTimeout"],
  ["consumer", "groupProtocol"],
  ["consumer", "instanceId"]
]

const unsupported = (options: Options): ReadonlyArray<string> => [
  ...refused.flatMap(([where, key]) => {
    const value: object = where === "options" ? options : options.consumer ?? {}
    return key in value ? [`${where === "options" ? "" : "consumer."}${key} is nothing that kafkajs can do`] : []
  }),
  ...(options.compression === undefined || ["none", "gzip"].includes(options.compression)
    ? []
    : [`kafkajs cannot compress with ${String(options.compression)}`])
]

/**
 * Connects until the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Context.Context<Broker.Broker | KafkaJsBroker>, BrokerError.BrokerError, Scope.Scope> {
  const wrong = unsupported(options)
  if (wrong.length > 0) {
    return yield* new BrokerError.BrokerError({
      reason: new BrokerError.Refused({ kind: "unsupported", message: wrong.join("; ") })
    })
  }
  const settings = yield* decide({ ...options, idempotent: false })
  const engine = yield* firstConnection(
    firstAnswer(
      settings,
      Effect.tryPromise({
        try: () => client.make(settings),
        catch: (error) => brokerError(failureFrom(error), { topic: "" })
      })
    ),
    { system: "kafka", within: settings.initialConnectTimeoutMillis, pause: settings.retryDelayMillis }
  )
  const { counters, service } = yield* open(settings, engine)
  const kafka = KafkaJsBroker.of({
    admin: engine.rawAdmin,
    use: (f) =>
      Effect.tryPromise({
        try: () => f(engine.rawAdmin),
        catch: (error) => brokerError(adminFailureOf(error), { topic: "" })
      }),
    counters: Effect.sync(() => ({ ...counters }))
  })
  return Context.make(Broker.Broker, service).pipe(Context.add(KafkaJsBroker, kafka))
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Broker.Broker | KafkaJsBroker, BrokerError.BrokerError> => Layer.effectContext(make(options))

/**
 * {@link layer} with options from the environment.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Broker.Broker | KafkaJsBroker, BrokerError.BrokerError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), (decided) => layer(decided)))
