/**
 * Administration with `@platformatic/kafka`.
 */
import {
  type Admin as AdminClient,
  type ClusterMetadata,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps
} from "@platformatic/kafka"
import { Effect } from "effect"
import { type Admin, EngineError } from "../engine.ts"
import { protocolFailure } from "../failure.ts"
import type { Settings } from "../settings.ts"
import { unknownTopicIn } from "./errors.ts"
import { TopicReader } from "./fetch.ts"
import { baseOptions, guard, quiet } from "./options.ts"

const describeMetadata = async (
  client: { metadata: AdminClient["metadata"] },
  topic: string
): Promise<ClusterMetadata["topics"] extends Map<string, infer T> ? T | undefined : never> => {
  try {
    const { topics } = await client.metadata({ topics: [topic], forceUpdate: true, retries: 0 })
    return topics.get(topic)
  } catch (error) {
    if (unknownTopicIn(error) === topic) return undefined
    throw error
  }
}

export const makeAdmin = (raw: AdminClient, settings: Settings): Admin & { readonly raw: AdminClient } => {
  let reader: Consumer | undefined
  const isolationLevel = settings.consumer.readCommitted ? 1 : 0

  const configOf = async (resourceType: 2 | 4, resourceName: string): Promise<ReadonlyMap<string, string>> => {
    const [described] = await raw.describeConfigs({
      resources: [{ resourceType, resourceName, configurationKeys: null }]
    })
    return new Map(
      described?.configs.flatMap(({ name, value }) => typeof value === "string" ? [[name, value] as const] : []) ?? []
    )
  }

  const describe: Admin["describe"] = async (topic) => {
    let metadata = await describeMetadata(raw, topic)
    // Right after its creation a topic's partitions have no leaders yet.
    for (let i = 0; i < 20 && metadata?.partitions.some(({ leader }) => leader < 0) === true; i++) {
      await Effect.runPromise(Effect.sleep(100))
      metadata = await describeMetadata(raw, topic)
    }
    if (metadata === undefined) return undefined
    return {
      partitions: metadata.partitionsCount,
      replicas: Math.min(...metadata.partitions.map(({ replicas }) => replicas.length)),
      config: await configOf(ConfigResourceTypes.TOPIC, topic)
    }
  }

  const offsets: Admin["offsets"] = async (topic, at) => {
    const metadata = await describeMetadata(raw, topic)
    if (metadata === undefined) {
      throw new EngineError(protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", `there is no topic "${topic}"`))
    }
    const timestamp = at === "earliest"
      ? ListOffsetTimestamps.EARLIEST
      : at === "latest"
      ? ListOffsetTimestamps.LATEST
      : BigInt(at.time)
    const indexes = Array.from({ length: metadata.partitionsCount }, (_, partitionIndex) => partitionIndex)
    const [listed] = await raw.listOffsets({
      isolationLevel,
      topics: [{ name: topic, partitions: indexes.map((partitionIndex) => ({ partitionIndex, timestamp })) }]
    })
    const out = new Map(listed?.partitions.map(({ offset, partitionIndex }) => [partitionIndex, offset]) ?? [])
    // Nothing is that young: the end.
    if (typeof at === "object" && [...out.values()].some((offset) => offset < 0n)) {
      for (const [partition, end] of await offsets(topic, "latest")) {
        if ((out.get(partition) ?? -1n) < 0n) out.set(partition, end)
      }
    }
    return out
  }

  const timestampAt: Admin["timestampAt"] = async (topic, partition, offset) => {
    reader ??= quiet(
      new Consumer({ ...baseOptions(settings), groupId: `${settings.clientId}-reader`, isolationLevel })
    )
    const [found] = await new TopicReader(reader, reader.connections, topic).fetch({
      partitions: [{ partition, offset }],
      maxWaitMillis: 50,
      maxBytesPerPartition: 1,
      maxBytes: 1,
      isolationLevel
    })
    return found?.records[0]?.timestamp
  }

  return {
    raw,
    ping: () =>
      guard((async () => {
        await raw.metadata({ topics: [], forceUpdate: true, retries: 0 })
      })()),
    maxMessageBytes: () =>
      guard((async () => {
        const { brokers } = await raw.metadata({ topics: [], forceUpdate: true })
        const [node] = brokers.keys()
        if (node === undefined) return undefined
        try {
          const value = Number((await configOf(ConfigResourceTypes.BROKER, String(node))).get("message.max.bytes"))
          return Number.isSafeInteger(value) ? value : undefined
        } catch {
          // It may be forbidden to ask.
          return undefined
        }
      })()),
    describe: (topic) => guard(describe(topic)),
    create: (topic, { config, partitions, replicas }) =>
      guard((async () => {
        const configs = [...config].map(([name, value]) => ({ name, value }))
        await raw.createTopics({ topics: [topic], partitions, replicas, configs })
        // It is known to the broker that answers next only a little later.
        for (let i = 0; i < 100 && (await describeMetadata(raw, topic)) === undefined; i++) {
          await Effect.runPromise(Effect.sleep(50))
        }
      })()),
    alter: (topic, config) =>
      guard(raw.incrementalAlterConfigs({
        resources: [{
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: topic,
          configs: [...config].map(([name, value]) => ({
            name,
            value,
            configOperation: IncrementalAlterConfigOperationTypes.SET
          }))
        }]
      })),
    grow: (topic, count) => guard(raw.createPartitions({ topics: [{ name: topic, count }] })),
    offsets: (topic, at) => guard(offsets(topic, at)),
    committed: (group, topic, partitions) =>
      guard((async () => {
        const partitionIndexes = Array.from({ length: partitions }, (_, partition) => partition)
        const [found] = await raw.listConsumerGroupOffsets({
          groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes }] }],
          requireStable: false
        })
        const own = found?.topics.find(({ name }) => name === topic)
        return new Map(
          own?.partitions.flatMap(({ committedOffset, partitionIndex }) =>
            committedOffset < 0n ? [] : [[partitionIndex, committedOffset] as const]
          ) ?? []
        )
      })()),
    commit: (group, topic, given) =>
      guard(raw.alterConsumerGroupOffsets({
        groupId: group,
        topics: [{
          name: topic,
          partitionOffsets: [...given].map(([partition, offset]) => ({ partition, offset }))
        }]
      })),
    timestampAt: (topic, partition, offset) => guard(timestampAt(topic, partition, offset)),
    close: async () => {
      if (reader !== undefined) await reader.close(true).catch(() => {})
      await raw.close().catch(() => {})
    }
  }
}
