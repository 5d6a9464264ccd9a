/** What the inside of this package uses of core, under the names that it has there. */
import type { Broker } from "@effect-eventbus/core"

export { BrokerError, Headers, PublishError, SubscribeError } from "@effect-eventbus/core"
export { firstConnection, Signal } from "@effect-eventbus/core/Driver"
export type Assignment = Broker.Assignment
export type Backlog = Broker.Backlog
export type Batch = Broker.Batch
export type ConsumerOptions = Broker.ConsumerOptions
export type Consumer = Broker.Consumer
export type Drift = Broker.Drift
export type Ensured = Broker.Ensured
export type EnsureStrategy = Broker.EnsureStrategy
export type HealthReport = Broker.HealthReport
export type InboundRecord = Broker.InboundRecord
export type LanePolicy = Broker.LanePolicy
export type OutboundRecord = Broker.OutboundRecord
export type Outcome = Broker.Outcome
export type Producer = Broker.Producer
export type Revocation = Broker.Revocation
export type StartPosition = Broker.StartPosition
export type Status = Broker.Status
export type TopicInfo = Broker.TopicInfo
export type TopicSpec = Broker.TopicSpec
