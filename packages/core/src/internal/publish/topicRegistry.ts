import { type Context, Effect, Semaphore } from "effect"
import type * as Broker from "../../Broker.ts"
import type * as BrokerError from "../../BrokerError.ts"
import { Meter } from "./meter.ts"
import { TopicState } from "./topicState.ts"

/**
 * The topics of one bus. Each is ensured once, when it is first used or when the layer is built; after that no publish
 * costs an admin request. A failed attempt is not remembered: the next publish asks again.
 */
export class TopicRegistry {
  readonly #states = new Map<string, TopicState>()
  readonly #lock = Semaphore.makeUnsafe(1)
  readonly #broker: Broker.Broker["Service"]
  readonly #producer: Broker.Producer
  readonly #strategy: Broker.EnsureStrategy
  readonly #context: Context.Context<never>
  readonly #batchSize: number

  constructor(fields: {
    readonly broker: Broker.Broker["Service"]
    readonly producer: Broker.Producer
    readonly strategy: Broker.EnsureStrategy
    readonly context: Context.Context<never>
    readonly batchSize: number
  }) {
    this.#broker = fields.broker
    this.#producer = fields.producer
    this.#strategy = fields.strategy
    this.#context = fields.context
    this.#batchSize = fields.batchSize
  }

  get(name: string): TopicState | undefined {
    return this.#states.get(name)
  }

  /** The state of a topic, ensured with the bus's strategy where this is its first use. */
  state(spec: Broker.TopicSpec): Effect.Effect<TopicState, BrokerError.BrokerError> {
    return Effect.suspend(() => {
      const known = this.#states.get(spec.name)
      return known === undefined ? this.#lock.withPermits(1)(this.#first(spec)) : Effect.succeed(known)
    })
  }

  /** Asks the broker whatever is known here, and reports what it found. */
  ensure(
    spec: Broker.TopicSpec,
    strategy: Broker.EnsureStrategy
  ): Effect.Effect<Broker.Ensured, BrokerError.BrokerError> {
    return this.#lock.withPermits(1)(
      Effect.tap(
        this.#broker.ensureTopic(spec, strategy),
        (ensured) => Effect.sync(() => this.#remember(spec, ensured))
      )
    )
  }

  #first(spec: Broker.TopicSpec): Effect.Effect<TopicState, BrokerError.BrokerError> {
    return Effect.gen({ self: this }, function*() {
      const known = this.#states.get(spec.name)
      if (known !== undefined) return known
      const ensured = yield* this.#broker.ensureTopic(spec, this.#strategy)
      if (ensured.drift.length > 0) {
        yield* Effect.logWarning(
          `topic ${spec.name} differs from its definition: `
            + ensured.drift.map(({ actual, expected, field }) => `${field} is ${actual}, not ${expected}`).join(", ")
        )
      }
      return this.#remember(spec, ensured)
    })
  }

  #remember(spec: Broker.TopicSpec, ensured: Broker.Ensured): TopicState {
    const { maxRecordBytes } = this.#broker.capabilities
    const largest = Math.min(maxRecordBytes, ensured.topic.maxRecordBytes ?? maxRecordBytes)
    const known = this.#states.get(spec.name)
    if (known !== undefined) {
      // The one thing that may change under a bus without harm to what is under way.
      known.maxRecordBytes = largest
      return known
    }
    const policy = this.#producer.lanes(spec, ensured.topic)
    const state = new TopicState(
      spec,
      ensured.topic,
      { ...policy, maxBatch: Math.min(policy.maxBatch, this.#batchSize) },
      new Meter(this.#broker.system, spec.name, this.#context),
      largest
    )
    this.#states.set(spec.name, state)
    return state
  }
}
