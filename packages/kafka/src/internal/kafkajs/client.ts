/**
 * The engine on `kafkajs`: the only file that imports it.
 *
 * - **Publishing**: one `sendBatch` per partition and one try each, because the client hides what its earlier tries met.
 *   Its idempotent producer is experimental and dies of a lost answer, so it is not offered.
 * - **Consuming**: `eachBatch` only puts batches aside and never blocks, or one slow partition would hold up all others of
 *   its broker; a partition with enough in hand is paused. The client looks up its coordinator before each JoinGroup and
 *   at no other time: there a rebalance waits for the hand-over.
 */
import { Effect, Redacted } from "effect"
import kafkajs, {
  type Admin as AdminClient,
  type Batch,
  type Consumer,
  type EachBatchPayload,
  type KafkaConfig as ClientConfig,
  type Producer
} from "kafkajs"
import { assign } from "../assigner.ts"
import {
  type Admin,
  type Engine,
  EngineError,
  type FetchedPartition,
  type FetchedRecord,
  type Job,
  type JobResult,
  type Membership,
  type MembershipEvents,
  type Offsets,
  type Sender
} from "../engine.ts"
import { protocolFailure } from "../failure.ts"
import { toBuffer } from "../headers.ts"
import type { Settings } from "../settings.ts"
import { tokenOf } from "../token.ts"
import { Waiters } from "../waiters.ts"
import { adminFailureOf, failureOf } from "./errors.ts"

export type RawAdmin = AdminClient

const guard = <A>(promise: Promise<A>): Promise<A> =>
  promise.catch((error: unknown) => {
    throw error instanceof EngineError ? error : new EngineError(adminFailureOf(error))
  })

const tlsOf = (tls: NonNullable<Settings["tls"]>): NonNullable<ClientConfig["ssl"]> => ({
  ...(tls.ca === undefined ? undefined : { ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca] }),
  ...(tls.cert === undefined ? undefined : { cert: tls.cert }),
  ...(tls.key === undefined ? undefined : { key: Redacted.value(tls.key) }),
  ...(tls.passphrase === undefined ? undefined : { passphrase: Redacted.value(tls.passphrase) }),
  ...(tls.servername === undefined ? undefined : { servername: tls.servername })
})

const saslOf = (sasl: NonNullable<Settings["sasl"]>, settings: Settings): NonNullable<ClientConfig["sasl"]> => {
  if (sasl.mechanism === "OAUTHBEARER") {
    const token = tokenOf(sasl.token, settings.connectTimeoutMillis)
    return { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: await token() }) }
  }
  const { username } = sasl
  const password = Redacted.value(sasl.password)
  switch (sasl.mechanism) {
    case "PLAIN":
      return { mechanism: "plain", username, password }
    case "SCRAM-SHA-256":
      return { mechanism: "scram-sha-256", username, password }
    case "SCRAM-SHA-512":
      return { mechanism: "scram-sha-512", username, password }
  }
}

const configOf = (settings: Settings, retries: number): ClientConfig => ({
  clientId: settings.clientId,
  brokers: [...settings.bootstrapBrokers],
  connectionTimeout: settings.connectTimeoutMillis,
  requestTimeout: settings.requestTimeoutMillis,
  logLevel: kafkajs.logLevel.NOTHING,
  retry: { retries, initialRetryTime: settings.retryDelayMillis, maxRetryTime: 1000 },
  ...(settings.tls === undefined ? undefined : { ssl: tlsOf(settings.tls) }),
  ...(settings.sasl === undefined ? undefined : { sasl: saslOf(settings.sasl, settings) })
})

const client = (settings: Settings, retries: number) => new kafkajs.Kafka(configOf(settings, retries))

// --- administration ---------------------------------------------------------------------------------------------------

const isUnknown = (error: unknown): boolean => adminFailureOf(error).code === "UNKNOWN_TOPIC_OR_PARTITION"

