/**
 * The metrics of the bus, in one place. Names follow OpenTelemetry's messaging conventions (semantic conventions 1.45)
 * where they have one. Each carries `messaging.system.name` and `messaging.destination.name`.
 *
 * @since 0.1.0
 */
import { Metric } from "effect"

/**
 * Envelopes settled, with attribute `outcome`: "acked", "rejected" or "unknown".
 *
 * @category metrics
 * @since 0.1.0
 */
export const sentMessages = Metric.counter("messaging.client.sent.messages", {
  description: "Published envelopes by outcome",
  incremental: true
})

/**
 * From acceptance to settlement, in seconds.
 *
 * @category metrics
 * @since 0.1.0
 */
export const publishDuration = Metric.histogram("messaging.client.operation.duration", {
  description: "Seconds from acceptance to settlement of a publish",
  boundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
})

/**
 * Records that were handed to the broker again after an attempt without an acknowledgement.
 *
 * @category metrics
 * @since 0.1.0
 */
export const resentMessages = Metric.counter("eventbus.publish.resent", {
  description: "Records sent again",
  incremental: true
})

/**
 * Envelopes that the broker had stored before, by its own deduplication.
 *
 * @category metrics
 * @since 0.1.0
 */
export const duplicateMessages = Metric.counter("eventbus.publish.duplicates", {
  description: "Envelopes acknowledged as duplicates",
  incremental: true
})

/**
 * Envelopes accepted and not settled.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pendingMessages = Metric.gauge("eventbus.publish.pending", {
  description: "Envelopes in the publish window"
})
