/**
 * Where the time of a publish goes, message by message: for benches and for a hunt, not for dashboards (those have
 * {@link Metrics}). Off by default; a message then costs one comparison with `undefined`.
 *
 * ```text
 *  begun ─► validated ─► encoded ─► accepted ─► handedOver ─► taken ─► answered ─► settled
 *    validate     encode    window       queue         send      ack       settle
 * ```
 *
 * The intervals follow each other without a hole: their sum is the time from the publish call to the settlement.
 *
 * @since 0.1.0
 */
import { Context } from "effect"

/**
 * When a message was where, on the recorder's own clock. Of a message that was sent more than once the last attempt
 * counts, and what went before it is part of the queue.
 *
 * @category models
 * @since 0.1.0
 */
export interface Moments {
  /** The publish call. */
  readonly begun: number
  /** The payload has passed its schema. Equal to `begun` where the topic's wire format does not tell. */
  readonly validated: number
  /** Body and headers are there. */
  readonly encoded: number
  /** It has got its permit: what lies before is the wait for the window. */
  readonly accepted: number
  /** The driver was given the batch that it is in: what lies before is the queue, the lane and the linger. */
  readonly handedOver: number
  /** The driver's client has taken that batch; never later than `answered`. */
  readonly taken: number
  /** The driver has told the bus of an answer in that batch. */
  readonly answered: number
  /** The outcome goes to who waits for it. */
  readonly settled: number
}

/**
 * Takes the moments of every `every`-th acknowledged message. `record` is called on the pipeline's own stack, so it must
 * be quick and must not throw.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recorder {
  readonly every: number
  /** Milliseconds, with a fraction: `() => performance.now()`. */
  readonly now: () => number
  readonly record: (moments: Moments) => void
}

/**
 * Read once, when `EventBus.layer` is built.
 *
 * @category references
 * @since 0.1.0
 */
export const PublishStages = Context.Reference<Recorder | undefined>("@effect-eventbus/core/PublishStages", {
  defaultValue: () => undefined
})
