import * as Laws from "@effect-eventbus/core/testing/Laws"
import * as KafkaJsBroker from "@effect-eventbus/kafka/KafkaJsBroker"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { afterAll } from "vitest"
import { writeReport } from "../../../scripts/lawsReport.ts"
import { startKafka } from "./fixtures/kafka.ts"
import { Api } from "./fixtures/proxy.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

const only = process.env["LAW"]
const options: KafkaJsBroker.Options = {
  bootstrapBrokers: kafka.proxied,
  requestTimeout: "1 second",
  consumer: { heartbeatInterval: "200 millis", handoverTimeout: "2 seconds", sessionTimeout: "6 seconds" }
}

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

Laws.run("kafkajs", KafkaJsBroker.layer(options), {
  patience: "30 seconds",
  report: writeReport,
  cut: Effect.sync(() => kafka.proxy.cut()),
  mend: Effect.sync(() => kafka.proxy.mend()),
  dropAcks: (count) => Effect.sync(() => kafka.proxy.drop(Api.Produce, count)),
  restart: Effect.promise(async () => {
    for (const node of kafka.nodes) {
      await node.stop()
      await node.start()
    }
  }),
  ...(only === undefined ? undefined : { laws: Laws.all.filter(({ name }) => name.includes(only)) })
})
