/**
 * What it costs to write and to read records, ours and the client's, without a broker: `node test/bench/records.ts`.
 * Processor time, because that says the same on a busy machine, too.
 */
import type { OutboundRecord } from "@effect-eventbus/core/Broker"
import { crc32c, createRecordsBatch, jsCRC32C, Reader, readRecordsBatches } from "@platformatic/kafka"
import { readBatches } from "../../src/internal/fetched.ts"
import { checksum } from "../../src/internal/platformatic/checksum.ts"
import { decompress } from "../../src/internal/platformatic/compress.ts"
import { HeaderReader } from "../../src/internal/records/decode.ts"
import { bound, HeaderMemory, putHeader, putRecords } from "../../src/internal/records/encode.ts"

const count = 500

const pad = (n: number): string => String(n).padStart(12, "0")

/** As the bus writes an order of the bench: about 300 bytes of body, eight headers. */
const records = Array.from({ length: count }, (_, n): OutboundRecord => {
  const eventId = ["0193f0c1-7a3e-7b1c-0001-", pad(n)].join("")
  const key = `order-${n % 512}`
  return {
    eventId,
    key,
    partition: 0,
    headers: [
      ["X-Event-ID", eventId],
      ["X-Aggregate-ID", key],
      ["X-Event-Type", "OrderPlaced"],
      ["X-Event-Version", "1"],
      ["X-Timestamp", new Date(1_700_000_000_000 + n).toISOString()],
      ["X-Trace-ID", "4bf92f3577b34da6a3ce929d0e0e4736"],
      ["X-Correlation-ID", "checkout-7f3a"],
      ["X-Tenant-ID", "42"]
    ],
    body: Buffer.alloc(300, "x"),
    size: 300 + 260
  }
})

const memory = new HeaderMemory()
const encodeOurs = (): Buffer => {
  const room = Buffer.allocUnsafeSlow(bound(records))
  const batch = room.subarray(0, putRecords(room, records, memory))
  const header = { producerId: 1n, producerEpoch: 0, sequence: 0, records: count, codec: 0, timestamp: Date.now() }
  putHeader(batch, { ...header, crc32c: checksum })
  return batch
}

/** The bytes of names are the same object in all records. */
const names = new Map(records[0]!.headers.map(([name]) => [name, Buffer.from(name)]))
const encodeClient = (): Buffer =>
  createRecordsBatch(
    records.map(({ body, headers, key }) => ({
      topic: "t",
      partition: 0,
      key: Buffer.from(key),
      value: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
      headers: new Map(headers.map(([name, value]) => [names.get(name)!, Buffer.from(value)]))
    })),
    { producerId: 1n, producerEpoch: 0 }
  ).buffer

const batch = encodeOurs()
const seen = new HeaderReader()
const decodeOurs = (): number => readBatches(batch, 0n, [], seen, { crc32c: checksum, decompress }).records.length
const decodeClient = (): number => {
  const [read] = readRecordsBatches(Reader.from(batch))
  let texts = 0
  for (const { headers, key } of read?.records ?? []) {
    texts += (key?.toString() ?? "").length
    for (const [name, value] of headers) texts += `${name?.toString()}${value?.toString()}`.length
  }
  return texts
}

const measure = (name: string, run: () => unknown): void => {
  for (let i = 0; i < 300; i++) run()
  const rounds = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage()
    for (let i = 0; i < 200; i++) run()
    const { system, user } = process.cpuUsage(before)
    return (system + user) * 1000 / 200 / count
  }).toSorted((a, b) => a - b)
  process.stdout.write(
    `${name.padEnd(44)} ${rounds[2]!.toFixed(0).padStart(6)} ns a record (${rounds[0]!.toFixed(0)} to ${
      rounds[4]!.toFixed(0)
    })\n`
  )
}

process.stdout.write(`${count} records a batch, ${batch.length} bytes, node ${process.versions.node}\n`)
measure("write: the client", encodeClient)
measure("write: ours", encodeOurs)
measure("read: the client, keys and headers as text", decodeClient)
measure("read: ours, checksum verified", decodeOurs)
measure("checksum: the client's, of its own buffer", () => checksum(batch))
measure("checksum: the client's, of a copy", () => crc32c(batch))
measure("checksum: a table", () => jsCRC32C(batch))
