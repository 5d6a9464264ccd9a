/**
 * A group's position in one partition: what is settled, what is in somebody's hands, what has to be delivered again.
 *
 * Below `committed` everything is settled. From there to `next` each offset has a slot in a ring: an {@link Unsettled}
 * entry, or nothing once it is settled. From `next` on nothing has been delivered. `committed` moves only over settled
 * slots, so that it never passes a gap.
 *
 * Entries in somebody's hands form a list in the order in which they were last touched (delivered, or heard of by a
 * heartbeat): the ack wait is the same for all, so the first of the list is the first to expire, and no timer per record
 * is needed. Expired entries wait in a heap to be delivered again in offset order.
 */
import { Chain, type Link } from "../chain.ts"
import { Heap } from "../heap.ts"

const held = 0
const due = 1

class Unsettled implements Link<Unsettled> {
  offset = 0
  size = 0
  /** Deliveries so far. */
  attempt = 0
  touched = 0
  state = held
  before: Unsettled | undefined = undefined
  after: Unsettled | undefined = undefined
  chained = false
  /** The next spare one. */
  spare: Unsettled | undefined = undefined
}

/** Spare entries kept per window, so that a steady flow allocates none. */
const maxSpare = 4096

export class PartitionWindow {
  /** First offset not settled. */
  committed: number
  /** First offset never delivered. */
  next: number
  /** Bytes of the records that are delivered and neither settled nor expired. */
  heldBytes = 0
  /** Settled offsets above `committed`. */
  settledAbove = 0

  private slots: Array<Unsettled | undefined> = new Array<Unsettled | undefined>(16).fill(undefined)
  private readonly due = new Heap<number>((self, that) => self < that)
  private readonly inHands = new Chain<Unsettled>()
  private spare: Unsettled | undefined = undefined
  private spares = 0

  constructor(position: number) {
    this.committed = position
    this.next = position
  }

  /** Records delivered and neither settled nor expired. */
  get heldCount(): number {
    return this.inHands.size
  }

  /** The next record that was never delivered is now in somebody's hands. */
  deliver(size: number, now: number): void {
    const offset = this.next
    this.reserve(offset + 1)
    const entry = this.acquire()
    entry.offset = offset
    entry.size = size
    entry.attempt = 1
    this.slots[offset & (this.slots.length - 1)] = entry
    this.next = offset + 1
    this.hold(entry, now)
  }

  /** The lowest offset that has to be delivered again, or -1. */
  nextDue(): number {
    for (;;) {
      const offset = this.due.peek()
      if (offset === undefined) return -1
      const entry = this.entryAt(offset)
      if (entry !== undefined && entry.state === due) return offset
      // Settled after it had expired: the late settlement won.
      this.due.pop()
    }
  }

  /** The record that {@link nextDue} named is in somebody's hands again. Returns its attempt. */
  redeliver(now: number): number {
    const entry = this.entryAt(this.due.pop()!)!
    entry.attempt++
    this.hold(entry, now)
    return entry.attempt
  }

  /** False if it was settled before, or never delivered. */
  settle(offset: number): boolean {
    const entry = this.entryAt(offset)
    if (entry === undefined) return false
    if (entry.state === held) this.letGo(entry)
    this.release(entry)
    this.slots[offset & (this.slots.length - 1)] = undefined
    if (offset !== this.committed) {
      this.settledAbove++
      return true
    }
    this.committed++
    this.advance()
    return true
  }

  /** Starts the ack wait of one record again. Without effect once it has expired. */
  touch(offset: number, now: number): void {
    const entry = this.entryAt(offset)
    if (entry === undefined || entry.state !== held) return
    this.letGo(entry)
    this.hold(entry, now)
  }

  /** Takes what was last touched at `before` or earlier out of its holder's hands, and returns how many these were. */
  expire(before: number): number {
    let expired = 0
    for (let entry = this.inHands.first; entry !== undefined && entry.touched <= before; entry = this.inHands.first) {
      this.giveUp(entry)
      expired++
    }
    return expired
  }

  /** Takes everything out of its holder's hands: the next owner gets it first. */
  giveUpAll(): void {
    for (const entry of this.inHands) this.giveUp(entry)
  }

  /** When the record was touched that is the first to expire, or `undefined` if nothing is in anybody's hands. */
  get oldestTouch(): number | undefined {
    return this.inHands.first?.touched
  }

  /** Forgets everything and goes on from `position`. */
  reset(position: number): void {
    for (const entry of this.inHands) {
      this.letGo(entry)
      this.release(entry)
    }
    this.due.clear()
    this.slots.fill(undefined)
    this.settledAbove = 0
    this.committed = position
    this.next = position
  }

  /**
   * Moves on to `start`, the earliest offset that retention has left, if the position is before it. What was not settled
   * below it is forgotten, also what is in somebody's hands. Returns how many records these were.
   */
  skipTo(start: number): number {
    if (start <= this.committed) return 0
    let skipped = 0
    for (let offset = this.committed; offset < start && offset < this.next; offset++) {
      if (this.settle(offset)) skipped++
    }
    if (this.next < start) {
      skipped += start - this.next
      this.next = start
      this.committed = start
    }
    return skipped
  }

  /** Records before `end` that are not settled. */
  lag(end: number): number {
    return end - this.committed - this.settledAbove
  }

  private entryAt(offset: number): Unsettled | undefined {
    return offset >= this.committed && offset < this.next ? this.slots[offset & (this.slots.length - 1)] : undefined
  }

  private advance(): void {
    const mask = this.slots.length - 1
    while (this.committed < this.next && this.slots[this.committed & mask] === undefined) {
      this.committed++
      this.settledAbove--
    }
  }

  /** Makes the ring large enough for the offsets from `committed` to `end`. */
  private reserve(end: number): void {
    const needed = end - this.committed
    if (needed <= this.slots.length) return
    let length = this.slots.length * 2
    while (length < needed) length *= 2
    const slots = new Array<Unsettled | undefined>(length).fill(undefined)
    for (let offset = this.committed; offset < this.next; offset++) {
      slots[offset & (length - 1)] = this.slots[offset & (this.slots.length - 1)]
    }
    this.slots = slots
  }

  private giveUp(entry: Unsettled): void {
    this.letGo(entry)
    entry.state = due
    this.due.push(entry.offset)
  }

  private hold(entry: Unsettled, now: number): void {
    entry.state = held
    entry.touched = now
    this.inHands.add(entry)
    this.heldBytes += entry.size
  }

  private letGo(entry: Unsettled): void {
    this.inHands.delete(entry)
    this.heldBytes -= entry.size
  }

  private acquire(): Unsettled {
    const entry = this.spare
    if (entry === undefined) return new Unsettled()
    this.spare = entry.spare
    entry.spare = undefined
    this.spares--
    return entry
  }

  private release(entry: Unsettled): void {
    if (this.spares >= maxSpare) return
    entry.spare = this.spare
    this.spare = entry
    this.spares++
  }
}
