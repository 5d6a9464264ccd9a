/**
 * NATS JetStream behind the contract of {@link Broker.Broker}.
 *
 * ```ts
 * EventBus.layer().pipe(Layer.provide(NatsBroker.layer({ servers: "nats://127.0.0.1:4222" })))
 * ```
 *
 * @since 0.1.0
 */
import { Broker, type BrokerError } from "@effect-eventbus/core"
import { Config, Context, Effect, Layer, Random, type Scope, type SubscriptionRef } from "effect"
import { Admin } from "./internal/admin.ts"
import { backlog } from "./internal/backlog.ts"
import type { Client, NatsConnection } from "./internal/client.ts"
import { connect } from "./internal/connect.ts"
import { makeConsumer } from "./internal/consumer.ts"
import { health } from "./internal/health.ts"
import { atomicBatch, makeProducer } from "./internal/producer.ts"
import * as NatsConfig from "./NatsConfig.ts"

/**
 * The driver beyond the contract: the raw connection, for what it does not cover.
 *
 * @category services
 * @since 0.1.0
 */
export class NatsBroker extends Context.Service<NatsBroker, {
  /** The client's own connection. The driver closes it. */
  readonly connection: NatsConnection
  /** Runs something with the connection; what it throws is classified. */
  readonly use: <A>(
    f: (connection: NatsConnection, signal: AbortSignal) => Promise<A>
  ) => Effect.Effect<A, BrokerError.BrokerError>
  readonly status: SubscriptionRef.SubscriptionRef<Broker.Status>
}>()("@effect-eventbus/nats/NatsBroker") {}

const idLength = 10
const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"

/** Names the inboxes of one client. */
const uniqueId = Effect.map(
  Effect.all(Array.from({ length: idLength }, () => Random.nextIntBetween(0, letters.length - 1))),
  (numbers) => numbers.map((number) => letters[number]).join("")
)

const serviceOf = (client: Client, admin: Admin): Broker.Broker["Service"] => ({
  system: "nats",
  capabilities: {
    ordered: true,
    durable: true,
    deduplicates: true,
    ackWait: true,
    // Pinned clients: from 2.11.
    sharedGroups: client.atLeast(2, 11),
    replay: true,
    atomicBatch: admin.features.atomic ? atomicBatch : 0,
    // Fast ingest acknowledges in groups, without a sequence for each record.
    offsets: client.config.numbered,
    maxRecordBytes: client.maxPayload
  },
  ensureTopic: admin.ensure,
  describeTopic: admin.describe,
  producer: makeProducer(client, admin),
  consumer: (options) => makeConsumer(client, admin, options),
  health: (options) => health(client, admin, options?.probe),
  status: client.status,
  backlog: (topic, group) => backlog(client, admin, topic, group)
})

/**
 * Connects, until the scope closes. Provides the contract and {@link NatsBroker}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: NatsConfig.Options = {}
): Effect.fn.Return<Context.Context<Broker.Broker | NatsBroker>, BrokerError.BrokerError, Scope.Scope> {
  const config = yield* NatsConfig.decide(options)
  const client = yield* connect(config, yield* uniqueId)
  const admin = new Admin(client)
  const raw = NatsBroker.of({
    connection: client.connection,
    use: (f) => client.use(f),
    status: client.status
  })
  return Context.make(Broker.Broker, serviceOf(client, admin)).pipe(Context.add(NatsBroker, raw))
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: NatsConfig.Options
): Layer.Layer<Broker.Broker | NatsBroker, BrokerError.BrokerError> => Layer.effectContext(make(options))

/**
 * {@link layer} with options from the environment.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<NatsConfig.Options>
): Layer.Layer<Broker.Broker | NatsBroker, BrokerError.BrokerError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))
