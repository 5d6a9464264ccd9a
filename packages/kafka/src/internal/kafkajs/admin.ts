/**
 * Administration with `kafkajs`.
 */
import { Effect } from "effect"
import kafkajs, { type Admin as AdminClient } from "kafkajs"
import { type Admin, EngineError } from "../engine.ts"
import { protocolFailure } from "../failure.ts"
import { adminFailureOf } from "./errors.ts"
import { guard } from "./options.ts"

const isUnknown = (error: unknown): boolean => adminFailureOf(error).code === "UNKNOWN_TOPIC_OR_PARTITION"

const missing = (topic: string) =>
  new EngineError(protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", `there is no topic "${topic}"`))

export const makeAdmin = (raw: AdminClient): Admin => {
  const topicType = kafkajs.ConfigResourceTypes.TOPIC
  const resourceConfig = async (type: number, name: string): Promise<ReadonlyMap<string, string>> => {
    const { resources } = await raw.describeConfigs({ includeSynonyms: false, resources: [{ type, name }] })
    return new Map(
      resources[0]?.configEntries.flatMap(({ configName, configValue }) =>
        typeof configValue === "string" ? [[configName, configValue] as const] : []
      ) ?? []
    )
  }
  const metadata = async (topic: string) => {
    try {
      const { topics } = await raw.fetchTopicMetadata({ topics: [topic] })
      return topics.find(({ name }) => name === topic)
    } catch (error) {
      if (isUnknown(error)) return undefined
      throw error
    }
  }
  const describe: Admin["describe"] = async (topic) => {
    let found = await metadata(topic)
    for (let i = 0; i < 20 && found?.partitions.some(({ leader }) => leader < 0) === true; i++) {
      await Effect.runPromise(Effect.sleep(100))
      found = await metadata(topic)
    }
    if (found === undefined) return undefined
    return {
      partitions: found.partitions.length,
      replicas: Math.min(...found.partitions.map(({ replicas }) => replicas.length)),
      config: await resourceConfig(topicType, topic)
    }
  }

  return {
    ping: () =>
      guard((async () => {
        await raw.describeCluster()
      })()),
    maxMessageBytes: () =>
      guard((async () => {
        const { brokers } = await raw.describeCluster()
        const [node] = brokers
        if (node === undefined) return undefined
        try {
          const config = await resourceConfig(kafkajs.ConfigResourceTypes.BROKER, String(node.nodeId))
          const value = Number(config.get("message.max.bytes"))
          return Number.isSafeInteger(value) ? value : undefined
        } catch {
          return undefined
        }
      })()),
    describe: (topic) => guard(describe(topic)),
    create: (topic, { config, partitions, replicas }) =>
      guard((async () => {
        const created = await raw.createTopics({
          waitForLeaders: true,
          topics: [{
            topic,
            numPartitions: partitions,
            replicationFactor: replicas,
            configEntries: [...config].map(([name, value]) => ({ name, value }))
          }]
        })
        if (!created) throw new EngineError(protocolFailure("TOPIC_ALREADY_EXISTS", topic))
      })()),
    // It replaces the whole configuration, so what is set already is set again.
    alter: (topic, config) =>
      guard((async () => {
        const { resources } = await raw.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: topicType, name: topic }]
        })
        const own = resources[0]?.configEntries.filter(({ configSource }) => Number(configSource) === 1) ?? []
        const entries = new Map([
          ...own.map(({ configName, configValue }) => [configName, configValue] as const),
          ...config
        ])
        await raw.alterConfigs({
          validateOnly: false,
          resources: [{
            type: topicType,
            name: topic,
            configEntries: [...entries].map(([name, value]) => ({ name, value }))
          }]
        })
      })()),
    grow: (topic, count) =>
      guard((async () => {
        await raw.createPartitions({ topicPartitions: [{ topic, count }] })
      })()),
    offsets: (topic, at) =>
      guard((async () => {
        if ((await metadata(topic)) === undefined) throw missing(topic)
        if (typeof at === "object") {
          const found = await raw.fetchTopicOffsetsByTimestamp(topic, at.time)
          return new Map(found.map(({ offset, partition }) => [partition, BigInt(offset)]))
        }
        const found = await raw.fetchTopicOffsets(topic)
        return new Map(found.map(({ high, low, partition }) => [partition, BigInt(at === "earliest" ? low : high)]))
      })()),
    committed: (group, topic) =>
      guard((async () => {
        const [found] = await raw.fetchOffsets({ groupId: group, topics: [topic] })
        return new Map(
          found?.partitions.flatMap(({ offset, partition }) =>
            Number(offset) < 0 ? [] : [[partition, BigInt(offset)] as const]
          ) ?? []
        )
      })()),
    // The client's `setOffsets` joins the group for five seconds to do it. The first member commits its start instead.
    commit: () => Promise.reject(new EngineError(protocolFailure("NON_EMPTY_GROUP", "left to the first member"))),
    // This client cannot read without a group.
    timestampAt: async () => undefined,
    close: () => raw.disconnect().catch(() => {})
  }
}
