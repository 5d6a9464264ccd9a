/**
 * What the answer to a produce request asks for.
 */
import { isAmbiguous } from "../classify.ts"
import type { Failure } from "../failure.ts"

/** The protocol's retriable errors, as far as a produce request meets them. */
const retriable = new Set([
  "CORRUPT_MESSAGE",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "REQUEST_TIMED_OUT",
  "BROKER_NOT_AVAILABLE",
  "REPLICA_NOT_AVAILABLE",
  "NETWORK_EXCEPTION",
  "NOT_ENOUGH_REPLICAS",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "KAFKA_STORAGE_ERROR",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "COORDINATOR_NOT_AVAILABLE",
  "COORDINATOR_LOAD_IN_PROGRESS",
  "NOT_COORDINATOR",
  "THROTTLING_QUOTA_EXCEEDED"
])

/** The cluster is no longer what this producer thinks it is. */
const staleCodes = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "BROKER_NOT_AVAILABLE",
  "REPLICA_NOT_AVAILABLE",
  "KAFKA_STORAGE_ERROR",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH"
])

/** The broker does not know this producer any more, or not at this sequence. */
const forgottenCodes = new Set([
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
  "UNKNOWN_PRODUCER_ID",
  "INVALID_PRODUCER_EPOCH",
  "INVALID_PRODUCER_ID_MAPPING",
  "PRODUCER_FENCED"
])

/** The same batch, with the same sequence, may be sent again. */
export const isRetriable = ({ code, kind }: Failure): boolean =>
  kind === "lost" || kind === "timeout" || kind === "unreachable"
  || (kind === "protocol" && code !== undefined && retriable.has(code))

/** Where the leaders are has to be asked again first. */
export const isStale = ({ code, kind }: Failure): boolean =>
  kind === "protocol" ? code !== undefined && staleCodes.has(code) : true

export const isForgotten = ({ code, kind }: Failure): boolean =>
  kind === "protocol" && code !== undefined && forgottenCodes.has(code)

/**
 * What happened to a batch on its way, as much of it as its outcome depends on: however often it was sent, that is the last
 * failure, and the last one after which it may have been stored.
 */
export class Trail {
  #unclear: Failure | undefined
  #last: Failure | undefined

  add(failure: Failure): void {
    if (isAmbiguous(failure)) this.#unclear = failure
    this.#last = failure
  }

  /** It may have been stored. */
  get unclear(): boolean {
    return this.#unclear !== undefined
  }

  get last(): Failure | undefined {
    return this.#last
  }

  get failures(): ReadonlyArray<Failure> {
    const last = this.#last
    const unclear = this.#unclear
    if (last === undefined) return []
    return unclear === undefined || unclear === last ? [last] : [unclear, last]
  }
}
