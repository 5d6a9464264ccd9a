import * as KafkaJsBroker from "@effect-eventbus/kafka/KafkaJsBroker"
import { afterAll } from "vitest"
import { startKafka } from "./fixtures/kafka.ts"
import { model, optionsOf } from "./fixtures/laws.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

model("kafkajs", KafkaJsBroker.layer(optionsOf(kafka)), kafka)
