/**
 * The bus as a layer: everything that publishes and consumes, over whichever `Broker` is provided below it.
 *
 * ```ts
 * EventBus.layer({ maxPending: 8192 }).pipe(Layer.provide(MemoryBroker.layer()))
 * ```
 *
 * @since 0.1.0
 */
import { Config, Context, type Duration, Effect, Layer, Schema } from "effect"
import * as Broker from "./Broker.ts"
import type * as BrokerError from "./BrokerError.ts"
import * as DeadLetters from "./DeadLetters.ts"
import * as Health from "./Health.ts"
import * as Checks from "./internal/checkOptions.ts"
import { open } from "./internal/publish/open.ts"
import type { PipelineOptions } from "./internal/publish/pipeline.ts"
import { publishRaw } from "./internal/publish/rawIntake.ts"
import { RawPublisher } from "./internal/rawPublisher.ts"
import * as Publisher from "./Publisher.ts"
import * as Subscriber from "./Subscriber.ts"
import type * as Topic from "./Topic.ts"
import * as TopicAdmin from "./TopicAdmin.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Envelopes that may be published and not yet acknowledged; more make the publisher wait. Default 8,192. */
  readonly maxPending?: number | undefined
  /** Their bytes, body and headers and key. An envelope larger than this is `TooLarge`. Default 64 MiB. */
  readonly maxPendingBytes?: number | undefined
  /** From acceptance to the last moment at which an envelope settles. Default 30 seconds. */
  readonly deliveryTimeout?: Duration.Input | undefined
  /** How long the end of the bus waits for what is pending. Default 10 seconds. */
  readonly drainTimeout?: Duration.Input | undefined
  /** How long a batch waits for company. Default 0: batches form while others are in flight. */
  readonly linger?: Duration.Input | undefined
  /** Most envelopes in one batch, where the driver does not set less. Default 1,024. */
  readonly batchSize?: number | undefined
  /** Fibers in the pool that takes the broker's acknowledgements. Default 2. */
  readonly ackFibers?: number | undefined
  /** How topics are ensured at their first use. Default `"createOnly"`. */
  readonly ensure?: Broker.EnsureStrategy | undefined
  /** Topics to ensure while the layer is built, so that a missing one stops the start and not the first publish. */
  readonly topics?: ReadonlyArray<Topic.Any> | undefined
}

/**
 * An option that makes no sense. Thrown by {@link layer}, before anything is opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>("@effect-eventbus/core/EventBus/InvalidOptions")(
  "InvalidOptions",
  { option: Schema.String, message: Schema.String }
) {}

/**
 * @category models
 * @since 0.1.0
 */
export type Services =
  | Publisher.Publisher
  | Subscriber.Subscriber
  | TopicAdmin.TopicAdmin
  | DeadLetters.DeadLetters
  | Health.Health

const { count, finite, positive } = Checks.make((option, message) => new InvalidOptions({ option, message }))

const decide = (options: Options): PipelineOptions => ({
  maxPending: count("maxPending", options.maxPending, 8192),
  maxPendingBytes: count("maxPendingBytes", options.maxPendingBytes, 64 * 1024 * 1024),
  deliveryTimeoutMillis: positive("deliveryTimeout", options.deliveryTimeout, 30_000),
  drainTimeoutMillis: finite("drainTimeout", options.drainTimeout, 10_000),
  lingerMillis: finite("linger", options.linger, 0),
  ackFibers: count("ackFibers", options.ackFibers, 2),
  batchSize: count("batchSize", options.batchSize, 1024)
})

/**
 * Builds the bus. Fails with a `BrokerError` where the driver's producer cannot be opened or one of `topics` cannot be
 * ensured. When its scope closes it stops accepting, drains within `drainTimeout`, settles what is left, and closes
 * the producer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Services, BrokerError.BrokerError, Broker.Broker> => {
  const decided = decide(options)
  return Layer.effectContext(Effect.gen(function*() {
    const broker = yield* Broker.Broker
    const { intake, pipeline, registry } = yield* open(decided, options.ensure ?? "createOnly")
    for (const topic of options.topics ?? []) yield* registry.state(topic)
    const raw = RawPublisher.of({ publishRaw: (topic, record) => publishRaw(pipeline, registry, topic, record) })
    const subscriber = Subscriber.make({ ensure: (topic) => registry.state(topic) })
    return Context.make(Publisher.Publisher, Publisher.make(intake, { limit: broker.capabilities.atomicBatch })).pipe(
      Context.add(Subscriber.Subscriber, yield* Effect.provideService(subscriber, RawPublisher, raw)),
      Context.add(
        TopicAdmin.TopicAdmin,
        TopicAdmin.TopicAdmin.of({
          ensure: (topic, strategy = "createOnly") => registry.ensure(topic, strategy),
          describe: broker.describeTopic,
          backlog: broker.backlog
        })
      ),
      Context.add(DeadLetters.DeadLetters, yield* Effect.provideService(DeadLetters.make, RawPublisher, raw)),
      Context.add(Health.Health, Health.Health.of({ check: broker.health, status: broker.status }))
    )
  }))
}

/**
 * The same with options from `Config`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Services, BrokerError.BrokerError | Config.ConfigError, Broker.Broker> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))
