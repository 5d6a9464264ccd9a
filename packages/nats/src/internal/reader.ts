/**
 * One partition as a member reads it: pulls, what has come and was not handed out, what was handed out and is not
 * settled.
 *
 * There is always a pull waiting at the server while there is room, and never more is asked for than there is room. A
 * pull that got no sign of life for a while is taken for lost and asked for again.
 *
 * **Taking over.** What another member held when it died comes back only after the ack wait, behind newer messages. So a
 * reader that finds deliveries of others unacknowledged hands out nothing until all of them have come to it or were
 * acknowledged, and then everything in the order of the stream:
 * 1. count what is in our hands, then ask the server how many deliveries are unacknowledged;
 * 2. are there no more of them than we held before we asked, nobody else holds any;
 * 3. else ask again a little later. It ends: the consumer gives out no more than there is room for here.
 *
 * A lost connection is the same: what was on its way here is unacknowledged, in nobody's hands, and comes again after the
 * ack wait, while a new pull would get what is behind it at once.
 *
 * **Two ack waits.** The server's is short, so that a dead member's deliveries come back soon; this reader renews it for
 * what it holds, for as long as the holder's own ack wait has not passed without a sign of life.
 */
import { Acks } from "./acks.ts"
import * as AckSubject from "./ackSubject.ts"
import type { Client, Message } from "./client.ts"
import type { InboundRecord } from "./core.ts"
import { decodeRecord, type Delivered, statusOf } from "./headers.ts"
import { NumberMap } from "./numberMap.ts"

const negative = Buffer.from("-NAK")
const progress = Buffer.from("+WPI")
const nanos = 1e6
const expiresMillis = 30_000
const heartbeatMillis = 5000

/** How long a pin lasts without a pull. */
export const pinMillis = 3000

const noHeaders: Delivered = { headers: [], key: undefined, pin: undefined }

export interface Held {
  readonly record: InboundRecord
  /** Its offset, as a number. */
  readonly sequence: number
  /** The subject that it is acknowledged to. */
  readonly reply: Uint8Array
  readonly size: number
  /** Monotonic milliseconds of the last sign of life of its holder. */
  touched: number
}

interface Pull {
  readonly number: number
  left: number
}

/** Where a reader reads. */
export interface Place {
  /** Of the priority group whose pin says who reads, where the server knows such. */
  readonly priorityGroup: string | undefined
  readonly topic: string
  readonly stream: string
  readonly consumer: string
  readonly partition: number
  readonly epoch: number
}

export interface Limits {
  readonly count: number
  readonly bytes: number
  /** How long its holder may be silent. */
  readonly ackWaitMillis: number
  /** The server's ack wait. */
  readonly serverAckWaitMillis: number
}

export interface Owner {
  /** There is something to hand out. */
  readonly arrived: () => void
  /** There is something to hand out once nobody else holds deliveries. */
  readonly waiting: () => void
  /** It cannot go on. */
  readonly failed: (message: string) => void
}

export class Reader {
  readonly place: Place
  /** Came in, not handed out, in order. */
  readonly buffer: Array<Held> = []
  /** Handed out and not settled, by stream sequence. */
  readonly held = new NumberMap<Held>()
  /** Their bytes. */
  heldBytes = 0
  readonly #client: Client
  readonly #owner: Owner
  #limits: Limits
  readonly #inbox: string
  readonly #stop: (done?: () => void) => void
  readonly #acks: Acks
  #pulls: Array<Pull> = []
  #pullNumber = 0
  #bytes = 0
  /** Sweeps without a sign of life of the oldest pull. */
  #silent = 0
  /** The next message is larger than all there is room for: it comes alone. */
  #large = false
  /** The server had no answer for the last pull: the next one waits for a sweep. */
  #resting = false
  #closed = false
  /** Others may still hold deliveries: nothing is handed out. */
  takingOver: boolean
  /** The pin, while we have it. */
  #pin = ""
  /** It goes to somebody else: what is here is still settled, and nothing more is handed out. */
  #leaving = false

  constructor(client: Client, place: Place, limits: Limits, owner: Owner, takingOver: boolean) {
    this.takingOver = takingOver
    this.#client = client
    this.place = place
    this.#limits = limits
    this.#owner = owner
    this.#inbox = `${client.inbox}.${client.number()}`
    this.#acks = new Acks(client, `${this.#inbox}.a.`)
    this.#stop = client.subscribe(`${this.#inbox}.>`, (message) => this.#received(message), owner.failed)
    this.pull()
  }

  get acks(): Acks {
    return this.#acks
  }

  limit(limits: Limits): void {
    this.#limits = limits
    this.pull()
  }

  /** Takes the first record that waits, into the caller's hands. `now`: monotonic milliseconds. */
  take(now: number): Held | undefined {
    if (this.takingOver) return undefined
    const first = this.buffer.shift()
    if (first === undefined) return undefined
    first.touched = now
    this.held.set(first.sequence, first)
    this.heldBytes += first.size
    return first
  }

