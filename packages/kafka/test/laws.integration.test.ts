import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import { afterAll } from "vitest"
import { startKafka } from "./fixtures/kafka.ts"
import { laws, optionsOf } from "./fixtures/laws.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

laws("kafka", KafkaBroker.layer({ ...optionsOf(kafka), sendTimeout: "10 seconds" }), kafka)
