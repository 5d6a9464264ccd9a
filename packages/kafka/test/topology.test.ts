import type { TopicSpec } from "@effect-eventbus/core/Broker"
import * as KafkaTopology from "@effect-eventbus/kafka/KafkaTopology"
import { assert, describe, it } from "@effect/vitest"
import { driftOf, infoOf } from "../src/internal/topology.ts"

const spec: TopicSpec = {
  name: "orders",
  partitions: 3,
  replicas: 3,
  storage: "file",
  retention: { ageMillis: 1000, bytes: 10 },
  order: "aggregate",
  dedupeWindowMillis: 1
}

describe("topology", () => {
  it("an absent limit is none, bytes are per partition, all replicas but one must have a record", () => {
    assert.deepStrictEqual(Object.fromEntries(KafkaTopology.config(spec)), {
      "cleanup.policy": "delete",
      "retention.ms": "1000",
      "retention.bytes": "4",
      "min.insync.replicas": "2"
    })
    const bare = KafkaTopology.config({ ...spec, replicas: 1, retention: {} }, { config: { "segment.ms": "5" } })
    assert.deepStrictEqual([...bare.values()], ["delete", "-1", "-1", "1", "5"])
  })

  it("what a topic has is not drift where the definition says less, or nothing", () => {
    const config = new Map([...KafkaTopology.config(spec), ["min.insync.replicas", "3"], ["segment.ms", "7"]])
    assert.deepStrictEqual(driftOf(spec, {}, { partitions: 3, replicas: 3, config }), [])
  })

  it("unsafe settings are drift", () => {
    const config = new Map([
      ...KafkaTopology.config(spec),
      ["min.insync.replicas", "1"],
      ["unclean.leader.election.enable", "true"]
    ])
    const fields = driftOf(spec, {}, { partitions: 3, replicas: 2, config }).map((
      { field, fixable }
    ) => [field, fixable])
    assert.deepStrictEqual(fields, [
      ["replicas", false],
      ["min.insync.replicas", true],
      ["unclean.leader.election.enable", true]
    ])
  })

  it("describes what the broker has", () => {
    const config = new Map([
      ["retention.ms", "5"],
      ["retention.bytes", "-1"],
      ["cleanup.policy", "delete"],
      ["max.message.bytes", "1070"]
    ])
    assert.deepStrictEqual(infoOf("orders", { partitions: 2, replicas: 1, config }), {
      name: "orders",
      partitions: 2,
      replicas: 1,
      storage: "file",
      retention: { ageMillis: 5 },
      dedupeWindowMillis: 0,
      // a batch and a record have a frame
      maxRecordBytes: 1000
    })
  })
})
