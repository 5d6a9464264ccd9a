import type { Broker } from "@effect-eventbus/core"
import { NatsTopology } from "@effect-eventbus/nats"
import { describe, expect, test } from "vitest"

const spec: Broker.TopicSpec = {
  name: "eu.orders",
  partitions: 2,
  replicas: 1,
  storage: "file",
  retention: {},
  order: "aggregate",
  dedupeWindowMillis: 120_000
}
const features = { atomic: true, batched: true }

const existing = (changes: Partial<NatsTopology.ExistingStream> = {}): NatsTopology.ExistingStream => ({
  ...NatsTopology.settings(spec, features),
  retention: "limits",
  sealed: false,
  ...changes
})

describe("the stream of a topic", () => {
  test("refuses when full, unless the oldest may go", () => {
    expect(NatsTopology.settings(spec, features).discard).toBe("new")
    expect(NatsTopology.settings({ ...spec, retention: { ageMillis: 1000 } }, features).discard).toBe("new")
    expect(NatsTopology.settings({ ...spec, retention: { count: 10 } }, features).discard).toBe("old")
  })

  test("deduplicates for no longer than messages live", () => {
    const short = NatsTopology.settings({ ...spec, retention: { ageMillis: 1000 } }, features)
    expect(short.duplicate_window).toBe(short.max_age)
  })

  test("asks an older server for nothing that it does not know", () => {
    const settings = NatsTopology.settings(spec, { atomic: false, batched: false })
    expect(settings).not.toHaveProperty("allow_atomic")
    expect(settings).not.toHaveProperty("allow_batched")
  })
})

describe("a stream that is there", () => {
  test("is what was asked for", () => {
    expect(NatsTopology.drift(spec, existing(), features)).toEqual([])
  })

  test.each([
    [{ num_replicas: 3 }, "replicas", true],
    [{ storage: "memory" as const }, "storage", false],
    [{ subjects: ["eu.orders.0"] }, "partitions", false],
    [{ max_age: 1e9 }, "retention.ageMillis", true],
    [{ max_msgs: 5 }, "retention.count", true],
    [{ max_bytes: 5 }, "retention.bytes", true],
    [{ duplicate_window: 1e9 }, "dedupeWindowMillis", true],
    [{ discard: "old" as const }, "discard", true],
    [{ retention: "workqueue" }, "policy", false],
    [{ sealed: true }, "sealed", false],
    [{ allow_batched: false }, "allowBatched", true]
  ])("%j is drift", (changes, field, fixable) => {
    expect(NatsTopology.drift(spec, existing(changes), features)).toMatchObject([{ field, fixable }])
  })

  test("of somebody else is used and never changed", () => {
    const drift = NatsTopology.drift(spec, existing({ name: "EVENTS", num_replicas: 3 }), features)
    expect(drift.map(({ field, fixable }) => [field, fixable])).toEqual([["stream", false], ["replicas", false]])
  })

  test.each([
    [["orders"], 1],
    [["orders.0", "orders.1", "orders.2"], 3],
    [["orders.>"], undefined],
    [["orders.*"], undefined],
    [["other"], 0],
    [["ord*"], 0],
    [["*"], 1],
    [[">"], undefined]
  ])("%j holds %s partitions", (subjects, count) => {
    expect(NatsTopology.partitions("orders", subjects)).toBe(count)
  })
})
