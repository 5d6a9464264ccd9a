/**
 * ADR-50 fast ingest for one lane: many records on their way, acknowledged in groups, and an order that the server itself
 * keeps (gap mode `fail`): of a batch it stores a prefix without gaps, whatever happens.
 *
 * **Batches.** What waits goes out together. Where the next group acknowledgement would not cover its end, the last record
 * also ends the batch, so that nobody waits for the tail; what comes meanwhile waits for that end and goes out together
 * as the next one. Under load a batch goes on, and each group acknowledgement lets more records in. A record that is
 * alone, with nothing under way, is published as a message of its own, with an acknowledgement of its own: a batch of one
 * costs the server more, and half of its latency. What comes meanwhile waits for its answer.
 *
 * **Resends.** Of what was handed over before nobody knows how much is stored. So before it is sent again each record is
 * asked for (`probes.ts`), and only what is absent is sent. A plain resend would be skipped as a duplicate of what is only
 * in process, and be acknowledged with its batch: acknowledged and lost.
 */
import { type ApiError, publishRefusal } from "./classify.ts"
import type { Message } from "./client.ts"
import { type Batch, type Outcome, PublishError } from "./core.ts"
import { encodeRecord, headerBytes } from "./headers.ts"
import { type Entry, type LaneContext, settle } from "./ingest.ts"
import * as Outcomes from "./outcome.ts"
import { Probes } from "./probes.ts"
import * as PubAck from "./pubAck.ts"

/**
 * Records between two acknowledgements, as we ask for it; the server's limit is 500. Rare ones let this process and the
 * server take turns instead of working at the same time; more frequent ones than this gain nothing.
 */
const askedFlow = 100

/**
 * Records that are asked for at once. What of them is absent is sent before the next ones are asked for: on a link that is
 * slow, or breaks again and again, each turn gets something done, and its questions do not fill the link for longer than
 * the connection's own pings wait.
 */
const askedAtOnce = 256

/** How often a lane looks whether answers stay out. */
export const sweepMillis = 250

/** A lone record counts as unanswered when so many sweeps have found that the server has read it, and says nothing. */
const patienceAlone = 4

const unknownBatch = 10208

const op = { start: 0, append: 1, final: 2, end: 3, ping: 4 }

const noBody = new Uint8Array(0)

/** Which record of its batch an answer is to; `rest`: `.<flow>.fail.<sequence>.<operation>.$FI`. */
const placeOf = (rest: string): number => Number(rest.split(".")[3])

/** Who hears of answers: the first token of a reply subject names a batch, or a question. */
export interface Routes {
  /** A token that is unique among all clients. */
  readonly name: (kind: "f" | "p", lane: FastLane) => string
  readonly forget: (name: string) => void
  /** The only token of the reply subject of a record that is alone: a number costs less to find out. */
  readonly number: (lane: FastLane) => number
  readonly forgetNumber: (number: number) => void
}

export class FastLane {
  readonly #shared: LaneContext
  readonly #routes: Routes
  readonly #topic: string
  /** Records between two acknowledgements, as we ask for it. */
  readonly #askedFlow: number
  #epoch = -1
  /** Of this epoch nothing more is stored. */
  #broken = false
  #state: "idle" | "alone" | "open" | "ending" | "probing" = "idle"
  #waiting: Array<Entry> = []
  /** Of the running batch: sent and not settled, in order. */
  #flight: Array<Entry> = []
  #name = ""
  #prefix = ""
  /** Of the record that is alone. */
  #number = 0
  /** Number in the batch of the last record that was sent, and of the last that was settled. */
  #sent = 0
  #settled = 0
  #flow: number
  readonly #plain = new PubAck.Plain()
  #refused: { readonly sequence: number; readonly error: ApiError } | undefined
  readonly #probes: Probes
  /** Sweeps since the last answer, and whether the server has read the last question. */
  #silent = 0
  #pingRead = false
  /** Of a lone record: sweeps that found it read and without an answer. */
  #unmoved = 0

