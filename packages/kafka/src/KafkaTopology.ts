/**
 * What a topic's definition means on Kafka: for people who want to see, or to compare, before anything is created.
 *
 * @since 0.1.0
 */
import type { TopicSpec } from "@effect-eventbus/core/Broker"
import { configOf } from "./internal/topology.ts"
import type { TopicSettings } from "./KafkaConfig.ts"

/**
 * The settings that a topic gets when it is created, by Kafka's names.
 *
 * @category conversions
 * @since 0.1.0
 */
export const config = (topic: TopicSpec, settings: TopicSettings = {}): ReadonlyMap<string, string> =>
  configOf(topic, settings)
