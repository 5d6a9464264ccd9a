/**
 * What the broker answered when it had stored one envelope.
 *
 * An acknowledgement means what the broker means by it: Kafka with `acks=all` and NATS JetStream have replicated the
 * message as the topic is configured, and neither has necessarily flushed it to disk.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface Receipt {
  readonly topic: string
  readonly eventId: string
  readonly partition: number
  /** Kafka offset, JetStream sequence (absent in modes that acknowledge cumulatively), or offset of the memory broker. */
  readonly offset?: bigint
  /** The broker already held this event id inside its deduplication window and stored nothing new. */
  readonly duplicate?: boolean
}
