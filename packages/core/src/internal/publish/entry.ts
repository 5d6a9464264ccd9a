import { Deferred, type Effect } from "effect"
import type { OutboundRecord } from "../../Broker.ts"
import type { Headers } from "../../Headers.ts"
import type * as PublishError from "../../PublishError.ts"
import type { PublishResult } from "../../PublishResult.ts"
import type { Receipt } from "../../Receipt.ts"
import type { Link } from "../chain.ts"
import type { Times } from "./stopwatch.ts"
import type { TopicState } from "./topicState.ts"

/**
 * One accepted envelope in the ledger, and at the same time the record that the driver sees: one object per message
 * from acceptance to settlement.
 */
export class Entry implements OutboundRecord, Link<Entry> {
  readonly _tag = "Entry"
  readonly topic: TopicState
  readonly eventId: string
  readonly key: string
  readonly partition: number
  readonly headers: Headers
  readonly body: Uint8Array
  readonly size: number
  readonly deferred = Deferred.makeUnsafe<Receipt, PublishError.PublishError>()
  /** Told synchronously, once, at the settlement. Must not throw. */
  observer: ((result: PublishResult) => void) | undefined = undefined

  /** Order of acceptance. */
  sequence = 0
  /** Monotonic milliseconds. */
  acceptedAt = 0
  deadline = 0
  result: PublishResult | undefined = undefined

  /** At the driver: handed over in a batch and not answered yet. The permit stays out as long, even after the deadline. */
  outstanding = false
  /** Settled, and told to the readers of `results`. */
  reported = false
  /** The bus's own: a dead letter, a replay. Nobody published it, so `results` does not tell of it. */
  own = false
  /** How often it was handed to the driver. */
  attempts = 0
  /** Why an earlier attempt may have stored it. Once set, nothing but an acknowledgement makes the outcome certain. */
  ambiguous: PublishError.Reason | undefined = undefined
  /** Why the last attempt did not store it. */
  notStored: PublishError.Reason | undefined = undefined

  /** Of a message whose stages are recorded. */
  times: Times | undefined = undefined

  /** Neighbours among the pending, in order of acceptance. */
  before: Entry | undefined = undefined
  after: Entry | undefined = undefined
  chained = false

  constructor(
    topic: TopicState,
    eventId: string,
    key: string,
    partition: number,
    headers: Headers,
    body: Uint8Array,
    size: number
  ) {
    this.topic = topic
    this.eventId = eventId
    this.key = key
    this.partition = partition
    this.headers = headers
    this.body = body
    this.size = size
  }

  /** Completes with the settlement. */
  get receipt(): Effect.Effect<Receipt, PublishError.PublishError> {
    return Deferred.await(this.deferred)
  }
}
