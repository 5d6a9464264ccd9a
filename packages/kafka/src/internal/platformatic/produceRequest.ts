/**
 * The bodies of produce requests (version 3 to 12) and their answers. The client's own take messages as objects and encode
 * them; these take batches as they are.
 */
import { type Reader, Writer } from "@platformatic/kafka"
import type { Part } from "../produce/transport.ts"

export interface ProduceOptions {
  readonly version: number
  readonly acks: number
  /** How long the leader may wait for its followers. */
  readonly timeoutMillis: number
}

export interface PartitionAnswer {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly baseOffset: bigint
}

/** From version 9 on lengths are varints, and everything may carry tagged fields. */
export const isFlexible = (version: number): boolean => version >= 9

export const write = (parts: ReadonlyArray<Part>, { acks, timeoutMillis, version }: ProduceOptions): Writer => {
  const flexible = isFlexible(version)
  const topics = [...Map.groupBy(parts, ({ topic }) => topic)]
  const writer = Writer.create()
    // no transaction
    .appendString(null, flexible)
    .appendInt16(acks)
    .appendInt32(timeoutMillis)
    .appendArray(
      topics,
      (toTopic, [topic, own]) => {
        toTopic.appendString(topic, flexible).appendArray(
          own,
          (toPart, { batch, partition }) => {
            toPart.appendInt32(partition)
            if (flexible) toPart.appendUnsignedVarInt(batch.length + 1)
            else toPart.appendInt32(batch.length)
            toPart.append(batch)
          },
          flexible,
          flexible
        )
      },
      flexible,
      flexible
    )
  return flexible ? writer.appendTaggedFields() : writer
}

export const read = (reader: Reader, version: number): ReadonlyArray<PartitionAnswer> => {
  const flexible = isFlexible(version)
  const answers: Array<PartitionAnswer> = []
  reader.readArray(
    (fromTopic) => {
      const topic = fromTopic.readString(flexible)
      fromTopic.readArray(
        (from) => {
          const partition = from.readInt32()
          const errorCode = from.readInt16()
          const baseOffset = from.readInt64()
          // when it was appended, and where the log begins
          from.readInt64()
          if (version >= 5) from.readInt64()
          let errorMessage: string | null = null
          if (version >= 8) {
            const recordErrors = from.readArray(
              (fromError) => {
                fromError.readInt32()
                return fromError.readNullableString(flexible)
              },
              flexible,
              flexible
            )
            errorMessage = from.readNullableString(flexible) ?? recordErrors.find((text) => text !== null) ?? null
          }
          answers.push({ topic, partition, errorCode, errorMessage, baseOffset })
        },
        flexible,
        flexible
      )
    },
    flexible,
    flexible
  )
  return answers
}
