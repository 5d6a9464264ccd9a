/**
 * The answers to fetch requests (version 4 to 17). The client's own readers make objects of every batch and record; these
 * leave them as they are.
 */
import {
  fetchV10,
  fetchV11,
  fetchV12,
  fetchV13,
  fetchV14,
  fetchV15,
  fetchV16,
  fetchV17,
  fetchV4,
  fetchV5,
  fetchV6,
  fetchV7,
  fetchV8,
  fetchV9,
  type Reader,
  type Writer
} from "@platformatic/kafka"
import type { Aborted } from "../fetched.ts"

export interface Wanted {
  readonly partition: number
  readonly offset: bigint
}

export interface FetchOptions {
  readonly maxWaitMillis: number
  readonly maxBytes: number
  readonly maxBytesPerPartition: number
  readonly isolationLevel: number
}

export interface PartitionAnswer {
  readonly partition: number
  readonly errorCode: number
  readonly aborted: ReadonlyArray<Aborted>
  readonly records: Buffer | null
}

export interface FetchAnswer {
  readonly errorCode: number
  readonly partitions: ReadonlyArray<PartitionAnswer>
}

const versions = [
  fetchV4,
  fetchV5,
  fetchV6,
  fetchV7,
  fetchV8,
  fetchV9,
  fetchV10,
  fetchV11,
  fetchV12,
  fetchV13,
  fetchV14,
  fetchV15,
  fetchV16,
  fetchV17
]

/** From version 12 on lengths are varints, and everything may carry tagged fields. */
export const isFlexible = (version: number): boolean => version >= 12

/** From version 13 on topics have ids instead of names. */
export const hasTopicIds = (version: number): boolean => version >= 13

/** `topic`: its name or its id, as the version wants it. Every request is complete in itself, without a session. */
export const write = (
  version: number,
  topic: string,
  partitions: ReadonlyArray<Wanted>,
  options: FetchOptions
): Writer => {
  const own = versions[version - 4]
  if (own === undefined) throw new Error(`fetch requests of version ${version} are not known`)
  const { isolationLevel, maxBytes, maxBytesPerPartition, maxWaitMillis } = options
  return own.createRequest(
    maxWaitMillis,
    1,
    maxBytes,
    isolationLevel,
    0,
    -1,
    [{
      topicId: topic,
      partitions: partitions.map(({ offset, partition }) => ({
        partition,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        fetchOffset: offset,
        partitionMaxBytes: maxBytesPerPartition
      }))
    }],
    [],
    ""
  )
}

const readRecords = (reader: Reader, flexible: boolean): Buffer | null => {
  const length = flexible ? reader.readUnsignedVarInt() - 1 : reader.readInt32()
  if (length < 0) return null
  const at = reader.position
  reader.skip(length)
  return reader.buffer.slice(at, at + length)
}

/** Of a request for one topic. */
export const read = (reader: Reader, version: number): FetchAnswer => {
  const flexible = isFlexible(version)
  // how long the broker has held it back
  reader.readInt32()
  let errorCode = 0
  if (version >= 7) {
    errorCode = reader.readInt16()
    // the session
    reader.readInt32()
  }
  const partitions: Array<PartitionAnswer> = []
  reader.readArray(
    (fromTopic) => {
      if (hasTopicIds(version)) fromTopic.readUUID()
      else fromTopic.readString(flexible)
      fromTopic.readArray(
        (from) => {
          const partition = from.readInt32()
          const partitionError = from.readInt16()
          // the high watermark, the last stable offset, the first offset
          from.readInt64()
          from.readInt64()
          if (version >= 5) from.readInt64()
          const aborted = from.readNullableArray(
            (one) => ({ producerId: one.readInt64(), firstOffset: one.readInt64() }),
            flexible,
            flexible
          )
          // a replica that is nearer; none, because we do not say where we are
          if (version >= 11) from.readInt32()
          partitions.push({
            partition,
            errorCode: partitionError,
            aborted: aborted ?? [],
            records: readRecords(from, flexible)
          })
        },
        flexible,
        flexible
      )
    },
    flexible,
    flexible
  )
  return { errorCode, partitions }
}
