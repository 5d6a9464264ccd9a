import type { InboundRecord } from "@effect-eventbus/core/Broker"
import type { FetchedRecord } from "./engine.ts"
import { Frontier } from "./frontier.ts"

/** One partition under one assignment of this member. What belongs to it dies with it. */
export class Share {
  readonly partition: number
  readonly epoch: number
  readonly frontier: Frontier
  /** What the group has committed, as far as this member knows. */
  committed: bigint | undefined
  /** On its way out: nothing more of it is handed out. */
  revoking = false
  released = false
  /** Handed out and not settled. */
  held = 0
  heldBytes = 0
  bufferedBytes = 0
  /** Since when its topic is not known to the broker, in milliseconds. */
  missingSince: number | undefined
  /**
   * Most records from the commit frontier to the last one that was handed out. Behind a record that takes for ever no more
   * is handed out than this, so that what comes again after a crash, and what is remembered for it, stay bounded.
   */
  readonly window: number
  #buffer: Array<FetchedRecord> = []
  #head = 0

  constructor(
    partition: number,
    epoch: number,
    position: bigint,
    committed: bigint | undefined,
    window = Number.POSITIVE_INFINITY
  ) {
    this.window = window
    this.partition = partition
    this.epoch = epoch
    this.frontier = new Frontier(position)
    this.committed = committed
  }

  get buffered(): number {
    return this.#buffer.length - this.#head
  }

  /** Something of it is settled and not committed. */
  get dirty(): boolean {
    return this.frontier.committable !== this.committed
  }

  add(records: ReadonlyArray<FetchedRecord>, next: bigint): void {
    if (this.#head > 0 && this.#head === this.#buffer.length) {
      this.#buffer = []
      this.#head = 0
    }
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      this.frontier.observe(record.offset, record.size)
      this.bufferedBytes += record.size
      this.#buffer.push(record)
    }
    this.frontier.skipTo(next)
  }

  /** Size of the record that comes next, or -1. */
  nextSize(): number {
    return this.revoking || this.#head >= this.#buffer.length || this.frontier.span >= this.window
      ? -1
      : this.#buffer[this.#head]!.size
  }

  take(topic: string): InboundRecord {
    const record = this.#buffer[this.#head++]!
    if (this.#head >= 1024 && this.#head * 2 >= this.#buffer.length) {
      this.#buffer = this.#buffer.slice(this.#head)
      this.#head = 0
    }
    this.bufferedBytes -= record.size
    this.held++
    this.heldBytes += record.size
    this.frontier.handOut(record.offset)
    return {
      topic,
      partition: this.partition,
      offset: record.offset,
      epoch: this.epoch,
      // Kafka does not count.
      attempt: 1,
      timestamp: record.timestamp,
      key: record.key,
      headers: record.headers,
      body: record.body
    }
  }

  /** False where it is not in anybody's hands. */
  settle(offset: bigint): boolean {
    const size = this.frontier.settle(offset)
    if (size < 0) return false
    this.held--
    this.heldBytes -= size
    return true
  }

  /** Gives up what was fetched ahead. */
  drop(): void {
    this.revoking = true
    this.#buffer = []
    this.#head = 0
    this.bufferedBytes = 0
  }
}
