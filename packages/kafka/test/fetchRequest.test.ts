import { assert, describe, it } from "@effect/vitest"
import {
  fetchV11,
  fetchV12,
  fetchV13,
  fetchV15,
  fetchV17,
  fetchV4,
  fetchV5,
  fetchV7,
  Reader,
  Writer
} from "@platformatic/kafka"
import * as request from "../src/internal/platformatic/fetchRequest.ts"
import { encode } from "./fixtures/batches.ts"

const versions = [
  { version: 4, client: fetchV4 },
  { version: 5, client: fetchV5 },
  { version: 7, client: fetchV7 },
  { version: 11, client: fetchV11 },
  { version: 12, client: fetchV12 },
  { version: 13, client: fetchV13 },
  { version: 15, client: fetchV15 },
  { version: 17, client: fetchV17 }
]

const id = "0b1c2d3e-4f50-4172-8394-a5b6c7d8e9fa"
const batch = await encode([{ key: "k", body: Buffer.from("v"), headers: [] }])

/** An answer as a broker writes it: one partition with a batch, one without anything, one refused. */
const answer = (version: number): Writer => {
  const flexible = version >= 12
  const writer = Writer.create().appendInt32(0)
  if (version >= 7) writer.appendInt16(0).appendInt32(0)
  writer.appendArray(
    [0],
    (toTopic) => {
      if (version >= 13) toTopic.appendUUID(id)
      else toTopic.appendString("t", flexible)
      toTopic.appendArray(
        [0, 1, 2],
        (to, partition) => {
          to.appendInt32(partition).appendInt16(partition === 2 ? 1 : 0).appendInt64(10n).appendInt64(10n)
          if (version >= 5) to.appendInt64(0n)
          const aborted = partition === 0 ? [{ producerId: 5n, firstOffset: 3n }] : null
          to.appendArray(
            aborted,
            (toOne, { firstOffset, producerId }) => {
              toOne.appendInt64(producerId).appendInt64(firstOffset)
            },
            flexible,
            flexible
          )
          if (version >= 11) to.appendInt32(-1)
          const records = partition === 0 ? batch : Buffer.alloc(0)
          if (flexible) to.appendUnsignedVarInt(records.length + 1)
          else to.appendInt32(records.length)
          if (records.length > 0) to.append(records)
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

describe("fetch requests", () => {
  it.each(versions)("answers of version $version are read as the client reads them", ({ client, version }) => {
    const { errorCode, partitions } = request.read(Reader.from(answer(version)), version)
    assert.strictEqual(errorCode, 0)
    assert.deepStrictEqual(partitions.map(({ partition }) => partition), [0, 1, 2])
    assert.deepStrictEqual(partitions.map((one) => one.errorCode), [0, 0, 1])
    assert.deepStrictEqual(partitions[0]?.aborted, [{ producerId: 5n, firstOffset: 3n }])
    assert.deepStrictEqual(partitions[1]?.aborted, [])
    assert.strictEqual(partitions[0]?.records?.toString("hex"), batch.toString("hex"))
    assert.strictEqual(partitions[1]?.records?.length, 0)
    // The client throws where a partition was refused, and carries the answer.
    let refusal: unknown
    try {
      client.parseResponse(1, 1, version, Reader.from(answer(version)))
    } catch (error) {
      refusal = error
    }
    assert.nestedPropertyVal(refusal, "response.responses[0].partitions[2].errorCode", 1)
    assert.nestedPropertyVal(refusal, "response.responses[0].partitions[0].records[0].lastOffsetDelta", 0)
  })

  it.each(versions)("of version $version ask for what is wanted, without a session", ({ client, version }) => {
    const options = { maxWaitMillis: 500, maxBytes: 1000, maxBytesPerPartition: 100, isolationLevel: 1 }
    const topic = request.hasTopicIds(version) ? id : "t"
    const partition = {
      partition: 3,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
      fetchOffset: 9n,
      partitionMaxBytes: 100
    }
    const theirs = client.createRequest(500, 1, 1000, 1, 0, -1, [{ topicId: topic, partitions: [partition] }], [], "")
    const ours = request.write(version, topic, [{ partition: 3, offset: 9n }], options)
    assert.strictEqual(ours.buffer.toString("hex"), theirs.buffer.toString("hex"))
  })

  it("of a version that nobody knows are refused", () => {
    const options = { maxWaitMillis: 500, maxBytes: 1000, maxBytesPerPartition: 100, isolationLevel: 1 }
    assert.throws(() => request.write(99, "t", [], options))
  })
})
