/**
 * Membership of a group with `@platformatic/kafka`.
 */
import { ConnectionPool, Consumer, type ConsumerOptions, kGetApi, kGetConnection, kMetadata } from "@platformatic/kafka"
import { assign } from "../assigner.ts"
import { EngineError, type Membership, type MembershipEvents, type Offsets } from "../engine.ts"
import { protocolFailure } from "../failure.ts"
import type { Settings } from "../settings.ts"
import { failureOf } from "./errors.ts"
import { TopicReader } from "./fetch.ts"
import { baseOptions, fail, quiet } from "./options.ts"

export const makeMembership = (
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
      protocolsMetadata: () => {
        rejoining = true
        return events.onRevoke(consumer.memberId === null).then(() => Buffer.alloc(0))
      },
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
  const reader = new TopicReader(consumer, pool, topic)
  let closed = false
  let joining = false
  /**
   * The client is joining, by itself too: then it counts as inactive, and must be left alone.
   * 1. A heartbeat tells of a rebalance, the client joins, and waits for the slowest member. 2. Taken for a lost membership, it
   * is told to join: now two of its joins are under way, each of which goes on with heartbeats of its own. 3. The second join of
   * the group's leader begins the next rebalance, and so on: the group never comes to rest.
   */
  let rejoining = false
  let expired = false
  /** When the heartbeat was sent that is on its way, or was the last one. */
  let asked = 0
  /**
   * The group knew of this member then. An answer says that of the moment of its heartbeat, not of its own: a process that
   * was frozen finds the answer to an old one, although its session is over.
   */
  let proved: number | undefined
  const isOver = (now: number): boolean => proved !== undefined && now - proved > own.sessionTimeoutMillis

  const partitionsIn = (assignments: Consumer["assignments"]): ReadonlyArray<number> =>
    assignments?.find((assignment) => assignment.topic === topic)?.partitions ?? []

  if (own.groupProtocol === "classic") {
    const rejoined = (): void => {
      rejoining = false
    }
    // Whether it has worked or not. Declared under the one name, emitted under the other.
    consumer.on("consumer:group:rejoin", rejoined)
    consumer.on("consumer:rejoin", rejoined)
    consumer.on("consumer:group:join", ({ assignments }) => {
      rejoining = false
      expired = false
      reader.forget()
      proved = events.now()
      if (!closed) events.onAssign(partitionsIn(assignments ?? consumer.assignments))
    })
    consumer.on("consumer:heartbeat:start", () => {
      asked = events.now()
    })
    // The group has kept the place of this member: what it gave up by itself it may take again.
    consumer.on("consumer:heartbeat:end", () => {
      proved = asked
      if (!expired || closed || isOver(events.now())) return
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
      // Those of now: what was settled under this generation must not be committed under the next one, in which others may
      // have got further already.
      const { coordinatorId, generationId, memberId } = consumer
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
              api(connection, group, generationId, memberId, instanceId ?? null, topics, (commitError) => {
                if (commitError === null || commitError === undefined) resolve()
                else no(commitError)
              })
            }
          )
        })
      })
    })

  /**
   * Says goodbye while it joins. A broker answers the requests of one connection one after the other, and a JoinGroup waits
   * for the slowest member: on the same connection goodbye would come too late, and the group would wait for this member's
   * session to end.
   */
  const leave = (): Promise<void> =>
    new Promise((resolve) => {
      const { coordinatorId, memberId } = consumer
      const broker = coordinatorId === null ? undefined : consumer.currentMetadata?.brokers.get(coordinatorId)
      if (memberId === null || broker === undefined) {
        resolve()
        return
      }
      pool.get(broker, (error, connection) => {
        if (error !== null || connection === undefined) {
          resolve()
          return
        }
        consumer[kGetApi]<[string, Array<unknown>], unknown>("LeaveGroup", (apiError, api) => {
          if (apiError !== null || api === undefined) resolve()
          else api(connection, group, [{ memberId }], () => resolve())
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
        rejoining = false
      }
    },
    expired: (now) => {
      if (expired || !isOver(now)) return false
      expired = true
      return true
    },
    active: () => joining || rejoining || consumer.isActive(),
    leaders: () => reader.leaders().catch(fail),
    fetch: ({ maxWaitMillis, node, partitions }) =>
      reader.fetch({
        node,
        partitions,
        maxWaitMillis,
        maxBytes: own.maxBytes,
        maxBytesPerPartition: own.maxBytesPerPartition,
        isolationLevel
      }).catch(fail),
    // The client's own commit joins again by itself when it is refused, in the middle of a hand-over; but only it knows
    // the member's epoch of KIP-848.
    commit: own.groupProtocol === "classic" ? commit : (offsets) =>
      consumer.commit({
        offsets: [...offsets].map(([partition, offset]) => ({ topic, partition, offset, leaderEpoch: -1 }))
      }).catch(fail),
    close: async () => {
      closed = true
      if (own.groupProtocol === "classic" && instanceId === undefined && !consumer.isActive()) await leave()
      await pool.close().catch(() => {})
      // A static member keeps its place until its session ends, so it does not say goodbye.
      if (instanceId !== undefined) await consumer.connections.close().catch(() => {})
      await consumer.close(true).catch(() => {})
    }
  }
}