  /** What it would hand out next. */
  peek(): Held | undefined {
    return this.takingOver || this.#leaving ? undefined : this.buffer[0]
  }

  get leaving(): boolean {
    return this.#leaving
  }

  /** Whether the server gives deliveries to us, and nobody else, as far as we know. */
  get reading(): boolean {
    return this.place.priorityGroup === undefined ? this.inHand > 0 : this.#pin !== ""
  }

  /** Hands out nothing more. */
  leave(): void {
    this.#leaving = true
  }

  /** Deliveries that this reader has and the server counts as unacknowledged. */
  get inHand(): number {
    return this.held.size + this.buffer.length
  }

  /** Nobody else holds a delivery any more. */
  tookOver(): void {
    this.takingOver = false
    this.buffer.sort((a, b) => a.sequence - b.sequence)
    this.#owner.arrived()
  }

  #now(): number {
    return Number(this.#client.clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  settle(records: ReadonlyArray<InboundRecord>): number {
    const replies: Array<Uint8Array> = []
    for (const { offset } of records) {
      const sequence = Number(offset)
      const held = this.held.get(sequence)
      if (held === undefined) continue
      this.held.delete(sequence)
      this.heldBytes -= held.size
      this.#bytes -= held.size
      replies.push(held.reply)
    }
    this.#acks.send(replies)
    this.pull()
    return replies.length
  }

  heartbeat(records: ReadonlyArray<InboundRecord>): void {
    const now = this.#now()
    for (const { offset } of records) {
      const held = this.held.get(Number(offset))
      if (held === undefined) continue
      held.touched = now
      if (this.#client.connected) this.#client.answer(held.reply, "", progress)
    }
  }

  /**
   * Runs three times per ack wait of the server: renews what waits here, and what is held by somebody who has given a
   * sign of life in time.
   */
  renew(): void {
    if (!this.#client.connected) return
    const { ackWaitMillis, serverAckWaitMillis } = this.#limits
    const oldest = this.#now() - (ackWaitMillis - serverAckWaitMillis)
    for (const { reply } of this.buffer) this.#client.answer(reply, "", progress)
    for (const { reply, touched } of this.held.values()) {
      if (touched > oldest) this.#client.answer(reply, "", progress)
    }
  }

  disconnected(): void {
    this.#pulls = []
    this.#silent = 0
    this.takingOver = true
  }

  connected(): void {
    this.#acks.resend()
    this.#resting = false
    this.pull()
    this.#owner.waiting()
  }

  /** Runs about every second. */
  sweep(): void {
    this.#acks.sweep()
    this.#resting = false
    this.#keepPin()
    if (this.#pulls.length > 0 && ++this.#silent > (2 * heartbeatMillis) / 1000 + 1) {
      this.#pulls = []
      this.#silent = 0
    }
    this.pull()
  }

  /**
   * Ends it. What it leaves unsettled is given back, in order, so that it comes again at once and before anything newer;
   * without that it would come after the ack wait. That includes what was still on its way here.
   */
  close(done: () => void): void {
    this.#leaving = true
    this.#closed = true
    this.#stop(() => {
      if (this.#client.connected) {
        const left = [...this.held.values(), ...this.buffer].toSorted((a, b) => a.sequence - b.sequence)
        for (const { reply } of left) this.#client.answer(reply, "", negative)
        this.#unpin()
      }
      done()
    })
  }

