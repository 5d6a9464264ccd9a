export * as KafkaBroker from "./KafkaBroker.ts"
export * as KafkaConfig from "./KafkaConfig.ts"
export * as KafkaTopology from "./KafkaTopology.ts"
