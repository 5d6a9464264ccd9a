/**
 * One envelope handed to a consumer, and the stream operators that settle it when its outputs are stored.
 *
 * @since 0.1.0
 */
import { Effect, Stream } from "effect"
import type { Headers } from "./Headers.ts"
import { TypeId } from "./internal/subscribe/delivery.ts"
import type * as PublishResult from "./PublishResult.ts"
import * as Settlement from "./Settlement.ts"
import type * as Topic from "./Topic.ts"

/**
 * One attempt at one envelope of a topic. An envelope that is tried again comes as another delivery, with the next
 * `attempt`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delivery<out T extends Topic.Any> {
  readonly [TypeId]: typeof TypeId
  readonly envelope: Topic.EnvelopeOf<T>
  /** The topic that it was read from: the subscription's, or its group's retry topic. */
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** 1 for the first try. Counts tries here and, where the broker counts, earlier deliveries. */
  readonly attempt: number
  /** When the broker stored it, in milliseconds since 1970. */
  readonly timestamp: number
  readonly group: string
  /** Kafka's key, where there is one. */
  readonly key: string | undefined
  /** As they travelled: every value, in order per name. */
  readonly headers: Headers
  /** The body as it travelled. Not to be written to. */
  readonly bytes: Uint8Array
  /**
   * Says what becomes of it. The first settlement counts, later ones do nothing; it never fails. What is never settled
   * comes back after the subscription has ended.
   *
   * In a stream it takes effect at once: the next delivery of the aggregate may come. In a handler it takes effect when
   * the handler has ended, in the place of what the handler returns or fails with.
   */
  settle(settlement: Settlement.Settlement): Effect.Effect<void>
}

/**
 * @category models
 * @since 0.1.0
 */
export type Any = Delivery<Topic.Any>

/**
 * @category guards
 * @since 0.1.0
 */
export const isDelivery = (u: unknown): u is Any => typeof u === "object" && u !== null && TypeId in u

/**
 * Settles many deliveries alike: after a batch was written, say.
 *
 * @category settling
 * @since 0.1.0
 */
export const settleAll = (deliveries: Iterable<Any>, settlement: Settlement.Settlement): Effect.Effect<void> =>
  Effect.forEach(deliveries, (delivery) => delivery.settle(settlement), { discard: true })

/**
 * Keeps the deliveries that `predicate` accepts, and acknowledges the others: a delivery that a stream drops without a
 * word would hold up its aggregate until the stream ends.
 *
 * @category settling
 * @since 0.1.0
 */
export const filter =
  <D extends Any>(predicate: (delivery: D) => boolean) =>
  <E, R>(self: Stream.Stream<D, E, R>): Stream.Stream<D, E, R> =>
    Stream.filterEffect(self, (delivery) => {
      const keep = predicate(delivery)
      return keep ? Effect.succeed(keep) : Effect.as(delivery.settle(Settlement.Ack), keep)
    })

/**
 * One of the outputs of a delivery.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output<out D extends Any, out A> {
  readonly delivery: D
  readonly output: A
  /** From 0, for `Event.derivedId`. */
  readonly index: number
}

/** Outputs that have not come to `settleAfter` yet, and what the others came to. Not here: one output. */
interface Awaited {
  left: number
  readonly settlements: Array<Settlement.Settlement | undefined>
}

const awaited = new WeakMap<Any, Awaited>()

/**
 * Turns each delivery into any number of outputs, and lets {@link settleAfter} wait for all of them. A delivery without
 * outputs is acknowledged here. Give outputs ids that are derived (`Event.derivedId(source, group, index)`), so that
 * those which were stored before a redelivery are recognised.
 *
 * @category settling
 * @since 0.1.0
 */
