/**
 * The engine on `@platformatic/kafka`: the only file that imports it.
 */
import {
  Admin as AdminClient,
  type BaseOptions,
  type ClusterMetadata,
  ConfigResourceTypes,
  ConnectionPool,
  Consumer,
  type ConsumerOptions,
  IncrementalAlterConfigOperationTypes,
  kGetApi,
  kGetConnection,
  kMetadata,
  ListOffsetTimestamps,
  ProduceAcks,
  Producer,
  protocolErrorsCodesById,
  type SASLOptions
} from "@platformatic/kafka"
import { Effect, Redacted } from "effect"
import type { Tls } from "../KafkaConfig.ts"
import { assign } from "./assigner.ts"
import {
  type Admin,
  type Engine,
  EngineError,
  type FetchedPartition,
  type Job,
  type JobResult,
  type Membership,
  type MembershipEvents,
  type Offsets,
  type Sender
} from "./engine.ts"
import { failureOf, failuresOf, harmless, partitionOutcome, unknownTopicIn } from "./errors.ts"
import { protocolFailure } from "./failure.ts"
import { readBatches } from "./fetched.ts"
import { encode, toBuffer } from "./headers.ts"
import type { Settings } from "./settings.ts"
import { tokenOf } from "./token.ts"

export type RawAdmin = AdminClient
type FetchResponse = Awaited<ReturnType<Consumer["fetch"]>>
export type RawProducer = Producer<Buffer, Buffer, Buffer, Buffer>

const nameOf = (code: number): string => protocolErrorsCodesById[code] ?? `ERROR_${code}`

const fail = (error: unknown): never => {
  throw error instanceof EngineError ? error : new EngineError(failureOf(error))
}

/** Tries of short operations; those of a producer end with its send timeout. */
const fewTries = 4
/** The client forces "for ever" on an idempotent producer unless it is told a number above 1. */
const manyTries = 100_000

const tlsOf = (tls: Tls): NonNullable<BaseOptions["tls"]> => ({
  ...(tls.ca === undefined ? undefined : { ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca] }),
  ...(tls.cert === undefined ? undefined : { cert: tls.cert }),
  ...(tls.key === undefined ? undefined : { key: Redacted.value(tls.key) }),
  ...(tls.passphrase === undefined ? undefined : { passphrase: Redacted.value(tls.passphrase) }),
  ...(tls.servername === undefined ? undefined : { servername: tls.servername })
})

const saslOf = (sasl: NonNullable<Settings["sasl"]>, settings: Settings): SASLOptions =>
  sasl.mechanism === "OAUTHBEARER"
    ? {
      mechanism: "OAUTHBEARER",
      token: tokenOf(sasl.token, settings.connectTimeoutMillis),
      // The broker's refusal is an answer like any other; without this the client goes on as if it were let in.
      authBytesValidator: (bytes, callback) => {
        if (bytes.length === 0) callback(null, bytes)
        else callback(new Error(`the broker refused the token: ${bytes.toString("utf8", 0, 200)}`))
      }
    }
    : { mechanism: sasl.mechanism, username: sasl.username, password: () => Redacted.value(sasl.password) }

const baseOptions = (settings: Settings): BaseOptions => ({
  clientId: settings.clientId,
  bootstrapBrokers: [...settings.bootstrapBrokers],
  connectTimeout: settings.connectTimeoutMillis,
  requestTimeout: settings.requestTimeoutMillis,
  timeout: settings.requestTimeoutMillis,
  retryDelay: settings.retryDelayMillis,
  retries: fewTries,
  metadataMaxAge: settings.metadataMaxAgeMillis,
  autocreateTopics: false,
  ...(settings.tls === undefined ? undefined : { tls: tlsOf(settings.tls) }),
  ...(settings.tls?.servername === undefined ? undefined : { tlsServerName: settings.tls.servername }),
  ...(settings.sasl === undefined ? undefined : { sasl: saslOf(settings.sasl, settings) })
})

const forget = (promise: Promise<unknown>): void => {
  promise.catch(() => {})
}

/** A client without a listener for "error" would end the process. */
const quiet = <A extends { on: (event: "error", listener: (error: Error) => void) => unknown }>(client: A): A => {
  client.on("error", () => {})
  return client
}

