/**
 * Asks the stream which records it has: a message with the same `Nats-Msg-Id`, without a body, under a condition that
 * never holds. "Duplicate" says that it is stored, "wrong last sequence" that it is not, "in process" (10158) that a leader
 * which has lost its followers has it and can store it neither now nor surely later: asked again.
 */
import { publishRefusal } from "./classify.ts"
import type { Outcome } from "./core.ts"
import { encode, headerBytes, messageIdLine } from "./headers.ts"
import { type Entry, type LaneContext, settle } from "./ingest.ts"
import * as Outcomes from "./outcome.ts"
import type * as PubAck from "./pubAck.ts"

/** Milliseconds before what is in process is asked for again. */
const pause = 100

/** No stream has so many messages. */
const never = "Nats-Expected-Last-Sequence: 9007199254740991\r\n"

const wrongLastSequence = new Set([10071, 10164])
const inProcess = 10158

const noBody = new Uint8Array(0)

/** What an answer brings: all are known, or none can be any more. */
export type Found =
  | { readonly _tag: "Absent"; readonly entries: ReadonlyArray<Entry> }
  | { readonly _tag: "Failed"; readonly outcome: Outcome }

export interface ProbeFields {
  readonly shared: Pick<LaneContext, "client" | "inbox" | "nobody" | "later" | "outbound">
  readonly topic: string
  readonly subjectOf: (entry: Entry) => string
  /** A token for a question, and its end. */
  readonly name: () => string
  readonly forget: (name: string) => void
  /** What follows the token in a reply subject. */
  readonly suffix: string
}

export class Probes {
  readonly #fields: ProbeFields
  /** By the token of the question. */
  readonly #open = new Map<string, Entry>()
  /** What is asked for and not known to be stored, in order. */
  #asked: ReadonlyArray<Entry> = []
  readonly #absent = new Set<Entry>()

  constructor(fields: ProbeFields) {
    this.#fields = fields
  }

  get entries(): ReadonlyArray<Entry> {
    return this.#asked
  }

  /** Only where nothing is being asked for. */
  ask(entries: ReadonlyArray<Entry>): void {
    this.#asked = entries
    for (const entry of entries) this.#ask(entry)
  }

  /** What nobody has answered yet. */
  askAgain(): void {
    const unanswered = [...this.#open]
    for (const [name, entry] of unanswered) {
      this.#close(name)
      this.#ask(entry)
    }
  }

  /** Whether the answer is to an open question. Group acknowledgements come for what is in process, too. */
  awaits(name: string, ack: PubAck.PubAck): boolean {
    return this.#open.has(name) && ack._tag !== "Flow"
  }

  /** Settles what is stored; tells when the rest is known. */
  answered(name: string, ack: PubAck.PubAck): Found | undefined {
    const entry = this.#open.get(name)
    if (entry === undefined) return undefined
    this.#close(name)
    if (ack._tag === "Ack" && ack.duplicate && ack.sequence > 0) {
      this.#asked = this.#asked.filter((other) => other !== entry)
      settle(entry, Outcomes.duplicateOf(ack.sequence))
      return this.#found()
    }
    if (ack._tag === "Error" && wrongLastSequence.has(ack.error.errCode)) {
      this.#absent.add(entry)
      return this.#found()
    }
    if (ack._tag === "Error" && ack.error.errCode === inProcess) {
      // It may be stored yet, or never.
      this.#fields.shared.later(pause, () => {
        if (this.#asked.includes(entry)) this.#ask(entry)
      })
      return undefined
    }
    return { _tag: "Failed", outcome: this.#failure(entry, ack) }
  }

  /** Asks for nothing any more; returns what is not known. */
  drop(): ReadonlyArray<Entry> {
    for (const name of this.#open.keys()) this.#close(name)
    const asked = this.#asked
    this.#asked = []
    this.#absent.clear()
    return asked
  }

  #found(): Found | undefined {
    if (this.#absent.size < this.#asked.length) return undefined
    return { _tag: "Absent", entries: this.drop() }
  }

  #failure({ record }: Entry, ack: PubAck.PubAck): Outcome {
    const { shared, topic } = this.#fields
    // What this attempt has sent is a question: it stored nothing. What earlier ones did, core remembers.
    if (ack._tag === "NoResponders") return shared.nobody(topic)
    return Outcomes.ambiguous(
      ack._tag === "Error"
        ? publishRefusal(ack.error, { topic, bytes: record.size, limit: shared.client.maxPayload })
        : Outcomes.notConnected("the answer for the stream cannot be read")
    )
  }

  #ask(entry: Entry): void {
    const { name, shared, subjectOf, suffix, topic } = this.#fields
    const token = name()
    this.#open.set(token, entry)
    const headers = encode([], `${messageIdLine(topic, entry.record.eventId)}${never}`)
    const length = headerBytes(headers)
    shared.client.publish(subjectOf(entry), `${shared.inbox}${token}${suffix}`, headers, length, noBody)
    shared.outbound.sent(length)
  }

  #close(name: string): void {
    this.#open.delete(name)
    this.#fields.forget(name)
  }
}
