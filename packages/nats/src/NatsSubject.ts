/**
 * How topics, partitions and groups are named in JetStream.
 *
 * - **subject**: the topic's name where it has one partition, else `<topic>.<partition>`;
 * - **stream**: the topic's name with `_` for each `.`, because a stream's name has no dots;
 * - **consumer**: the group's name where the topic has one partition, else `<group>-<partition>`.
 *
 * @since 0.1.0
 */
import { Topic } from "@effect-eventbus/core"

/**
 * The subject of one partition.
 *
 * @category naming
 * @since 0.1.0
 */
export const subject = (topic: string, partitions: number, partition: number): string =>
  partitions === 1 ? topic : `${topic}.${partition}`

/**
 * Every subject of a topic, by partition.
 *
 * @category naming
 * @since 0.1.0
 */
export const subjects = (topic: string, partitions: number): ReadonlyArray<string> =>
  Array.from({ length: partitions }, (_, partition) => subject(topic, partitions, partition))

/**
 * The name of the stream that is made for a topic.
 *
 * @category naming
 * @since 0.1.0
 */
export const stream = (topic: string): string => topic.replaceAll(".", "_")

/**
 * The name of the durable consumer of a group, for one partition.
 *
 * @category naming
 * @since 0.1.0
 */
export const consumer = (group: string, partitions: number, partition: number): string =>
  partitions === 1 ? group : `${group}-${partition}`

/**
 * What is wrong with `name` as the name of a topic, or `undefined`. Checked before any request: a name that got through
 * could reach the JetStream API, or cost the connection.
 *
 * `<topic>.dlq.<group>` and `<topic>.retry.<group>`, which core derives, may be longer than a topic's own name.
 *
 * @category validation
 * @since 0.1.0
 */
export const topicProblem = (name: string): string | undefined => {
  const derived = /^(.*)\.(?:dlq|retry)\.([A-Za-z0-9_-]{1,100})$/.exec(name)
  const topic = derived?.[1] ?? name
  if (!Topic.isName(topic)) return `${JSON.stringify(name.slice(0, 300))} cannot be a subject`
  return name.length > 249 ? "the name is longer than 249 bytes" : undefined
}
