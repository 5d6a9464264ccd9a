export * as NatsBroker from "./NatsBroker.ts"
export * as NatsConfig from "./NatsConfig.ts"
export * as NatsSubject from "./NatsSubject.ts"
export * as NatsTopology from "./NatsTopology.ts"
