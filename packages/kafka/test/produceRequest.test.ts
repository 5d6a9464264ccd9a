import { assert, describe, it } from "@effect/vitest"
import {
  createRecordsBatch,
  produceV10,
  produceV11,
  produceV3,
  produceV4,
  produceV5,
  produceV6,
  produceV7,
  produceV8,
  produceV9,
  Reader,
  Writer
} from "@platformatic/kafka"
import * as request from "../src/internal/platformatic/produceRequest.ts"

const versions = [
  { version: 3, client: produceV3 },
  { version: 4, client: produceV4 },
  { version: 5, client: produceV5 },
  { version: 6, client: produceV6 },
  { version: 7, client: produceV7 },
  { version: 8, client: produceV8 },
  { version: 9, client: produceV9 },
  { version: 10, client: produceV10 },
  { version: 11, client: produceV11 }
]

const message = (topic: string, partition: number, text: string) => ({
  topic,
  partition,
  key: Buffer.from("k"),
  value: Buffer.from(text),
  headers: new Map<Buffer, Buffer>(),
  timestamp: 1_700_000_000_000n
})

const stamp = { producerId: 7n, producerEpoch: 1 }

interface Outcome {
  readonly partition: number
  readonly errorCode: number
  readonly baseOffset: bigint
  readonly errorMessage?: string
  readonly recordError?: string
}

/** An answer as a broker writes it. */
const answer = (version: number, topics: ReadonlyArray<readonly [string, ReadonlyArray<Outcome>]>): Reader => {
  const flexible = version >= 9
  const writer = Writer.create().appendArray(
    [...topics],
    (toTopic, [topic, outcomes]) => {
      toTopic.appendString(topic, flexible).appendArray(
        [...outcomes],
        (to, outcome) => {
          to.appendInt32(outcome.partition).appendInt16(outcome.errorCode).appendInt64(outcome.baseOffset).appendInt64(
            -1n
          )
          if (version >= 5) to.appendInt64(0n)
          if (version >= 8) {
            const errors = outcome.recordError === undefined ? [] : [outcome.recordError]
            to.appendArray(
              errors,
              (toError, text) => {
                toError.appendInt32(0).appendString(text, flexible)
              },
              flexible,
              flexible
            ).appendString(outcome.errorMessage ?? null, flexible)
          }
          // From version 10 on: tagged field 0, the leader at present, eight bytes.
          if (version >= 10) {
            to.appendUnsignedVarInt(1).appendUnsignedVarInt(0).appendUnsignedVarInt(8).appendInt32(3).appendInt32(9)
          } else if (flexible) to.appendTaggedFields()
        },
        flexible,
        false
      )
    },
    flexible,
    flexible
  )
  writer.appendInt32(0)
  return Reader.from(flexible ? writer.appendTaggedFields() : writer)
}

describe("produce requests", () => {
  it.each(versions)("of version $version are what the client writes, byte by byte", ({ client, version }) => {
    const messages = [message("a", 0, "1"), message("a", 2, "2"), message("b", 1, "3")]
    const parts = messages.map((one) => ({
      topic: one.topic,
      partition: one.partition,
      batch: createRecordsBatch([one], stamp).buffer
    }))
    const theirs = client.createRequest(-1, 4000, messages, stamp)
    const ours = request.write(parts, { version, acks: -1, timeoutMillis: 4000 })
    assert.strictEqual(ours.buffer.toString("hex"), theirs.buffer.toString("hex"))
  })

  it.each(versions)("answers of version $version are read whole", ({ version }) => {
    const reader = answer(version, [
      ["a", [
        { partition: 0, errorCode: 0, baseOffset: 42n },
        { partition: 2, errorCode: 10, baseOffset: -1n, errorMessage: "too large" }
      ]],
      ["b", [{ partition: 1, errorCode: 87, baseOffset: -1n, recordError: "no key" }]]
    ])
    const text = (found: string) => version >= 8 ? found : null
    assert.deepStrictEqual(request.read(reader, version), [
      { topic: "a", partition: 0, errorCode: 0, errorMessage: null, baseOffset: 42n },
      { topic: "a", partition: 2, errorCode: 10, errorMessage: text("too large"), baseOffset: -1n },
      { topic: "b", partition: 1, errorCode: 87, errorMessage: text("no key"), baseOffset: -1n }
    ])
  })
})
