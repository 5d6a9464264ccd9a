/**
 * A round without a running load: a bus, a topic, a history, and what a scenario does with them by itself.
 */
import { type Broker, type BrokerError, EventBus, Publisher, Topic } from "@effect-eventbus/core"
import * as History from "@effect-eventbus/core/testing/History"
import { Effect, Layer, type Scope } from "effect"
import { Live, type LoadTopic } from "./live.ts"
import { freshName, type Load, readBack } from "./load.ts"
import { Moved } from "./moved.ts"
import { verdict } from "./verdict.ts"

export interface Direct<E> extends Pick<Load, "name" | "observer" | "bus" | "noDuplicates" | "topic"> {
  readonly broker: Layer.Layer<Broker.Broker, BrokerError.BrokerError>
  readonly run: (live: Live) => Effect.Effect<void, E, Scope.Scope | Broker.Broker>
}

export const runDirect = Effect.fnUntraced(function*<E>(direct: Direct<E>) {
  const history = yield* History.make
  const topic: LoadTopic = Topic.make(freshName(direct.name), { ...direct.topic, events: [Moved] })
  const bus = EventBus.layer(direct.bus).pipe(Layer.provideMerge(direct.broker))
  const live = yield* Effect.gen(function*() {
    const publisher = yield* Publisher.Publisher
    const own = new Live(direct.name, topic, publisher, history)
    yield* direct.run(own)
    yield* publisher.flush
    return own
  }).pipe(Effect.scoped, Effect.provide(bus))
  const stored = yield* readBack(topic, direct.observer)
  return verdict({ entries: history.entries, stored, noDuplicates: direct.noDuplicates ?? true }, {
    injected: live.times,
    violations: live.violations,
    notes: live.notes
  })
})
