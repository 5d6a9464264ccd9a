import * as KafkaJsBroker from "@effect-eventbus/kafka/KafkaJsBroker"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { afterAll } from "vitest"
import { startKafka } from "./fixtures/kafka.ts"
import { laws, optionsOf } from "./fixtures/laws.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

const options = optionsOf(kafka)

describe("KafkaJsBroker", () => {
  it.live("what kafkajs cannot do is refused", () =>
    Effect.gen(function*() {
      const more = { ...options, idempotent: true, consumer: { maxBytes: 1000, instanceId: "one" } }
      const error = yield* Effect.flip(Effect.scoped(KafkaJsBroker.make(more)))
      assert.strictEqual(error.reason._tag, "Refused")
      assert.include(error.reason.message, "idempotent")
      assert.include(error.reason.message, "consumer.instanceId")
    }))

  it.live("an unknown option is refused", () =>
    Effect.gen(function*() {
      const typo = { ...options, brokers: [] }
      const error = yield* Effect.flip(Effect.scoped(KafkaJsBroker.make(typo)))
      assert.include(error.reason.message, "brokers is not an option")
    }))
})

laws("kafkajs", KafkaJsBroker.layer(options), kafka)