const missing = (topic: string) =>
  new EngineError(protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", `there is no topic "${topic}"`))

const makeAdmin = (raw: AdminClient): Admin => {
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

// --- publishing -------------------------------------------------------------------------------------------------------

type Values = Array<Buffer | string>

const headersOf = (headers: Job["records"][number]["headers"]): Record<string, Values> => {
  const out = new Map<string, Values>()
  for (const [name, value] of headers) {
    const bytes = typeof value === "string" ? value : toBuffer(value)
    const known = out.get(name)
    if (known === undefined) out.set(name, [bytes])
    else known.push(bytes)
  }
  return Object.fromEntries(out)
}

const makeSender = (settings: Settings): Sender => {
  let producer: Promise<Producer> | undefined
  const connect = async (): Promise<Producer> => {
    const made = client(settings, 0).producer({ allowAutoTopicCreation: false })
    try {
      await made.connect()
    } catch (error) {
      await made.disconnect().catch(() => {})
      throw error
    }
    return made
  }
  const current = (): Promise<Producer> => {
    if (producer === undefined) {
      const made = connect()
      producer = made
      made.catch(() => {
        if (producer === made) producer = undefined
      })
    }
    return producer
  }
  const send = async ({ partition, records, topic }: Job): Promise<JobResult> => {
    let ready: Producer
    try {
      ready = await current()
    } catch (error) {
      return { _tag: "Failed", failures: [adminFailureOf(error)] }
    }
    try {
      const answers = await ready.sendBatch({
        acks: settings.acks === "all" ? -1 : 1,
        timeout: Math.max(1, Math.floor(settings.requestTimeoutMillis * 0.8)),
        compression: settings.compression === "gzip" ? kafkajs.CompressionTypes.GZIP : kafkajs.CompressionTypes.None,
        topicMessages: [{
          topic,
          messages: records.map(({ body, headers, key }) => ({
            partition,
            key,
            value: toBuffer(body),
            headers: headersOf(headers)
          }))
        }]
      })
      const found = answers.find((one) => one.topicName === topic && one.partition === partition)
      const base = found?.baseOffset
      return { _tag: "Stored", baseOffset: base === undefined || base.startsWith("-") ? undefined : BigInt(base) }
    } catch (error) {
      return { _tag: "Failed", failures: [failureOf(error)] }
    }
  }
  const drop = async (): Promise<void> => {
    const old = producer
    producer = undefined
    try {
      await (await old)?.disconnect()
    } catch {
      // It is gone either way.
    }
  }
  return {
    produce: (jobs, done) => {
      for (const job of jobs) {
        void (async () => {
          done(job, await send(job))
        })()
      }
    },
    restart: () => {
      void drop()
    },
    close: drop
  }
}

// --- consuming --------------------------------------------------------------------------------------------------------

const recordsOf = (batch: Batch, from: bigint): ReadonlyArray<FetchedRecord> => {
  const out: Array<FetchedRecord> = []
  for (const { headers, key, offset: at, timestamp, value } of batch.messages) {
    const offset = BigInt(at)
    if (offset < from) continue
    const body = value ?? Buffer.alloc(0)
    const own: Array<readonly [string, string | Uint8Array]> = []
    let size = body.length + (key?.length ?? 0)
    for (const [name, values] of Object.entries(headers ?? {})) {
      for (const one of Array.isArray(values) ? values : [values]) {
        const bytes = one === undefined ? Buffer.alloc(0) : Buffer.from(one)
        const asText = bytes.toString()
        own.push([name, Buffer.from(asText).equals(bytes) ? asText : bytes])
        size += name.length + bytes.length
      }
    }
    out.push({ offset, timestamp: Number(timestamp), key: key?.toString() ?? undefined, headers: own, body, size })
  }
  return out
}

/** What was put aside of a partition. */
class Aside {
  batches: Array<Batch> = []
  bytes = 0
  paused = false
  /** Where the client reads on, as far as it was told by us; `undefined` until the first fetch. */
  position: bigint | undefined
}

const bytesOf = (batch: Batch): number => {
  let bytes = 0
  for (const { key, value } of batch.messages) bytes += (key?.length ?? 0) + (value?.length ?? 0)
  return bytes
}

const makeMembership = (settings: Settings, group: string, topic: string, events: MembershipEvents): Membership => {
  const own = settings.consumer
  const aside = new Map<number, Aside>()
  const arrivals = new Waiters()
  let assigned: ReadonlyArray<number> = []
  let closed = false
  let lost = false
  let joined = false
  let running = false
  let expired = false
  let lastHeartbeat: number | undefined

  const consumer: Consumer = client(settings, 5).consumer({
    groupId: group,
    sessionTimeout: own.sessionTimeoutMillis,
    rebalanceTimeout: own.rebalanceTimeoutMillis,
    heartbeatInterval: own.heartbeatIntervalMillis,
    maxBytes: own.maxBytes,
    maxBytesPerPartition: own.maxBytesPerPartition,
    maxWaitTimeInMs: Math.min(own.maxWaitMillis, own.heartbeatIntervalMillis),
    readUncommitted: !own.readCommitted,
    allowAutoTopicCreation: false,
    partitionAssigners: [({ cluster }) => {
      const original = cluster.findGroupCoordinator.bind(cluster)
      cluster.findGroupCoordinator = async (request) => {
        await events.onRevoke(lost)
        lost = false
        return original(request)
      }
      return {
        name: "roundrobin",
        version: 1,
        assign: async ({ members }) => {
          const subscriptions = members.map(({ memberId, memberMetadata }) => ({
            memberId,
            topics: kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? []
          }))
          const all = [...new Set(subscriptions.flatMap(({ topics }) => topics))]
          await cluster.addMultipleTargetTopics(all)
          return [...assign(subscriptions, (name) => cluster.findTopicPartitionMetadata(name).length)].map(
            ([memberId, topics]) => ({
              memberId,
              memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
                version: 1,
                assignment: Object.fromEntries(topics),
                userData: Buffer.alloc(0)
              })
            })
          )
        },
        protocol: ({ topics }) => ({
          name: "roundrobin",
          metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) })
        })
      }
    }]
  })

  const begin = (): void => {
    expired = false
    aside.clear()
    for (const partition of assigned) aside.set(partition, new Aside())
    consumer.resume([{ topic, partitions: [...assigned] }])
    if (!closed) events.onAssign(assigned)
    arrivals.wake()
  }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload, timestamp }) => {
    joined = true
    lastHeartbeat = timestamp
    assigned = payload.memberAssignment[topic] ?? []
    begin()
  })
  // The group has kept the place of this member: what it gave up by itself it may take again.
  consumer.on(consumer.events.HEARTBEAT, ({ timestamp }) => {
    lastHeartbeat = timestamp
    if (expired) begin()
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    lost = true
    if (!payload.restart) running = false
    events.onStall(`the consumer crashed: ${payload.error.message}`)
  })

  const eachBatch = async ({ batch, isStale }: EachBatchPayload): Promise<void> => {
    const place = aside.get(batch.partition)
    if (place === undefined || closed || isStale()) return
    place.batches.push(batch)
    place.bytes += bytesOf(batch)
    if (place.bytes >= own.maxBytesPerPartition && !place.paused) {
      place.paused = true
      consumer.pause([{ topic, partitions: [batch.partition] }])
    }
    arrivals.wake()
  }

  const takeFrom = (partition: number, offset: bigint): FetchedPartition | undefined => {
    const place = aside.get(partition)
    if (place === undefined) return undefined
    if (place.position !== offset) {
      // After an assignment, or a seek of ours.
      place.position = offset
      place.batches = []
      place.bytes = 0
      consumer.seek({ topic, partition, offset: String(offset) })
    }
    const batch = place.batches.shift()
    if (batch === undefined) return undefined
    place.bytes -= bytesOf(batch)
    if (place.paused && place.bytes < own.maxBytesPerPartition) {
      place.paused = false
      consumer.resume([{ topic, partitions: [partition] }])
    }
    const next = BigInt(batch.lastOffset()) + 1n
    // Fetched before the client heard of a seek.
    if (next <= offset || BigInt(batch.firstOffset() ?? batch.lastOffset()) > offset && batch.messages.length === 0) {
      return undefined
    }
    place.position = next
    return { partition, records: recordsOf(batch, offset), next, failure: undefined }
  }

  return {
    join: () =>
      guard((async () => {
        if (running || closed) return
        running = true
        await consumer.connect()
        await consumer.subscribe({ topic, fromBeginning: true })
        await new Promise<void>((resolve, reject) => {
          const offJoin = consumer.on(consumer.events.GROUP_JOIN, () => {
            offJoin()
            offCrash()
            resolve()
          })
          const offCrash = consumer.on(consumer.events.CRASH, ({ payload }) => {
            offJoin()
            offCrash()
            if (!joined) running = false
            reject(payload.error)
          })
          consumer.run({ autoCommit: false, eachBatchAutoResolve: true, partitionsConsumedConcurrently: 64, eachBatch })
            .catch(reject)
        })
      })()),
    expired: (now) => {
      if (expired || lastHeartbeat === undefined) return false
      expired = now - lastHeartbeat > own.sessionTimeoutMillis
      return expired
    },
    active: () => running,
    // Each partition is waited for on its own.
    leaders: async () => new Map(assigned.map((partition) => [partition, partition])),
    fetch: ({ maxWaitMillis, partitions }) => {
      const [wanted] = partitions
      if (wanted === undefined) return Promise.resolve([])
      const { offset, partition } = wanted
      let found = takeFrom(partition, offset)
      if (found !== undefined) return Promise.resolve([found])
      const ready = (): boolean => {
        found = takeFrom(partition, offset)
        return closed || found !== undefined
      }
      return Effect.runPromise(
        Effect.map(Effect.timeoutOption(arrivals.until(ready), maxWaitMillis), () => found === undefined ? [] : [found])
      )
    },
    commit: (offsets: Offsets) =>
      guard(consumer.commitOffsets(
        [...offsets].map(([partition, offset]) => ({ topic, partition, offset: String(offset) }))
      )),
    close: async () => {
      closed = true
      arrivals.wake()
      await consumer.disconnect().catch(() => {})
    }
  }
}

// --- the engine -------------------------------------------------------------------------------------------------------

export interface KafkaJsEngine extends Engine {
  readonly rawAdmin: AdminClient
}

/** Connects its admin client. */
export const make = async (settings: Settings): Promise<KafkaJsEngine> => {
  const rawAdmin = client(settings, 3).admin()
  const listeners: Array<(status: { readonly connected: boolean; readonly reason: string }) => void> = []
  const tell = (connected: boolean, reason: string): void => {
    for (const listener of listeners) listener({ connected, reason })
  }
  rawAdmin.on(rawAdmin.events.CONNECT, () => tell(true, ""))
  rawAdmin.on(rawAdmin.events.DISCONNECT, () => tell(false, "the connection was lost"))
  await guard(rawAdmin.connect())
  return {
    rawAdmin,
    admin: makeAdmin(rawAdmin),
    sender: () => makeSender(settings),
    membership: (group, topic, events) => makeMembership(settings, group, topic, events),
    onStatus: (listener) => {
      listeners.push(listener)
    },
    close: () => rawAdmin.disconnect().catch(() => {})
  }
}
