/**
 * A new bus on a new broker for each round, and the frame of a measurement on it.
 */
import * as EventBus from "@effect-eventbus/core/EventBus"
import * as MemoryBroker from "@effect-eventbus/core/MemoryBroker"
import * as Publisher from "@effect-eventbus/core/Publisher"
import { Effect, Layer } from "effect"
import type { Latency } from "../latency.ts"
import type { Sample } from "../rounds.ts"
import { startStopwatch } from "../stopwatch.ts"
import { orders } from "./orders.ts"
import { type Outcome, verify } from "./verify.ts"

/** With the defaults of both. The topic is ensured while it is built. */
export const layer = () =>
  EventBus.layer({ topics: [orders] }).pipe(Layer.provideMerge(MemoryBroker.layer()), Layer.orDie)

/** What a measured section gives. */
export interface Done extends Outcome {
  readonly publishToAck?: Latency | undefined
}

/** Times `section` on a bus of its own, from the first publish to the last acknowledgement, and verifies it. */
export const measured = (
  name: string,
  messages: number,
  section: (publisher: Publisher.Publisher["Service"]) => Effect.Effect<Done>
) =>
  Effect.gen(function*() {
    const publisher = yield* Publisher.Publisher
    const elapsed = startStopwatch()
    const done = yield* section(publisher)
    const time = elapsed()
    const { acked, failed, publishToAck, unknown } = done
    const sample: Sample = {
      messages,
      ...time,
      counts: yield* verify(name, messages, { acked, failed, unknown }),
      publishToAck
    }
    return sample
  }).pipe(Effect.provide(layer()))
