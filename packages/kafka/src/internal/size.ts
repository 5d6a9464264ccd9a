/**
 * What a record occupies in a record batch of Kafka's format 2, in bytes: a broker's limit (`max.message.bytes`) counts
 * batches, framing included.
 */
import type { OutboundRecord } from "@effect-eventbus/core/Broker"
import { sizeOf as headerSize } from "@effect-eventbus/core/Headers"

/** Of a batch, around its records. */
export const batchOverhead = 61

/** What the smallest record needs around its bytes; {@link recordSize} counts exactly. */
export const leastFraming = batchOverhead + 9

/** What a broker's `max.message.bytes` is by default. */
export const defaultMaxMessageBytes = 1_048_588

const varint = (value: number): number => {
  // zigzag of a number that is not negative
  let rest = value * 2
  let bytes = 1
  while (rest > 127) {
    rest = Math.floor(rest / 128)
    bytes++
  }
  return bytes
}

const text = (value: string): number => Buffer.byteLength(value)

/** An upper bound: the offset and the time of a record are counted with the most that they can need in a batch of ours. */
const deltas = 3 + 5

/** The record with its framing. */
export const recordSize = (record: OutboundRecord): number => {
  const key = text(record.key)
  const body = record.body.length
  let size = 1 + deltas + varint(key) + key + varint(body) + body + varint(record.headers.length)
  for (let i = 0; i < record.headers.length; i++) {
    const [name, value] = record.headers[i]!
    const both = headerSize(name, value)
    const nameLength = text(name)
    size += both + varint(nameLength) + varint(both - nameLength)
  }
  return varint(size) + size
}

/** At least what {@link recordSize} says, from what core has counted already. */
export const recordBound = (record: OutboundRecord): number => record.size + 40 + 10 * record.headers.length
