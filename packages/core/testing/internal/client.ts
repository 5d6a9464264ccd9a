/**
 * A client of the broker under test that can be made to crash, and whose sends can be held up.
 */
import { Effect, Latch } from "effect"
import type * as Broker from "../../src/Broker.ts"
import * as PublishError from "../../src/PublishError.ts"

export interface Client {
  readonly broker: Broker.Broker["Service"]
  /** From now on nothing that this client says reaches the broker: no settlement, no heartbeat, no record. */
  readonly crash: () => void
  /** Closed, `send` suspends, as with a client whose outbound buffer is full. */
  readonly gate: Latch.Latch
}

const crashed: Broker.Outcome = { _tag: "Ambiguous", reason: new PublishError.Closed() }

export const wrap = (inner: Broker.Broker["Service"]): Client => {
  const gate = Latch.makeUnsafe(true)
  let dead = false
  const alive = <A, E>(effect: Effect.Effect<A, E>, otherwise: Effect.Effect<A>): Effect.Effect<A, E> =>
    Effect.suspend(() => dead ? otherwise : effect)

  const producer = Effect.map(inner.producer, (own): Broker.Producer => ({
    ...own,
    send: (batches) =>
      Effect.andThen(
        gate.await,
        alive(
          own.send(batches),
          Effect.sync(() => batches.forEach((batch) => batch.settleAll(crashed)))
        )
      )
  }))

  const consumer = (options: Broker.ConsumerOptions) =>
    Effect.map(inner.consumer(options), (own): Broker.Consumer => ({
      ...own,
      poll: (max) => alive(own.poll(max), Effect.never),
      settle: (records) => alive(own.settle(records), Effect.void),
      flush: alive(own.flush, Effect.void),
      heartbeat: (records) => alive(own.heartbeat(records), Effect.void)
    }))

  return {
    broker: { ...inner, producer, consumer },
    crash: () => {
      dead = true
    },
    gate
  }
}
