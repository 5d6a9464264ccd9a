import type { Cause, Duration, Pull } from "effect"
import type * as Broker from "../../Broker.ts"
import type * as SubscribeError from "../../SubscribeError.ts"
import { Chain, type Link } from "../chain.ts"
import type { Out } from "./delivery.ts"
import { type Lane, type LaneItem, Turn } from "./lanes.ts"
import type { Source } from "./source.ts"

/** Why a record never reaches a handler. */
export interface Refusal {
  readonly kind: "undecodable" | "unknown"
  readonly message: string
}

/** The running state of a retry schedule. */
export type Step = (now: number, input: unknown) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

/** A partition as one member of the group sees it. */
export class Partition<A> {
  readonly source: Source<A>
  readonly number: number
  readonly turn = new Turn<Held<A>>()
  /** From poll until the settlement is handed over, in the order of arrival. */
  readonly held = new Chain<Held<A>>()
  /** Highest epoch seen. */
  epoch = -Infinity
  /** What was delivered under an older epoch than this must not be started any more. */
  floor = -Infinity
  /** Taken out of its lane and not come back. */
  running = 0
  lastHandled: bigint | undefined

  constructor(source: Source<A>, number: number) {
    this.source = source
    this.number = number
  }
}

/** One record that the group holds, from the poll that brought it until its settlement is handed over. */
export class Held<A> implements LaneItem<Held<A>>, Link<Held<A>> {
  /** The newest delivery of it: a redelivery of what is still held replaces it. */
  record: Broker.InboundRecord
  readonly partition: Partition<A>
  readonly key: string
  readonly turn: Turn<Held<A>>
  readonly size: number
  /** When it came in, in milliseconds since 1970. */
  readonly seenAt: number
  /** `undefined` where the record was refused. */
  readonly envelope: A | undefined
  readonly refusal: Refusal | undefined
  before: Held<A> | undefined = undefined
  after: Held<A> | undefined = undefined
  chained = false
  /** Its delivery, while a stream has it. */
  out: Out<A> | undefined = undefined
  next: Held<A> | undefined = undefined
  lane: Lane<Held<A>> | undefined = undefined
  /** How often it was handed to a handler, counting what the broker counted of earlier deliveries. */
  attempt: number
  /** How often it was handed to a handler here. */
  tries = 0
  step: Step | undefined = undefined
  /** The last delay of the schedule, in milliseconds. */
  delay: number | undefined = undefined
  cause: Cause.Cause<unknown> | undefined = undefined
  halted: SubscribeError.Reason | undefined = undefined
  /** Its dead letter is being stored. */
  storing = false

  constructor(
    record: Broker.InboundRecord,
    partition: Partition<A>,
    key: string,
    size: number,
    seenAt: number,
    envelope: A | undefined,
    refusal: Refusal | undefined
  ) {
    this.record = record
    this.partition = partition
    this.key = key
    this.turn = partition.turn
    this.size = size
    this.seenAt = seenAt
    this.envelope = envelope
    this.refusal = refusal
    this.attempt = record.attempt - 1
  }

  /** Its partition has moved on: another member, or a later delivery, is responsible for it. */
  get stale(): boolean {
    return this.record.epoch < this.partition.floor
  }
}
