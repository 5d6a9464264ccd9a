/**
 * Atomic batches (ADR-50): every record with the batch's id and its number, the last one with the commit. JetStream
 * stores all of them or none, and answers once.
 */
import { publishRefusal } from "./classify.ts"
import type { Message } from "./client.ts"
import { type Batch, type Outcome, PublishError } from "./core.ts"
import { Generations } from "./generations.ts"
import { encodeRecord, headerBytes } from "./headers.ts"
import * as Outcomes from "./outcome.ts"
import * as PubAck from "./pubAck.ts"
import type { Shared } from "./window.ts"

interface Pending {
  readonly batch: Batch
  readonly bytes: number
  readonly generation: number
}

export class AtomicPublisher {
  readonly #shared: Shared
  readonly #ledger = new Map<number, Pending>()
  #next = 1
  readonly #generations: Generations

  constructor(shared: Shared) {
    this.#shared = shared
    this.#generations = new Generations(shared.client)
  }

  get pending(): number {
    return this.#ledger.size
  }

  send(batch: Batch): void {
    const { admin, client, inbox, outbound, subjects } = this.#shared
    const { topic: { name, partitions }, records } = batch
    const refusal = this.#refusal(batch, admin.located(name).atomic)
    if (refusal !== undefined) {
      batch.settleAll(refusal)
      return
    }
    const number = this.#next++
    const id = `${client.id}${inbox.split(".").at(-2) ?? ""}a${number}`
    const last = records.length - 1
    const messages = records.map((record, i) => {
      const headers = encodeRecord(
        name,
        record,
        `Nats-Batch-Id: ${id}\r\nNats-Batch-Sequence: ${i + 1}\r\n${i === last ? "Nats-Batch-Commit: 1\r\n" : ""}`
      )
      return {
        subject: subjects.of(name, partitions, record.partition),
        body: record.body,
        headers,
        length: headerBytes(headers)
      }
    })
    const tooLarge = messages.find(({ body, length }) => body.length + length > client.maxPayload)
    if (tooLarge !== undefined) {
      const bytes = tooLarge.body.length + tooLarge.length
      batch.settleAll(Outcomes.notStored(new PublishError.TooLarge({ bytes, limit: client.maxPayload })))
      return
    }
    const bytes = messages.reduce((sum, { body, length }) => sum + body.length + length, 0)
    this.#ledger.set(number, { batch, bytes, generation: this.#generations.current })
    // Refusals before the commit come to the record that caused them: all of them answer to the same place.
    for (const { body, headers, length, subject } of messages) {
      client.publish(subject, `${inbox}a${number}`, headers, length, body)
    }
    outbound.sent(bytes)
  }

  #refusal({ records, topic }: Batch, allowed: boolean): Outcome | undefined {
    if (!allowed) {
      return Outcomes.notStored(
        new PublishError.Refused({
          kind: "unsupported",
          message: `the stream of ${topic.name} takes no atomic batches`
        })
      )
    }
    if (records.length <= 1000) return undefined
    return Outcomes.notStored(
      new PublishError.Refused({
        kind: "unsupported",
        message: `an atomic batch has at most 1000 records, not ${records.length}`
      })
    )
  }

  received(token: string, message: Message): void {
    const number = Number(token.slice(1))
    const pending = this.#ledger.get(number)
    if (pending === undefined) return
    const { batch, bytes } = pending
    // The server greets the first record of a batch with an empty message.
    if (message.data.length === 0 && message.header === undefined) return
    const ack = PubAck.read(message)
    this.#ledger.delete(number)
    switch (ack._tag) {
      case "Ack": {
        this.#shared.client.lastAckAt = this.#shared.client.clock.currentTimeMillisUnsafe()
        // The sequence is the last one's, and the records stand one behind the other.
        const first = ack.sequence - batch.records.length + 1
        for (let i = 0; i < batch.records.length; i++) batch.settle(i, Outcomes.stored(first + i))
        return
      }
      case "NoResponders":
        batch.settleAll(this.#shared.nobody(batch.topic.name))
        return
      case "Error":
        batch.settleAll(Outcomes.notStored(
          publishRefusal(ack.error, { topic: batch.topic.name, bytes, limit: this.#shared.client.maxPayload })
        ))
        return
      default:
        batch.settleAll(Outcomes.unreadable)
    }
  }

  denied(subject: string, message: string): void {
    const outcome = Outcomes.notStored(new PublishError.Unauthorized({ message }))
    const { subjects } = this.#shared
    for (const [number, { batch }] of this.#ledger) {
      const { name, partitions } = batch.topic
      if (!batch.records.some(({ partition }) => subjects.of(name, partitions, partition) === subject)) continue
      this.#ledger.delete(number)
      batch.settleAll(outcome)
    }
  }

  settleAll(outcome: Outcome): void {
    const lost = [...this.#ledger.values()]
    this.#ledger.clear()
    for (const { batch } of lost) batch.settleAll(outcome)
  }

  /** As the window's. */
  sweep(): void {
    for (const [number, { batch, generation }] of this.#ledger) {
      if (generation > this.#generations.expired) break
      this.#ledger.delete(number)
      batch.settleAll(Outcomes.unanswered(this.#shared.client.config.ackTimeoutMillis))
    }
    this.#generations.sweep(this.#ledger.size > 0)
  }
}