// --- administration ---------------------------------------------------------------------------------------------------

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

const guard = <A>(promise: Promise<A>): Promise<A> => promise.catch(fail)

const makeAdmin = (raw: AdminClient, settings: Settings): Admin & { readonly raw: AdminClient } => {
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
    const [found] = await fetchFrom(reader, topic, {
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

// --- publishing -------------------------------------------------------------------------------------------------------

type Message = Parameters<RawProducer["send"]>[0]["messages"][number]

const makeProducer = (settings: Settings): RawProducer =>
  quiet(
    new Producer<Buffer, Buffer, Buffer, Buffer>({
      ...baseOptions(settings),
      idempotent: settings.idempotent,
      retries: manyTries,
      // The server's own wait for replicas ends before ours for the server.
      timeout: Math.max(1, Math.floor(settings.requestTimeoutMillis * 0.8)),
      handleBackPressure: true
    })
  )

const messagesOf = (jobs: ReadonlyArray<Job>): Array<Message> => {
  const messages: Array<Message> = []
  for (const { partition, records, topic } of jobs) {
    for (let i = 0; i < records.length; i++) {
      const { body, headers, key } = records[i]!
      messages.push({ topic, partition, key: Buffer.from(key), value: toBuffer(body), headers: encode(headers) })
    }
  }
  return messages
}

const missing = (job: Job): JobResult => ({
  _tag: "Failed",
  failures: [
    protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", `there is no partition ${job.partition} of "${job.topic}"`)
  ]
})

const makeSender = (settings: Settings, watch: (producer: RawProducer) => void): Sender => {
  let producer: RawProducer | undefined
  const current = (): RawProducer => {
    if (producer === undefined) {
      producer = makeProducer(settings)
      watch(producer)
    }
    return producer
  }
  const acks = settings.acks === "all" ? ProduceAcks.ALL : ProduceAcks.LEADER

  /** All of one leader: one request. */
  const sendGroup = (jobs: ReadonlyArray<Job>, done: (job: Job, result: JobResult) => void): void => {
    // The client writes into the options that it is given: a fresh object for each call.
    current().send({ messages: messagesOf(jobs), acks, compression: settings.compression }, (error, result) => {
      if (error !== null && error !== undefined) {
        for (const job of jobs) done(job, partitionOutcome(error, job.topic, job.partition, nameOf))
        return
      }
      const offsets = result?.offsets ?? []
      for (const job of jobs) {
        const found = offsets.find(({ partition, topic }) => topic === job.topic && partition === job.partition)
        done(job, { _tag: "Stored", baseOffset: found === undefined || found.offset < 0n ? undefined : found.offset })
      }
    })
  }

  const byLeader = (jobs: ReadonlyArray<Job>, done: (job: Job, result: JobResult) => void): void => {
    const topics = current().currentMetadata?.topics
    const groups = new Map<number, Array<Job>>()
    for (const job of jobs) {
      const topic = topics?.get(job.topic)
      // The client would put it into another partition.
      if (topic !== undefined && job.partition >= topic.partitionsCount) {
        done(job, missing(job))
        continue
      }
      const leader = topic?.partitions[job.partition]?.leader ?? -1
      const group = groups.get(leader)
      if (group === undefined) groups.set(leader, [job])
      else group.push(job)
    }
    for (const group of groups.values()) sendGroup(group, done)
  }

  /** Sends the jobs of a topic that the client has not met yet; never rejects. */
  const lookUp = async (
    raw: RawProducer,
    topic: string,
    jobs: ReadonlyArray<Job>,
    done: (job: Job, result: JobResult) => void
  ): Promise<void> => {
    let problem: unknown
    try {
      await raw.metadata({ topics: [topic], retries: 10 })
    } catch (error) {
      problem = error
    }
    if (problem === undefined) {
      byLeader(jobs, done)
      return
    }
    for (const job of jobs) done(job, { _tag: "Failed", failures: failuresOf(problem).map(harmless) })
  }

  return {
    produce: (jobs, done) => {
      const raw = current()
      const topics = raw.currentMetadata?.topics
      const unknown = new Set(jobs.flatMap(({ topic }) => topics?.get(topic) === undefined ? [topic] : []))
      if (unknown.size === 0) {
        byLeader(jobs, done)
        return
      }
      const known = jobs.filter(({ topic }) => !unknown.has(topic))
      if (known.length > 0) byLeader(known, done)
      // Without this, an unknown topic would be asked for again and again inside of `send`.
      for (const topic of unknown) {
        void lookUp(raw, topic, jobs.filter((job) => job.topic === topic), done)
      }
    },
    restart: () => {
      const old = producer
      producer = undefined
      if (old !== undefined) forget(old.close(true))
    },
    close: async () => {
      const old = producer
      producer = undefined
      if (old !== undefined) await old.close(true).catch(() => {})
    }
  }
}

// --- consuming --------------------------------------------------------------------------------------------------------

interface FetchOptions {
  readonly node?: number
  readonly partitions: ReadonlyArray<{ readonly partition: number; readonly offset: bigint }>
  readonly maxWaitMillis: number
  readonly maxBytes: number
  readonly maxBytesPerPartition: number
  readonly isolationLevel: number
  readonly connectionPool?: ConnectionPool
}

const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

const isFetchResponse = (value: unknown): value is FetchResponse => Array.isArray(property(value, "responses"))

/** The answer that an error of `fetch` carries: some partitions have failed, the others are as good as ever. */
const answerIn = (error: unknown): FetchResponse | undefined => {
  const response = property(error, "response")
  if (isFetchResponse(response)) return response
  const errors = property(error, "errors")
  if (!Array.isArray(errors)) return undefined
  for (const one of errors.toReversed()) {
    const found = answerIn(one)
    if (found !== undefined) return found
  }
  return undefined
}

const fetchFrom = async (
  consumer: Consumer,
  topic: string,
  options: FetchOptions
): Promise<ReadonlyArray<FetchedPartition>> => {
  const { topics } = await consumer.metadata({ topics: [topic] })
  const metadata = topics.get(topic)
  const node = options.node ?? metadata?.partitions[options.partitions[0]?.partition ?? 0]?.leader
  if (metadata === undefined || node === undefined) {
    throw new EngineError(protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", `there is no topic "${topic}"`))
  }
  consumer.topics.track(topic)
  let response: FetchResponse
  try {
    response = await consumer.fetch({
      node,
      maxWaitTime: options.maxWaitMillis,
      minBytes: 1,
      maxBytes: options.maxBytes,
      isolationLevel: options.isolationLevel,
      ...(options.connectionPool === undefined ? undefined : { connectionPool: options.connectionPool }),
      topics: [{
        topicId: metadata.id,
        partitions: options.partitions.map(({ offset, partition }) => ({
          partition,
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
          fetchOffset: offset,
          partitionMaxBytes: options.maxBytesPerPartition
        }))
      }]
    })
  } catch (error) {
    const partial = answerIn(error)
    if (partial === undefined || partial.responses.length === 0) throw error
    response = partial
  }
  const wanted = new Map(options.partitions.map(({ offset, partition }) => [partition, offset]))
  const out: Array<FetchedPartition> = []
  for (const one of response.responses) {
    if (one.topicId !== metadata.id) continue
    for (const { abortedTransactions, errorCode, partitionIndex, records } of one.partitions) {
      const from = wanted.get(partitionIndex)
      // An incremental session may answer with partitions that were not asked for this time.
      if (from === undefined) continue
      if (errorCode === 0) {
        out.push({
          partition: partitionIndex,
          failure: undefined,
          ...readBatches(records ?? [], from, options.isolationLevel === 1 ? abortedTransactions ?? [] : [])
        })
      } else {
        const found = protocolFailure(nameOf(errorCode), `partition ${partitionIndex} of "${topic}" cannot be read`)
        out.push({ partition: partitionIndex, failure: found, records: [], next: from })
      }
    }
  }
  return out
}

const makeMembership = (
  settings: Settings,
  group: string,
  topic: string,
  events: MembershipEvents
): Membership => {
  const own = settings.consumer
  const instanceId = own.instanceId === undefined ? undefined : `${own.instanceId}.${topic}`
  const isolationLevel = own.readCommitted ? 1 : 0
  const groupOptions: Partial<ConsumerOptions<Buffer, Buffer, Buffer, Buffer>> = own.groupProtocol === "consumer"
    ? {
      groupProtocol: "consumer",
      rebalanceTimeout: own.rebalanceTimeoutMillis,
      ...(instanceId === undefined ? undefined : { groupInstanceId: instanceId })
    }
    : {
      sessionTimeout: own.sessionTimeoutMillis,
      rebalanceTimeout: own.rebalanceTimeoutMillis,
      heartbeatInterval: own.heartbeatIntervalMillis,
      ...(instanceId === undefined ? undefined : { groupInstanceId: instanceId }),
      // Called before each JoinGroup, and awaited: here a rebalance waits for the hand-over.
      protocolsMetadata: () => events.onRevoke(consumer.memberId === null).then(() => Buffer.alloc(0)),
      partitionAssigner: (_current, members, _topics, metadata) =>
        [...assign(
          [...members.values()].map(({ memberId, topics }) => ({ memberId, topics: topics ?? [] })),
          (name) => metadata.topics.get(name)?.partitionsCount ?? 0
        )].map(([memberId, assigned]) => ({
          memberId,
          assignments: new Map([...assigned].map(([name, partitions]) => [name, { topic: name, partitions }]))
        }))
    }
  const consumer: Consumer = quiet(
    new Consumer({
      ...baseOptions(settings),
      ...groupOptions,
      groupId: group,
      autocommit: false,
      isolationLevel
    })
  )
  // A broker answers the requests of one connection one after the other: a waiting fetch would hold up heartbeats.
  const pool = new ConnectionPool(settings.clientId, { ...baseOptions(settings), ownerId: consumer.instanceId })
  let closed = false
  let joining = false
  let expired = false

  const partitionsIn = (assignments: Consumer["assignments"]): ReadonlyArray<number> =>
    assignments?.find((assignment) => assignment.topic === topic)?.partitions ?? []

  if (own.groupProtocol === "classic") {
    consumer.on("consumer:group:join", ({ assignments }) => {
      expired = false
      if (!closed) events.onAssign(partitionsIn(assignments ?? consumer.assignments))
    })
    // The group has kept the place of this member: what it gave up by itself it may take again.
    consumer.on("consumer:heartbeat:end", () => {
      if (!expired || closed) return
      expired = false
      events.onAssign(partitionsIn(consumer.assignments))
    })
  } else {
    let known: ReadonlyArray<number> = []
    const compare = (): void => {
      if (closed || consumer.assignments === null) return
      const now = partitionsIn(consumer.assignments)
      const gone = known.filter((partition) => !now.includes(partition))
      const same = gone.length === 0 && now.length === known.length
      known = now
      if (gone.length > 0) events.onLost(gone)
      if (!same) events.onAssign(now)
    }
    consumer.on("consumer:heartbeat:end", compare)
    consumer.on("consumer:heartbeat:start", compare)
  }
  consumer.on("consumer:heartbeat:stalled", ({ lastError, stalledFor }) => {
    events.onStall(
      `no heartbeat was answered for ${stalledFor} ms${lastError === undefined ? "" : `: ${lastError.message}`}`
    )
  })

  const commit = (offsets: Offsets): Promise<void> =>
    new Promise((resolve, reject) => {
      const no = (error: unknown): void => reject(new EngineError(failureOf(error)))
      const { coordinatorId, memberId } = consumer
      if (closed || memberId === null || coordinatorId === null) {
        reject(new EngineError(protocolFailure("UNKNOWN_MEMBER_ID", "this member is not in the group at present")))
        return
      }
      consumer[kMetadata]({ topics: [topic] }, (error, metadata) => {
        const broker = metadata?.brokers.get(coordinatorId)
        if (error !== null || broker === undefined) {
          no(error ?? new EngineError(protocolFailure("COORDINATOR_NOT_AVAILABLE", "the coordinator is not known")))
          return
        }
        consumer[kGetConnection](broker, (connectError, connection) => {
          if (connectError !== null || connection === undefined) {
            no(connectError)
            return
          }
          consumer[kGetApi]<[string, number, string, string | null, Array<unknown>], unknown>(
            "OffsetCommit",
            (apiError, api) => {
              if (apiError !== null || api === undefined) {
                no(apiError)
                return
              }
              const partitions = [...offsets].map(([partitionIndex, committedOffset]) => ({
                partitionIndex,
                committedOffset,
                committedLeaderEpoch: -1,
                committedMetadata: null
              }))
              const topics = [{ name: topic, partitions }]
              api(connection, group, consumer.generationId, memberId, instanceId ?? null, topics, (commitError) => {
                if (commitError === null || commitError === undefined) resolve()
                else no(commitError)
              })
            }
          )
        })
      })
    })

  return {
    join: async () => {
      if (joining || closed) return
      joining = true
      try {
        consumer.topics.track(topic)
        if (own.groupProtocol === "classic") {
          await consumer.joinGroup()
          return
        }
        const stream = await consumer.consume({
          topics: [topic],
          mode: "committed",
          fallbackMode: "earliest",
          autocommit: false
        })
        // It is there to keep the membership; records come through `fetch`.
        stream.pause()
      } catch (error) {
        fail(error)
      } finally {
        joining = false
      }
    },
    expired: (now) => {
      const last = consumer.lastHeartbeat?.getTime()
      if (own.groupProtocol !== "classic" || expired || last === undefined) return false
      expired = now - last > own.sessionTimeoutMillis
      return expired
    },
    active: () => joining || consumer.isActive(),
    leaders: () =>
      consumer.metadata({ topics: [topic] }).then(({ topics }) => {
        const partitions = topics.get(topic)?.partitions ?? []
        return new Map(partitions.map(({ leader }, partition) => [partition, leader]))
      }).catch(fail),
    fetch: ({ maxWaitMillis, node, partitions }) =>
      fetchFrom(consumer, topic, {
        node,
        partitions,
        maxWaitMillis,
        maxBytes: own.maxBytes,
        maxBytesPerPartition: own.maxBytesPerPartition,
        isolationLevel,
        connectionPool: pool
      }).catch(fail),
    // The client's own commit joins again by itself when it is refused, in the middle of a hand-over; but only it knows
    // the member's epoch of KIP-848.
    commit: own.groupProtocol === "classic" ? commit : (offsets) =>
      consumer.commit({
        offsets: [...offsets].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 }))
      }).catch(fail),
    close: async () => {
      closed = true
      await pool.close().catch(() => {})
      // A static member keeps its place until its session ends, so it does not say goodbye.
      if (instanceId !== undefined) await consumer.connections.close().catch(() => {})
      await consumer.close(true).catch(() => {})
    }
  }
}

// --- the engine -------------------------------------------------------------------------------------------------------

export interface PlatformaticEngine extends Engine {
  readonly rawAdmin: AdminClient
}

/** Connects nothing yet. */
export const make = (settings: Settings): PlatformaticEngine => {
  const listeners: Array<(status: { readonly connected: boolean; readonly reason: string }) => void> = []
  const tell = (connected: boolean, reason: string): void => {
    for (const listener of listeners) listener({ connected, reason })
  }
  const watch = (client: AdminClient | RawProducer): void => {
    client.on("client:broker:connect", () => tell(true, ""))
    client.on("client:broker:disconnect", ({ broker }) => {
      if (!client.closed && !client.isConnected()) {
        tell(false, `the connection to ${broker?.host}:${broker?.port} was lost`)
      }
    })
    client.on("client:broker:failed", ({ broker }) => {
      if (!client.closed && !client.isConnected()) tell(false, `cannot connect to ${broker?.host}:${broker?.port}`)
    })
  }
  const rawAdmin = quiet(new AdminClient(baseOptions(settings)))
  watch(rawAdmin)
  const admin = makeAdmin(rawAdmin, settings)
  return {
    rawAdmin,
    admin,
    sender: () => makeSender(settings, watch),
    membership: (group, topic, events) => makeMembership(settings, group, topic, events),
    onStatus: (listener) => {
      listeners.push(listener)
    },
    close: () => admin.close()
  }
}
