/**
 * What a broker holds, as a client sees it that had nothing to do with publishing it.
 */
import { Admin, Consumer, ListOffsetTimestamps } from "@platformatic/kafka"
import type { Counts } from "../../figures.ts"
import { partitionCount } from "./topics.ts"

export interface Stored extends Pick<Counts, "orderViolations" | "gaps" | "duplicates"> {
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

const isBody = (u: unknown): u is { readonly payload: { readonly serial: number } } =>
  typeof u === "object" && u !== null && "payload" in u && typeof u.payload === "object" && u.payload !== null
  && "serial" in u.payload && typeof u.payload.serial === "number"

/** Counts the events of each aggregate against their serials, which have no gap and go up. */
class Ledger {
  records = 0
  orderViolations = 0
  readonly #last = new Map<string, number>()
  readonly #seen = new Map<string, Set<number>>()

  note(key: string, body: string): void {
    const json: unknown = JSON.parse(body)
    if (!isBody(json)) throw new Error(`not an order: ${body}`)
    const { serial } = json.payload
    const last = this.#last.get(key)
    if (last !== undefined && serial < last) this.orderViolations++
    this.#last.set(key, serial)
    const seen = this.#seen.get(key)
    if (seen === undefined) this.#seen.set(key, new Set([serial]))
    else seen.add(serial)
    this.records++
  }

  get stored(): Stored {
    let distinct = 0
    let expected = 0
    for (const seen of this.#seen.values()) {
      distinct += seen.size
      let highest = -1
      for (const serial of seen) if (serial > highest) highest = serial
      expected += highest + 1
    }
    return {
      records: this.records,
      orderViolations: this.orderViolations,
      gaps: expected - distinct,
      duplicates: this.records - distinct
    }
  }
}

/** Reads everything that is in the topics now. */
export const readBack = async (bootstrap: ReadonlyArray<string>, topics: ReadonlyArray<string>): Promise<Stored> => {
  const total = await countStored(bootstrap, topics)
  const ledger = new Ledger()
  if (total === 0) return ledger.stored
  const consumer = new Consumer({
    ...clientOf(bootstrap),
    groupId: `bench-reader-${process.pid}-${Date.now()}`,
    autocommit: false,
    maxBytes: 4 * 1024 * 1024
  })
  try {
    const stream = await consumer.consume({ topics: [...topics], mode: "earliest" })
    for await (const { key, topic, value } of stream) {
      // Aggregates are numbered from 0 in each topic.
      ledger.note(`${topic} ${key.toString()}`, value.toString())
      if (ledger.records >= total) break
    }
  } finally {
    await consumer.close(true)
  }
  return ledger.stored
}
