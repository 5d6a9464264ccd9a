import type { TopicSpec } from "@effect-eventbus/core/Broker"
import { assert, describe, it } from "@effect/vitest"
import { make as makeCounters } from "../../src/internal/memory/counters.ts"
import { infoOf } from "../../src/internal/memory/drift.ts"
import { recordsOf } from "../../src/internal/memory/inspect.ts"
import { badPartition, duplicate, full, type Limits, tooLarge, Topic } from "../../src/internal/memory/topic.ts"
import { record, topicSpec } from "../fixtures/batch.ts"

const limits: Limits = { maxRecords: 100, maxBytes: 10_000, maxRecordBytes: 1000, maxDedupeIds: 1000 }

const topicOf = (options?: Partial<TopicSpec>, bounds?: Partial<Limits>): Topic =>
  new Topic(infoOf(topicSpec("orders", options)), { ...limits, ...bounds }, makeCounters())

const sized = (id: string, size: number, partition = 0) => record(id, { size, partition })

const ids = (topic: Topic): ReadonlyArray<string> => recordsOf(topic).map(({ eventId }) => eventId)

describe("Topic", () => {
  it("stores, and answers a repeated id with the first offset", () => {
    const topic = topicOf()
    assert.strictEqual(topic.store(record("a"), 0), 0)
    assert.strictEqual(topic.store(record("b"), 0), 1)
    assert.strictEqual(topic.store(record("a"), 1000), duplicate)
    assert.strictEqual(topic.duplicateOffset, 0)
    assert.deepStrictEqual(ids(topic), ["a", "b"])
    assert.deepStrictEqual([topic.counters.stored, topic.counters.duplicates], [2, 1])
  })

  it("does not name the offset of a first one in another partition", () => {
    const topic = topicOf({ partitions: 2 })
    topic.store(record("a", { partition: 1 }), 0)
    assert.strictEqual(topic.store(record("a", { partition: 0 }), 0), duplicate)
    assert.isUndefined(topic.duplicateOffset)
  })

  it("refuses what is too large, what has no partition, and what exceeds the broker's limits", () => {
    const topic = topicOf({}, { maxRecords: 2 })
    assert.strictEqual(topic.store(sized("a", 1001), 0), tooLarge)
    assert.strictEqual(topic.store(sized("a", 1, 1), 0), badPartition)
    assert.strictEqual(topic.store(sized("a", 1000), 0), 0)
    assert.strictEqual(topic.store(sized("b", 1), 0), 1)
    assert.strictEqual(topic.store(sized("c", 1), 0), full)
    const small = topicOf({}, { maxBytes: 10 })
    assert.strictEqual(small.store(sized("a", 6), 0), 0)
    assert.strictEqual(small.store(sized("b", 5), 0), full)
    assert.strictEqual(small.store(sized("c", 4), 0), 1)
    // A known id needs no room.
    assert.strictEqual(small.store(sized("a", 6), 0), duplicate)
  })

  it("retention by count evicts the oldest of all partitions", () => {
    const topic = topicOf({ partitions: 3, retention: { count: 3 } })
    topic.store(sized("a", 1, 2), 0)
    topic.store(sized("b", 1, 0), 0)
    topic.store(sized("c", 1, 2), 0)
    topic.store(sized("d", 1, 1), 0)
    assert.deepStrictEqual(ids(topic), ["b", "c", "d"])
    topic.store(sized("e", 1, 1), 0)
    assert.deepStrictEqual(ids(topic), ["c", "d", "e"])
    assert.deepStrictEqual([topic.count, topic.bytes, topic.counters.evicted], [3, 3, 2])
    assert.deepStrictEqual(topic.logs.map(({ end, start }) => [start, end]), [[1, 1], [0, 2], [1, 2]])
  })

  it("retention by bytes evicts until there is room, and never evicts what it has just acknowledged", () => {
    const topic = topicOf({ retention: { bytes: 10 } })
    topic.store(sized("a", 4), 0)
    topic.store(sized("b", 4), 0)
    topic.store(sized("c", 9), 0)
    assert.deepStrictEqual(ids(topic), ["c"])
    assert.strictEqual(topic.store(sized("d", 11), 0), tooLarge)
    assert.deepStrictEqual(ids(topic), ["c"])
  })

  it("a limit that is absent is not set: the broker's own refuses", () => {
    const topic = topicOf({ retention: { count: 2 } }, { maxBytes: 10 })
    topic.store(sized("a", 4), 0)
    topic.store(sized("b", 4), 0)
    // Eviction by count gives back 4 bytes.
    assert.strictEqual(topic.store(sized("c", 6), 0), 2)
    assert.strictEqual(topic.store(sized("d", 7), 0), full)
    assert.deepStrictEqual(ids(topic), ["b", "c"])
  })

  it("retention by age evicts whole prefixes, on append and on demand", () => {
    const topic = topicOf({ partitions: 2, retention: { ageMillis: 1000 } })
    topic.store(sized("a", 1, 0), 0)
    topic.store(sized("b", 1, 1), 500)
    topic.evictExpired(999)
    assert.deepStrictEqual(ids(topic), ["a", "b"])
    topic.evictExpired(1000)
    assert.deepStrictEqual(ids(topic), ["b"])
    topic.store(sized("c", 1, 0), 1500)
    assert.deepStrictEqual(ids(topic), ["c"])
  })

  it("timestamps never fall, whatever the wall clock does", () => {
    const topic = topicOf()
    topic.store(record("a"), 1000)
    topic.store(record("b"), 400)
    topic.store(record("c"), 1001)
    assert.deepStrictEqual(recordsOf(topic).map(({ timestamp }) => timestamp), [1000, 1000, 1001])
  })

  it("a lowered limit evicts at once, a changed window counts for what is known", () => {
    const topic = topicOf({ retention: { count: 5 } })
    for (const id of ["a", "b", "c", "d"]) topic.store(record(id), 0)
    topic.update({ ...topic.info, retention: { count: 2 }, dedupeWindowMillis: 10 }, 0)
    assert.deepStrictEqual(ids(topic), ["c", "d"])
    assert.strictEqual(topic.store(record("d"), 10), 4)
    topic.update({ ...topic.info, retention: { bytes: 3 } }, 10)
    assert.deepStrictEqual(ids(topic), ["d"])
  })

  it("says whether a batch fits as a whole", () => {
    const topic = topicOf({ partitions: 2 }, { maxRecords: 4, maxBytes: 100 })
    topic.store(sized("a", 30, 0), 0)
    assert.isTrue(topic.fits(3, 70))
    assert.isFalse(topic.fits(4, 4))
    assert.isFalse(topic.fits(1, 71))
    const evicting = topicOf({ partitions: 2, retention: { count: 2 } }, { maxBytes: 100 })
    evicting.store(sized("a", 50, 0), 0)
    evicting.store(sized("b", 40, 1), 0)
    assert.isTrue(evicting.fits(2, 100))
    assert.isTrue(evicting.fits(1, 60))
    assert.isFalse(evicting.fits(1, 61))
    // It would evict its own first record.
    assert.isFalse(evicting.fits(3, 3))
  })

  it("stores a forced record although its id is known", () => {
    const topic = topicOf()
    topic.store(record("a"), 0)
    assert.strictEqual(topic.store(record("a"), 0, true), 1)
    assert.strictEqual(topic.store(record("a"), 0), duplicate)
    assert.strictEqual(topic.duplicateOffset, 0)
  })
})
