/**
 * What a member holds: its partitions, and of each what is fetched ahead and what is in somebody's hands.
 */
import type { Assignment, ConsumerOptions, InboundRecord } from "@effect-eventbus/core/Broker"
import { Share } from "./share.ts"

export class Holdings {
  readonly #options: ConsumerOptions
  #shares = new Map<number, Share>()
  #epoch = 0
  #turn = 0

  constructor(options: ConsumerOptions) {
    this.#options = options
  }

  get(partition: number): Share | undefined {
    return this.#shares.get(partition)
  }

  all(): ReadonlyArray<Share> {
    return [...this.#shares.values()]
  }

  /** Whether this assignment of its partition is the present one. */
  holds(share: Share): boolean {
    return this.#shares.get(share.partition) === share
  }

  get assignments(): ReadonlyArray<Assignment> {
    return this.all().filter(({ revoking }) => !revoking).map(({ epoch, partition }) => ({ partition, epoch }))
  }

  /** These partitions and no others; one that is held already goes on as it is. */
  assign(partitions: ReadonlyArray<number>, positions: ReadonlyMap<number, bigint>): void {
    const before = this.#shares
    this.#shares = new Map()
    for (const partition of partitions) {
      const kept = before.get(partition)
      const position = positions.get(partition)
      if (kept !== undefined && !kept.revoking) this.#shares.set(partition, kept)
      else if (position !== undefined) this.open(partition, position, position)
    }
  }

  /** A new epoch of the partition. */
  open(partition: number, position: bigint, committed: bigint | undefined): void {
    const { maxInFlight } = this.#options
    this.#shares.set(partition, new Share(partition, ++this.#epoch, position, committed, maxInFlight))
  }

  close(shares: ReadonlyArray<Share>): void {
    for (const share of shares) if (this.holds(share)) this.#shares.delete(share.partition)
  }

  dirty(): ReadonlyArray<Share> {
    return this.all().filter((share) => share.dirty)
  }

  #held(): number {
    let held = 0
    for (const share of this.#shares.values()) held += share.held
    return held
  }

  #heldBytes(): number {
    let bytes = 0
    for (const share of this.#shares.values()) bytes += share.heldBytes
    return bytes
  }

  /** Would `take` return anything? */
  ready(): boolean {
    const { maxInFlight, maxInFlightBytes } = this.#options
    if (this.#held() >= maxInFlight) return false
    const bytes = this.#heldBytes()
    for (const share of this.#shares.values()) {
      const size = share.nextSize()
      if (size >= 0 && (bytes === 0 || bytes + size <= maxInFlightBytes)) return true
    }
    return false
  }

  take(max: number): ReadonlyArray<InboundRecord> {
    const { maxInFlight, maxInFlightBytes, topic } = this.#options
    const taken: Array<InboundRecord> = []
    const shares = this.all()
    let room = Math.min(Math.max(1, Math.floor(max)), maxInFlight - this.#held())
    let bytes = this.#heldBytes()
    if (room <= 0 || shares.length === 0) return taken
    // A partition gives a part of the chunk at a time, so that a long backlog in one leaves room for the others.
    const quantum = Math.max(1, Math.floor(room / shares.length))
    let idle = 0
    while (room > 0 && idle < shares.length) {
      const share = shares[this.#turn % shares.length]!
      this.#turn = (this.#turn + 1) % shares.length
      let count = 0
      while (count < quantum && room > 0) {
        const size = share.nextSize()
        // One record may be larger than the bound: it goes out alone.
        if (size < 0 || (bytes > 0 && bytes + size > maxInFlightBytes)) break
        taken.push(share.take(topic.name))
        bytes += size
        room--
        count++
      }
      idle = count === 0 ? idle + 1 : 0
    }
    return taken
  }

  /** How many of these were settled; the others are of an assignment that has ended, or in nobody's hands. */
  settle(records: ReadonlyArray<InboundRecord>): number {
    const topic = this.#options.topic.name
    let settled = 0
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      const share = this.#shares.get(record.partition)
      if (share?.epoch === record.epoch && record.topic === topic && share.settle(record.offset)) settled++
    }
    return settled
  }
}