export const expand = <D extends Any, A, E2 = never, R2 = never>(
  f: (delivery: D) => Effect.Effect<ReadonlyArray<A>, E2, R2>,
  options?: { readonly concurrency?: number | "unbounded" | undefined }
) =>
<E, R>(self: Stream.Stream<D, E, R>): Stream.Stream<Output<D, A>, E | E2, R | R2> =>
  self.pipe(
    Stream.mapEffect(
      (delivery) => Effect.flatMap(f(delivery), (outputs) => register(delivery, outputs)),
      { concurrency: options?.concurrency ?? 1 }
    ),
    Stream.flattenIterable
  )

const register = <D extends Any, A>(delivery: D, outputs: ReadonlyArray<A>) =>
  Effect.suspend((): Effect.Effect<ReadonlyArray<Output<D, A>>> => {
    if (outputs.length === 0) return Effect.as(delivery.settle(Settlement.Ack), [])
    awaited.set(delivery, { left: outputs.length, settlements: [] })
    return Effect.succeed(outputs.map((output, index) => ({ delivery, output, index })))
  })

/**
 * What becomes of a delivery whose output came to this:
 *
 * - `Acked`: `Ack`;
 * - `Unknown`, or `Rejected` for a reason that may pass: `Retry`, as the subscription's schedule says;
 * - `Rejected` because the bus is closing: nothing, it comes back;
 * - `Rejected` for another reason: `DeadLetter` with it.
 *
 * @category settling
 * @since 0.1.0
 */
export const settlementOf = (result: PublishResult.PublishResult): Settlement.Settlement | undefined => {
  switch (result._tag) {
    case "Acked":
      return Settlement.Ack
    case "Unknown":
      return Settlement.Retry()
    case "Rejected":
      if (result.reason._tag === "Closed") return undefined
      return result.reason.isRetryable
        ? Settlement.Retry()
        : Settlement.DeadLetter({ reason: `output ${result.eventId} to ${result.topic}: ${result.reason.message}` })
  }
}

/**
 * Settles each delivery after its output, as {@link settlementOf} says, and passes the elements on. The end of
 * consume, transform, produce:
 *
 * ```ts
 * subscriber.stream(Orders, { group: "invoicing" }).pipe(
 *   Stream.mapEffect((delivery) => Effect.map(invoice(delivery.envelope), (envelope) => ({ envelope, delivery }))),
 *   publisher.throughWith(Invoices, { envelope: (_) => _.envelope }),
 *   Delivery.settleAfter(([, { delivery }]) => delivery)
 * )
 * ```
 *
 * A delivery has one output, unless {@link expand} has given it another number; then it is settled after the last of
 * them: retried where one has to be, else dead-lettered where one has to be, else acknowledged. Interrupted anywhere, a
 * delivery whose outputs are not all stored stays unsettled and comes back: nothing is lost.
 *
 * @category settling
 * @since 0.1.0
 */
export const settleAfter =
  <B extends readonly [PublishResult.PublishResult, unknown]>(delivery: (element: B) => Any) =>
  <E, R>(self: Stream.Stream<B, E, R>): Stream.Stream<B, E, R> =>
    Stream.mapArrayEffect(self, (elements) =>
      Effect.as(
        Effect.forEach(elements, (element) => settleOne(delivery(element), settlementOf(element[0])), {
          discard: true
        }),
        elements
      ))

const settleOne = (delivery: Any, settlement: Settlement.Settlement | undefined): Effect.Effect<void> =>
  Effect.suspend(() => {
    const rest = awaited.get(delivery)
    if (rest === undefined) return settlement === undefined ? Effect.void : delivery.settle(settlement)
    rest.settlements.push(settlement)
    if (--rest.left > 0) return Effect.void
    awaited.delete(delivery)
    const worst = worstOf(rest.settlements)
    return worst === undefined ? Effect.void : delivery.settle(worst)
  })

const worstOf = (
  settlements: ReadonlyArray<Settlement.Settlement | undefined>
): Settlement.Settlement | undefined =>
  settlements.includes(undefined)
    ? undefined
    : settlements.find((settlement) => settlement?._tag === "Retry")
      ?? settlements.find((settlement) => settlement?._tag === "DeadLetter")
      ?? Settlement.Ack