  constructor(shared: LaneContext, routes: Routes, topic: string) {
    this.#shared = shared
    this.#routes = routes
    this.#topic = topic
    this.#askedFlow = shared.flow ?? askedFlow
    this.#flow = this.#askedFlow
    this.#probes = new Probes({
      shared,
      topic,
      subjectOf: (entry) => this.#subject(entry),
      name: () => routes.name("p", this),
      forget: routes.forget,
      suffix: `.${this.#askedFlow}.fail.1.${op.final}.$FI`
    })
  }

  get pending(): number {
    return this.#waiting.length + this.#flight.length + this.#probes.entries.length
  }

  accept(batch: Batch): void {
    if (batch.epoch > this.#epoch) {
      this.#epoch = batch.epoch
      this.#broken = false
    }
    if (this.#broken || batch.epoch < this.#epoch) {
      batch.settleAll(Outcomes.gap)
      return
    }
    for (let index = 0; index < batch.records.length; index++) {
      this.#waiting.push({ batch, index, record: batch.records[index]!, again: batch.resend })
    }
  }

  // --- out --------------------------------------------------------------------------------------------------------------

  /** Sends what waits, as far as it may be sent now. */
  flush(): void {
    if (this.#waiting.length === 0 || (this.#state !== "idle" && this.#state !== "open")) return
    if (!this.#shared.client.connected) return
    if (this.#waiting[0]!.again) {
      if (this.#state === "open" && this.#flight.length > 0) this.#end()
      else this.#probe()
      return
    }
    const next = this.#waiting.findIndex(({ again }) => again)
    const entries = next < 0 ? this.#waiting : this.#waiting.slice(0, next)
    this.#waiting = next < 0 ? [] : this.#waiting.slice(next)
    if (this.#state === "idle") {
      this.#sent = 0
      this.#settled = 0
      this.#silent = 0
      this.#refused = undefined
      if (entries.length === 1) return this.#sendAlone(entries[0]!)
      this.#name = this.#routes.name("f", this)
      this.#prefix = `${this.#shared.inbox}${this.#name}.${this.#askedFlow}.fail.`
      this.#flow = this.#askedFlow
      this.#state = "open"
    }
    this.#send(entries)
  }

  #sendAlone(entry: Entry): void {
    this.#number = this.#routes.number(this)
    const tooLarge = this.#sendOne(entry, `${this.#shared.inbox}${this.#number}`)
    if (tooLarge > 0) return this.#refuse(entry, tooLarge, [])
    this.#state = "alone"
    this.#unmoved = 0
  }

  #send(entries: ReadonlyArray<Entry>): void {
    const last = entries.length - 1
    // What is left behind has to be asked for first, and is when this is over.
    const whole = this.#waiting.length > 0 || this.#flight.length + entries.length < this.#flow
    for (let i = 0; i <= last; i++) {
      const entry = entries[i]!
      const what = i === last && whole ? op.final : this.#sent === 0 ? op.start : op.append
      const tooLarge = this.#sendOne(entry, `${this.#prefix}${this.#sent + 1}.${what}.$FI`)
      if (tooLarge > 0) {
        this.#refuse(entry, tooLarge, entries.slice(i + 1))
        return
      }
    }
    if (whole) this.#state = "ending"
  }

  /** Puts it on its way; tells its bytes instead where no server would take so many. */
  #sendOne(entry: Entry, reply: string): number {
    const { client, outbound } = this.#shared
    const headers = encodeRecord(this.#topic, entry.record, "")
    const length = headerBytes(headers)
    const bytes = length + entry.record.body.length
    if (bytes > client.maxPayload) return bytes
    this.#sent++
    this.#flight.push(entry)
    client.publish(this.#subject(entry), reply, headers, length, entry.record.body)
    outbound.sent(bytes)
    return 0
  }

  /** A record that no server would take ends the epoch: what is behind it is not sent. */
  #refuse(entry: Entry, bytes: number, behind: ReadonlyArray<Entry>): void {
    settle(entry, Outcomes.notStored(new PublishError.TooLarge({ bytes, limit: this.#shared.client.maxPayload })))
    this.#broken = true
    for (const other of behind) settle(other, Outcomes.gap)
    this.#settleWaiting(Outcomes.gap)
    if (this.#flight.length > 0) this.#end()
    else this.#close()
  }

  #subject({ batch, record }: Entry): string {
    return this.#shared.subjects.of(this.#topic, batch.topic.partitions, record.partition)
  }

  /** Ends the batch without a further record. */
  #end(): void {
    const first = this.#flight[0]
    if (this.#sent > 0 && first !== undefined) this.#control(this.#subject(first), this.#sent + 1, op.end)
    this.#state = "ending"
  }

  #control(subject: string, sequence: number, what: number): void {
    this.#shared.client.publishPlain(subject, `${this.#prefix}${sequence}.${what}.$FI`, noBody)
  }

  #close(): void {
    if (this.#number > 0) this.#routes.forgetNumber(this.#number)
    if (this.#name !== "") this.#routes.forget(this.#name)
    this.#number = 0
    this.#name = ""
    this.#state = "idle"
  }

  // --- in ---------------------------------------------------------------------------------------------------------------

  received(name: string, rest: string, message: Message): void {
    const ack = PubAck.read(message)
    if (name === this.#name) this.#answered(placeOf(rest), ack)
    else this.#probeAnswered(name, ack)
  }

  receivedAlone(number: number, message: Message): void {
    if (number !== this.#number) return
    const sequence = this.#plain.sequence(message)
    if (sequence !== undefined) return this.#ended({ _tag: "Ack", sequence, duplicate: false, count: 1 })
    const ack = PubAck.read(message)
    if (ack._tag === "Ack") this.#plain.learn(message)
    this.#answered(1, ack)
  }

  /** `place`: of the record that the answer is to. */
  #answered(place: number, ack: PubAck.PubAck): void {
    this.#silent = 0
    switch (ack._tag) {
      case "Flow": {
        if (ack.every > 0) this.#flow = ack.every
        const subject = this.#flight[0] === undefined ? "" : this.#subject(this.#flight[0])
        this.#settleTo(ack.sequence)
        if (this.#state === "ending" && this.#flight.length === 0) {
          // All of it is stored: the answer to its end says nothing new.
          this.#close()
          this.flush()
        } else if (this.#state === "open" && this.#flight.length < this.#flow) {
          if (this.#flight.length > 0) this.#end()
          else if (ack.sequence > 0) {
            // Nothing is missing, so nobody waits for the end of this batch.
            this.#control(subject, this.#sent + 1, op.end)
            this.#close()
            this.flush()
          }
        }
        return
      }
      case "FlowError":
        this.#refused ??= { sequence: ack.sequence, error: ack.error }
        return
      case "Gap":
      case "Unreadable":
        return
      case "Ack":
        return this.#ended(ack)
      case "Error":
        return this.#failed(place, ack.error)
      case "NoResponders":
        return this.#nobody(place)
    }
  }

  #settleTo(sequence: number, last?: Outcome, others: Outcome = Outcomes.storedSomewhere): void {
    const count = Math.min(sequence, this.#sent) - this.#settled
    if (count <= 0) return
    const done = this.#flight.splice(0, count)
    this.#settled += count
    this.#shared.client.lastAckAt = this.#shared.client.clock.currentTimeMillisUnsafe()
    for (let i = 0; i < count; i++) {
      settle(done[i]!, i === count - 1 && last !== undefined ? last : others)
    }
  }

  /** The batch is over: `count` of it are stored. */
  #ended(ack: Extract<PubAck.PubAck, { _tag: "Ack" }>): void {
    const count = ack.count ?? this.#sent
    if (ack.duplicate) this.#settleTo(1, Outcomes.duplicateOf(ack.sequence))
    // Nothing of the batch was new.
    else if (ack.sequence === 0) this.#settleTo(count, Outcomes.duplicateSomewhere, Outcomes.duplicateSomewhere)
    else this.#settleTo(count, Outcomes.stored(ack.sequence))
    const refused = this.#refused
    if (this.#flight.length > 0) {
      const [first, ...rest] = this.#flight
      this.#flight = []
      this.#broken = true
      const hit = refused !== undefined && refused.sequence === this.#settled + 1
      if (first !== undefined) settle(first, hit ? this.#refusal(first, refused.error) : Outcomes.gap)
      for (const entry of rest) settle(entry, Outcomes.gap)
      this.#settleWaiting(Outcomes.gap)
    }
    this.#close()
    this.flush()
  }

  #refusal({ record }: Entry, error: ApiError): Outcome {
    const place = { topic: this.#topic, bytes: record.size, limit: this.#shared.client.maxPayload }
    return Outcomes.notStored(publishRefusal(error, place))
  }

  /** The answer to one message of the batch, which was not stored. */
  #failed(sequence: number, error: ApiError): void {
    const first = this.#flight[0]
    const known = error.errCode !== unknownBatch
    if (known && sequence === 1 && this.#settled === 0 && first !== undefined) {
      this.#giveUp(this.#refusal(first, error), Outcomes.gap)
    } else if (known && sequence > this.#settled && sequence <= this.#sent) {
      // The record behind it is a gap to the server, which ends the batch; where there is none yet, an end is one, too.
      this.#refused ??= { sequence, error }
      if (sequence === this.#sent) this.#end()
    } else {
      // The server knows nothing of this batch any more, so nobody knows what it has stored of it.
      const reason = new PublishError.BrokerFailure({
        message: `${error.description} (${error.errCode})`,
        retryable: true
      })
      this.#giveUp(Outcomes.ambiguous(reason), Outcomes.ambiguous(reason))
    }
  }

  #nobody(sequence: number): void {
    if (sequence > 1) {
      this.#giveUp(Outcomes.lostAnswer, Outcomes.lostAnswer)
      return
    }
    const lost = [...this.#flight, ...this.#waiting]
    this.#flight = []
    this.#waiting = []
    this.#broken = true
    this.#close()
    const outcome = this.#shared.nobody(this.#topic)
    for (const entry of lost) settle(entry, outcome)
  }

  /** Everything on its way is answered for, and nothing of this epoch is sent any more. */
  #giveUp(first: Outcome, others: Outcome, waiting: Outcome = Outcomes.gap): void {
    const lost = this.#flight
    this.#flight = []
    this.#broken = true
    this.#close()
    for (const entry of this.#probes.drop()) settle(entry, others)
    for (let i = 0; i < lost.length; i++) settle(lost[i]!, i === 0 ? first : others)
    this.#settleWaiting(waiting)
  }

  #settleWaiting(outcome: Outcome): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const entry of waiting) settle(entry, outcome)
  }

  disconnected(reason: string): void {
    this.#giveUp(Outcomes.lostAnswer, Outcomes.lostAnswer, Outcomes.notStored(Outcomes.notConnected(reason)))
  }

  /** Everything, for good. */
  abandon(outcome: Outcome): void {
    this.#giveUp(outcome, outcome, outcome)
  }

  denied(subject: string, message: string): void {
    if (![...this.#flight, ...this.#probes.entries].some((entry) => this.#subject(entry) === subject)) return
    const reason = new PublishError.Unauthorized({ message })
    const outcome = this.#settled > 0 ? Outcomes.ambiguous(reason) : Outcomes.notStored(reason)
    this.#giveUp(outcome, outcome, Outcomes.notStored(reason))
  }

  // --- probes -----------------------------------------------------------------------------------------------------------

  #probe(): void {
    const { atOnce = askedAtOnce } = this.#shared
    const next = this.#waiting.findIndex(({ again }, i) => !again || i === atOnce)
    const asked = next < 0 ? this.#waiting : this.#waiting.slice(0, next)
    this.#waiting = next < 0 ? [] : this.#waiting.slice(next)
    this.#state = "probing"
    this.#silent = 0
    this.#probes.ask(asked)
  }

  #probeAnswered(name: string, ack: PubAck.PubAck): void {
    if (!this.#probes.awaits(name, ack)) return
    this.#silent = 0
    const found = this.#probes.answered(name, ack)
    if (found === undefined) return
    if (found._tag === "Failed") return this.#giveUp(found.outcome, found.outcome)
    this.#waiting = [...found.entries.map((entry) => ({ ...entry, again: false })), ...this.#waiting]
    this.#state = "idle"
    this.flush()
  }

  // --- silence ----------------------------------------------------------------------------------------------------------

  /**
   * Runs every {@link sweepMillis}. Where nothing came since the last one it asks the server how far it is, one question
   * at a time; where it has read the question and is silent for the whole ack timeout, the batch is given up.
   */
  sweep(): void {
    if (this.#state === "idle") return
    this.#silent++
    if (this.#silent === 1) {
      this.#pingRead = true
      return
    }
    // The last question is still on its way: the link is slow, or the server does not read.
    if (!this.#pingRead) return
    const { ackTimeoutMillis } = this.#shared.client.config
    if (this.#silent * sweepMillis > ackTimeoutMillis) {
      const outcome = Outcomes.unanswered(ackTimeoutMillis)
      this.#giveUp(outcome, outcome)
      return
    }
    if (this.#state === "alone" && ++this.#unmoved > patienceAlone) {
      // It cannot be asked how far it is. The next try begins with a question.
      const outcome = Outcomes.unanswered(patienceAlone * sweepMillis)
      this.#giveUp(outcome, outcome)
      return
    }
    this.#pingRead = false
    const first = this.#flight[0]
    if (this.#state === "probing") this.#probes.askAgain()
    else if (first !== undefined && this.#state !== "alone") {
      this.#control(this.#subject(first), this.#sent, op.ping)
    }
    this.#shared.client.barrier((read) => {
      this.#pingRead = read
    })
  }
}
