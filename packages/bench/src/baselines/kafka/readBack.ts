/**
 * What a broker holds, as a client sees it that had nothing to do with publishing it.
 */
import { Admin, Consumer, ListOffsetTimestamps } from "@platformatic/kafka"
import type { Counts } from "../../figures.ts"
import { Stored } from "../../workload/stored.ts"
import { partitionCount } from "./topics.ts"

export interface Held extends Pick<Counts, "orderViolations" | "gaps" | "duplicates"> {
  readonly records: number
}

const clientOf = (bootstrap: ReadonlyArray<string>) => ({ clientId: "bench-reader", bootstrapBrokers: [...bootstrap] })

/** Records in all partitions of the topics, by their offsets. */
export const countStored = async (bootstrap: ReadonlyArray<string>, topics: ReadonlyArray<string>): Promise<number> => {
  const admin = new Admin(clientOf(bootstrap))
  try {
    const partitions = Array.from(
      { length: partitionCount },
      (_, partitionIndex) => ({ partitionIndex, timestamp: ListOffsetTimestamps.LATEST })
    )
    const listed = await admin.listOffsets({ topics: topics.map((name) => ({ name, partitions })) })
    return listed.reduce((sum, topic) => sum + topic.partitions.reduce((all, { offset }) => all + Number(offset), 0), 0)
  } finally {
    await admin.close()
  }
}

/** Reads everything that is in the topics now. */
export const readBack = async (bootstrap: ReadonlyArray<string>, topics: ReadonlyArray<string>): Promise<Held> => {
  const total = await countStored(bootstrap, topics)
  // Aggregates and ids are numbered from 0 in each topic.
  const stored = new Map(topics.map((topic) => [topic, new Stored()]))
  let records = 0
  const consumer = new Consumer({
    ...clientOf(bootstrap),
    groupId: `bench-reader-${process.pid}-${Date.now()}`,
    autocommit: false,
    maxBytes: 4 * 1024 * 1024
  })
  try {
    const stream = await consumer.consume({ topics: [...topics], mode: "earliest" })
    if (total > 0) {
      for await (const { topic, value } of stream) {
        stored.get(topic)?.add(value.toString())
        if (++records >= total) break
      }
    }
  } finally {
    await consumer.close(true)
  }
  const all = [...stored.values()]
  return {
    records,
    orderViolations: all.reduce((sum, one) => sum + one.orderViolations, 0),
    gaps: all.reduce((sum, one) => sum + one.gaps, 0),
    duplicates: all.reduce((sum, one) => sum + one.duplicates, 0)
  }
}
