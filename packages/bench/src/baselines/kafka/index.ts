/**
 * Kafka without the bus. Each function takes the bootstrap brokers (`host:port`) and returns a `Baseline`.
 */
export { consume } from "./consume.ts"
export * as effectKafka from "./effectKafka.ts"
export * as kafkajs from "./kafkajs.ts"
export * as platformatic from "./platformatic.ts"
export * as producerPerformance from "./producerPerformance.ts"
