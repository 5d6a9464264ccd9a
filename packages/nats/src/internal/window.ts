/**
 * Publishing with an acknowledgement for each record: a ledger from reply subject to record, and no promise, timer or
 * request object per message.
 *
 * An answer counts as lost when the connection breaks, or when the server has read the message (a ping behind it was
 * answered) and the answer is still missing `ackTimeout` later. Never by age alone: on a slow link that would restart
 * for ever. Or when a record that the stream got later is acknowledged as new: a stream answers in its order. To take an
 * answer for lost in vain costs a resend, which the stream recognises, and nothing else.
 */
import type { Admin } from "./admin.ts"
import { publishRefusal } from "./classify.ts"
import type { Client, Message } from "./client.ts"
import { type Batch, type OutboundRecord, type Outcome, PublishError } from "./core.ts"
import { Generations } from "./generations.ts"
import { encodeRecord, headerBytes } from "./headers.ts"
import { NumberMap } from "./numberMap.ts"
import type { Outbound } from "./outbound.ts"
import * as Outcomes from "./outcome.ts"
import * as PubAck from "./pubAck.ts"
import type { Subjects } from "./topics.ts"

interface Pending {
  readonly batch: Batch
  readonly index: number
  readonly subject: string
  readonly bytes: number
  /** The sweep under which it was sent. */
  readonly generation: number
}

/** What the ways of publishing share. */
export interface Shared {
  readonly client: Client
  readonly admin: Admin
  readonly outbound: Outbound
  readonly subjects: Subjects
  /** What a reply subject begins with, with its dot. */
  readonly inbox: string
  /** What a message came to that nobody took. */
  readonly nobody: (topic: string) => Outcome
  /** Runs something later. */
  readonly later: (millis: number, run: () => void) => void
}

export class WindowPublisher {
  readonly #shared: Shared
  readonly #ledger = new NumberMap<Pending>()
  #next = 1
  /** None with a smaller number is in the ledger. */
  #oldest = 1
  readonly #generations: Generations
  /** Subjects with an acknowledgement on this connection: who may not publish gets none. */
  readonly #allowed = new Set<string>()
  /** By topic. */
  readonly #plain = new Map<string, PubAck.Plain>()

  constructor(shared: Shared) {
    this.#shared = shared
    this.#generations = new Generations(shared.client)
  }

  get pending(): number {
    return this.#ledger.size
  }

  /** What a reply subject may end with that nothing else ends with. */
  number(): number {
    // Else the first one of a topic would walk past all that others have taken meanwhile.
    if (this.#ledger.size === 0) this.#oldest = this.#next
    return this.#next++
  }

  send(batch: Batch): void {
    const { records } = batch
    for (let i = 0; i < records.length; i++) this.#sendOne(batch, i, records[i]!)
  }

  #sendOne(batch: Batch, index: number, record: OutboundRecord): void {
    const { client, inbox, outbound, subjects } = this.#shared
    const { name, partitions } = batch.topic
    const headers = encodeRecord(name, record, "")
    const length = headerBytes(headers)
    const bytes = length + record.body.length
    if (bytes > client.maxPayload) {
      batch.settle(index, Outcomes.notStored(new PublishError.TooLarge({ bytes, limit: client.maxPayload })))
      return
    }
    const subject = subjects.of(name, partitions, record.partition)
    const id = this.number()
    this.#ledger.set(id, { batch, index, subject, bytes, generation: this.#generations.current })
    client.publish(subject, `${inbox}${id}`, headers, length, record.body)
    outbound.sent(bytes)
  }

  /** `id`: what the reply subject ends with. */
  received(id: number, message: Message): void {
    const pending = this.#ledger.get(id)
    // Answered before, or given up.
    if (pending === undefined) return
    this.#ledger.delete(id)
    const { batch, bytes, index, subject } = pending
    const plain = this.#plainOf(batch.topic.name)
    const sequence = plain.sequence(message)
    if (sequence !== undefined) {
      this.#stored(subject)
      batch.settle(index, Outcomes.stored(sequence))
      this.#overtaken(id, batch.topic.name)
      return
    }
    const ack = PubAck.read(message)
    switch (ack._tag) {
      case "Ack":
        plain.learn(message)
        this.#stored(subject)
        batch.settle(index, ack.duplicate ? Outcomes.duplicateOf(ack.sequence) : Outcomes.stored(ack.sequence))
        // A duplicate is answered before its turn.
        if (!ack.duplicate) this.#overtaken(id, batch.topic.name)
        return
      case "NoResponders":
        batch.settle(index, this.#shared.nobody(batch.topic.name))
        return
      case "Error": {
        const place = { topic: batch.topic.name, bytes, limit: this.#shared.client.maxPayload }
        batch.settle(index, Outcomes.notStored(publishRefusal(ack.error, place)))
        return
      }
      default:
        batch.settle(index, Outcomes.unreadable)
    }
  }

  #plainOf(topic: string): PubAck.Plain {
    let plain = this.#plain.get(topic)
    if (plain === undefined) {
      plain = new PubAck.Plain()
      this.#plain.set(topic, plain)
    }
    return plain
  }

  #stored(subject: string): void {
    this.#allowed.add(subject)
    this.#shared.client.lastAckAt = this.#shared.client.clock.currentTimeMillisUnsafe()
  }

  /**
   * Gives up the oldest ones where their stream has stored one behind them. Only those at the front of the ledger: what
   * stands behind another topic's record has its turn when that one is answered.
   */
  #overtaken(id: number, topic: string): void {
    while (this.#oldest < id) {
      const pending = this.#ledger.get(this.#oldest)
      if (pending !== undefined) {
        if (pending.batch.topic.name !== topic) return
        this.#ledger.delete(this.#oldest)
        pending.batch.settle(pending.index, Outcomes.overtaken)
      }
      this.#oldest++
    }
  }

  disconnected(): void {
    this.#allowed.clear()
    this.settleAll(Outcomes.lostAnswer)
  }

  /**
   * The server forbids publishing to a subject, and says so without naming messages. Where this connection has never
   * been allowed to, none was stored.
   */
  denied(subject: string, message: string): void {
    const reason = new PublishError.Unauthorized({ message })
    const outcome = this.#allowed.has(subject) ? Outcomes.ambiguous(reason) : Outcomes.notStored(reason)
    this.#giveUp((pending) => pending.subject === subject, outcome)
  }

  settleAll(outcome: Outcome): void {
    this.#giveUp(() => true, outcome)
  }

  /** What the server has read an ack timeout ago and has no answer gets none. */
  sweep(): void {
    const { expired } = this.#generations
    const outcome = Outcomes.unanswered(this.#shared.client.config.ackTimeoutMillis)
    this.#giveUp(({ generation }) => generation <= expired, outcome)
    this.#generations.sweep(this.#ledger.size > 0)
  }

  /** In the order in which they were sent. */
  #giveUp(which: (pending: Pending) => boolean, outcome: Outcome): void {
    const lost = this.#ledger.entries().filter(([, pending]) => which(pending)).toSorted(([a], [b]) => a - b)
    for (const [id] of lost) this.#ledger.delete(id)
    for (const [, { batch, index }] of lost) batch.settle(index, outcome)
  }
}
