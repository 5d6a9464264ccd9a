/**
 * The metrics of the bus, in one place. Names follow OpenTelemetry's messaging conventions (semantic conventions 1.45)
 * where they have one. Each series carries `messaging.system.name` and `messaging.destination.name`.
 *
 * The constants here are the series without attributes, for their names and their meaning; the bus updates the ones
 * with attributes, one set per topic. `PrometheusMetrics` and `Otlp` of `effect/observability` export them all.
 *
 * @since 0.1.0
 */
import { Metric } from "effect"

const sent = {
  id: "messaging.client.sent.messages",
  description: "Published envelopes by outcome"
}
const resent = { id: "eventbus.publish.resent", description: "Records sent again" }
const duplicates = { id: "eventbus.publish.duplicates", description: "Envelopes acknowledged as duplicates" }
const duration = {
  id: "messaging.client.operation.duration",
  description: "Seconds from acceptance to settlement of a publish",
  boundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
}

const counter = (
  { description, id }: { readonly id: string; readonly description: string },
  attributes: Metric.Metric.Attributes
) => Metric.counter(id, { description, incremental: true, attributes })

/** @internal */
export const sentMessagesWith = (attributes: Metric.Metric.Attributes) => counter(sent, attributes)
/** @internal */
export const resentMessagesWith = (attributes: Metric.Metric.Attributes) => counter(resent, attributes)
/** @internal */
export const duplicateMessagesWith = (attributes: Metric.Metric.Attributes) => counter(duplicates, attributes)
/** @internal */
export const publishDurationWith = (attributes: Metric.Metric.Attributes) =>
  Metric.histogram(duration.id, { ...duration, attributes })

/**
 * Envelopes settled, with attribute `outcome`: "acked", "rejected" or "unknown".
 *
 * @category metrics
 * @since 0.1.0
 */
export const sentMessages = sentMessagesWith({})

/**
 * From acceptance to settlement, in seconds.
 *
 * @category metrics
 * @since 0.1.0
 */
export const publishDuration = publishDurationWith({})

/**
 * Records that were handed to the broker again after an attempt without an acknowledgement.
 *
 * @category metrics
 * @since 0.1.0
 */
export const resentMessages = resentMessagesWith({})

/**
 * Envelopes that the broker had stored before, by its own deduplication.
 *
 * @category metrics
 * @since 0.1.0
 */
export const duplicateMessages = duplicateMessagesWith({})
