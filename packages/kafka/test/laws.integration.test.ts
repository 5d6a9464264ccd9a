import * as Laws from "@effect-eventbus/core/testing/Laws"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import { Effect } from "effect"
import { afterAll } from "vitest"
import { writeReport } from "../../../scripts/lawsReport.ts"
import { startKafka } from "./fixtures/kafka.ts"
import { Api } from "./fixtures/proxy.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

const only = process.env["LAW"]

Laws.run(
  "kafka",
  KafkaBroker.layer({
    bootstrapBrokers: kafka.proxied,
    requestTimeout: "1 second",
    sendTimeout: "10 seconds",
    consumer: { heartbeatInterval: "200 millis", handoverTimeout: "2 seconds", sessionTimeout: "6 seconds" }
  }),
  {
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
  }
)
