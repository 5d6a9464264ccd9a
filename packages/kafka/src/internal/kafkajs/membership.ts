/**
 * Membership of a group with `kafkajs`: `eachBatch` only puts batches aside and never blocks, or one slow partition would
 * hold up all others of its broker; a partition with enough in hand is paused. The client looks up its coordinator before
 * each JoinGroup and at no other time: there a rebalance waits for the hand-over.
 */
import { Effect } from "effect"
import kafkajs, { type Consumer, type EachBatchPayload } from "kafkajs"
import { assign } from "../assigner.ts"
import type { FetchedPartition, Membership, MembershipEvents, Offsets } from "../engine.ts"
import type { Settings } from "../settings.ts"
import { Waiters } from "../waiters.ts"
import { Aside, bytesOf, recordsOf } from "./aside.ts"
import { client, guard, retryOf } from "./options.ts"

/** Tries of the client itself, before it takes itself for crashed and starts again. */
const joinTries = 5

export const makeMembership = (
  settings: Settings,
  group: string,
  topic: string,
  events: MembershipEvents
): Membership => {
  const own = settings.consumer
  const aside = new Map<number, Aside>()
  const arrivals = new Waiters()
  let assigned: ReadonlyArray<number> = []
  let closed = false
  let lost = false
  let joined = false
  let running = false
  let subscribed = false
  let expired = false
  let lastHeartbeat: number | undefined

  const consumer: Consumer = client(settings, joinTries).consumer({
    groupId: group,
    sessionTimeout: own.sessionTimeoutMillis,
    rebalanceTimeout: own.rebalanceTimeoutMillis,
    heartbeatInterval: own.heartbeatIntervalMillis,
    maxBytes: own.maxBytes,
    maxBytesPerPartition: own.maxBytesPerPartition,
    maxWaitTimeInMs: Math.min(own.maxWaitMillis, own.heartbeatIntervalMillis),
    readUncommitted: !own.readCommitted,
    allowAutoTopicCreation: false,
    // A crash in the middle of the end: without this the client starts again after its disconnect, joins the group, and
    // holds partitions that nobody reads.
    retry: { ...retryOf(settings, joinTries), restartOnFailure: async () => !closed },
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
    if (closed) {
      // It was starting again when it was closed: what cannot be kept from joining leaves.
      void consumer.disconnect().catch(() => {})
      return
    }
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
        try {
          await consumer.connect()
          // Once: after a crash the client may be starting again by itself, and refuses to be told twice.
          if (!subscribed) await consumer.subscribe({ topic, fromBeginning: true })
          subscribed = true
        } catch (error) {
          // Or the next try would take it for running and wait for ever.
          running = false
          throw error
        }
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
