import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import { afterAll } from "vitest"
import { startKafka } from "./fixtures/kafka.ts"
import { model, optionsOf } from "./fixtures/laws.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

model("kafka", KafkaBroker.layer({ ...optionsOf(kafka), sendTimeout: "3 seconds" }), kafka)
