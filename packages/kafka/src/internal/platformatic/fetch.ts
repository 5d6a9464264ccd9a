/**
 * One fetch with `@platformatic/kafka`: its own stream hands over records of partitions that are gone, so it is not used.
 */
import type { ConnectionPool, Consumer } from "@platformatic/kafka"
import { EngineError, type FetchedPartition } from "../engine.ts"
import { protocolFailure } from "../failure.ts"
import { readBatches } from "../fetched.ts"
import { nameOf } from "./options.ts"

type FetchResponse = Awaited<ReturnType<Consumer["fetch"]>>

interface FetchOptions {
  readonly node?: number
  readonly partitions: ReadonlyArray<{ readonly partition: number; readonly offset: bigint }>
  readonly maxWaitMillis: number
  readonly maxBytes: number
  readonly maxBytesPerPartition: number
  readonly isolationLevel: number
  readonly connectionPool?: ConnectionPool
  /** Whether the topic is still the one that it was. */
  readonly onTopicId?: (id: string) => boolean
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

export const fetchFrom = async (
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
  if (options.onTopicId?.(metadata.id) === false) {
    // Its offsets are others: what stands below the position would be skipped, and nobody would know.
    throw new EngineError(protocolFailure("UNKNOWN_TOPIC_ID", `"${topic}" was deleted and made anew`))
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
