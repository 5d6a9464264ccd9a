import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import * as KafkaJsBroker from "@effect-eventbus/kafka/KafkaJsBroker"
import { Effect } from "effect"
import { afterAll } from "vitest"
import { run } from "../../../scripts/testing/hostileLaws.ts"
import { startKafka } from "./fixtures/kafka.ts"
import { freshName } from "./fixtures/spi.ts"

const kafka = await startKafka()
afterAll(kafka.stop, 30_000)

// Everything goes through the proxy, which counts requests.
const options = { bootstrapBrokers: kafka.proxied }
const sent = Effect.sync(() => [...kafka.proxy.requests.values()].reduce((sum, count) => sum + count, 0))
const fresh = () => freshName("hostile")

run("kafka", { layer: () => KafkaBroker.layer(options), sent, fresh })
run("kafkajs", { layer: () => KafkaJsBroker.layer(options), sent, fresh })
