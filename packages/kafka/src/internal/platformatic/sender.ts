/**
 * Publishing with our own encoder over the connections of `@platformatic/kafka`.
 */
import { Effect } from "effect"
import type { Job, Sender } from "../engine.ts"
import { Session } from "../produce/session.ts"
import type { Identity } from "../produce/transport.ts"
import { bound, HeaderMemory, putHeader, putRecords } from "../records/encode.ts"
import type { Settings } from "../settings.ts"
import { batchOverhead } from "../size.ts"
import { checksum } from "./checksum.ts"
import { codecOf, compress } from "./compress.ts"
import { makeRaw, makeTransport, type RawProducer } from "./transport.ts"

/** Well below what a broker takes (`socket.request.max.bytes`, 100 MiB by default). */
const maxRequestBytes = 8 * 1024 * 1024

export const makeSender = (
  settings: Settings,
  now: () => number,
  watch: (producer: RawProducer) => void
): Sender => {
  const { compression, idempotent, retryDelayMillis } = settings
  const codec = codecOf(compression)
  const memories = new Map<string, HeaderMemory>()

  const memoryOf = (topic: string): HeaderMemory => {
    const known = memories.get(topic)
    if (known !== undefined) return known
    const made = new HeaderMemory()
    memories.set(topic, made)
    return made
  }

  const encode = ({ records, topic }: Job, identity: Identity, sequence: number): Buffer | Promise<Buffer> => {
    const room = Buffer.allocUnsafeSlow(bound(records))
    const end = putRecords(room, records, memoryOf(topic))
    const header = { ...identity, sequence, records: records.length, codec, timestamp: now(), crc32c: checksum }
    if (compression === "none") {
      const batch = room.subarray(0, end)
      putHeader(batch, header)
      return batch
    }
    const finish = (compressed: Uint8Array): Buffer => {
      const batch = Buffer.allocUnsafeSlow(batchOverhead + compressed.length)
      batch.set(compressed, batchOverhead)
      putHeader(batch, header)
      return batch
    }
    const compressed = compress(compression, room.subarray(batchOverhead, end))
    return compressed instanceof Promise ? compressed.then(finish) : finish(compressed)
  }

  const raw = makeRaw(settings)
  watch(raw)
  return new Session({
    transport: makeTransport(raw, settings),
    idempotent,
    retryDelayMillis,
    maxRequestBytes,
    encode,
    after: (millis, run) => {
      Effect.runFork(Effect.andThen(Effect.sleep(millis), Effect.sync(run)))
    }
  })
}