  /** Somebody else may have the pin now, not only after its time. */
  #unpin(): void {
    const { consumer, priorityGroup, stream } = this.place
    if (this.#pin === "") return
    this.#pin = ""
    this.#client.publishPlain(
      `${this.#client.config.apiPrefix}.CONSUMER.UNPIN.${stream}.${consumer}`,
      `${this.#inbox}.u.0`,
      Buffer.from(JSON.stringify({ group: priorityGroup }))
    )
  }

  /** Only pulls keep the pin, not acknowledgements: also where there is no room, so that a busy holder stays the holder. */
  #keepPin(): void {
    if (this.#pin === "" || this.#closed || !this.#client.connected) return
    this.#ask(`${this.#inbox}.k.0`, { batch: 1, expires: pinMillis * nanos / 2 })
  }

  /** The server has given the pin to somebody else, or may have: what was not handed out is not ours any more. */
  #lostPin(): void {
    this.#pin = ""
    this.#pulls = []
    this.takingOver = true
    const left = this.buffer.splice(0)
    for (const { reply, size } of left) {
      this.#bytes -= size
      this.#client.answer(reply, "", negative)
    }
  }

  #ask(reply: string, request: object): void {
    const { consumer, priorityGroup, stream } = this.place
    const pinned = priorityGroup === undefined
      ? undefined
      : { group: priorityGroup, ...(this.#pin === "" ? undefined : { id: this.#pin }) }
    this.#client.publishPlain(
      `${this.#client.config.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      reply,
      Buffer.from(JSON.stringify({ ...request, ...pinned }))
    )
  }

  /** Asks for as much as there is room for. */
  pull(): void {
    if (this.#closed || this.#leaving || this.#resting || !this.#client.connected || this.#pulls.length >= 2) return
    const asked = this.#pulls.reduce((sum, { left }) => sum + left, 0)
    const room = this.#limits.count - this.held.size - this.buffer.length - asked
    if (room <= 0 || (asked > 0 && room < this.#limits.count / 4)) return
    const bytes = this.#limits.bytes - this.#bytes
    const idle = this.held.size === 0 && this.buffer.length === 0
    if (bytes <= 0) return
    if (this.#large && !idle) return
    const alone = this.#large
    this.#large = false
    const number = ++this.#pullNumber
    const batch = alone ? 1 : room
    this.#pulls.push({ number, left: batch })
    this.#ask(`${this.#inbox}.p.${number}`, {
      batch,
      expires: expiresMillis * nanos,
      idle_heartbeat: heartbeatMillis * nanos,
      ...(alone ? undefined : { max_bytes: bytes })
    })
  }

  #received(message: Message): void {
    this.#silent = 0
    // Nearly always a delivery, under the subject of its topic, which nobody has to decode.
    if (message.subjectBytes[0] !== this.#inbox.charCodeAt(0) || !message.subject.startsWith(this.#inbox)) {
      this.#delivered(message)
      return
    }
    const { subject } = message
    const token = subject.slice(this.#inbox.length + 1)
    const number = Number(token.slice(2))
    if (token.startsWith("a.")) this.#confirmed(number, message)
    else if (token.startsWith("k.")) this.#kept(message)
    else this.#status(number, message)
  }

  #confirmed(number: number, { data, header }: Message): void {
    // No responders: the consumer has no leader at the moment. The sweep sends it again.
    if (data.length === 0 && header !== undefined && statusOf(header).code === 503) return
    this.#acks.confirmed(number)
  }

  #kept({ header }: Message): void {
    if (header === undefined || statusOf(header).code !== 423 || this.#pin === "") return
    this.#lostPin()
    this.pull()
  }

  #status(number: number, { header }: Message): void {
    const { code, description } = header === undefined ? { code: 0, description: "" } : statusOf(header)
    // A sign of life.
    if (code === 100) return
    this.#pulls = this.#pulls.filter((pull) => pull.number !== number)
    if (code === 423 && this.#pin !== "") this.#lostPin()
    if (code === 409) {
      if (/exceeds maxbytes/i.test(description)) this.#large = true
      // An end in good order: the bytes that were asked for are there.
      else if (!/batch completed/i.test(description)) this.#resting = true
    } else if (code === 503) this.#resting = true
    if (code === 400) this.#owner.failed(`the server refused the pull: ${description}`)
    else this.pull()
  }

  #delivered({ data, headerLength, replyBytes, whole }: Message): void {
    const delivered = AckSubject.parse(replyBytes)
    if (delivered === undefined) return
    const first = this.#pulls[0]
    if (first !== undefined && --first.left <= 0) this.#pulls.shift()
    const { epoch, partition, topic } = this.place
    const offset = BigInt(delivered.sequence)
    const { headers, key, pin } = headerLength === 0 ? noHeaders : decodeRecord(whole, headerLength)
    const size = whole.length
    const entry: Held = {
      reply: replyBytes,
      sequence: delivered.sequence,
      size,
      touched: 0,
      record: {
        topic,
        partition,
        offset,
        epoch,
        attempt: delivered.attempt,
        timestamp: delivered.timestamp,
        key,
        headers,
        body: data
      }
    }
    if (pin !== undefined && this.place.priorityGroup !== undefined && pin !== this.#pin) {
      // Somebody else may have had it before, and hold deliveries.
      this.#pin = pin
      this.takingOver = true
    }
    this.#accept(entry)
    this.pull()
    if (this.takingOver) this.#owner.waiting()
    else this.#owner.arrived()
  }

  #accept(entry: Held): void {
    const { sequence } = entry
    // A redelivery: what is in the buffer takes its place, what was handed out is handed out again.
    const waiting = entry.record.attempt > 1 ? this.buffer.findIndex((other) => other.sequence === sequence) : -1
    if (waiting >= 0) {
      this.#bytes += entry.size - this.buffer[waiting]!.size
      this.buffer[waiting] = entry
      return
    }
    const before = this.held.get(sequence)
    if (before !== undefined) {
      this.held.delete(sequence)
      this.heldBytes -= before.size
      this.#bytes -= before.size
    }
    this.#bytes += entry.size
    this.buffer.push(entry)
  }
}
