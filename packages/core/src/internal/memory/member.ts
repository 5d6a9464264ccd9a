/**
 * The broker's end of one consumer: what it may be given, what it has, and when that expires.
 *
 * A record is in a member's hands from the moment in which `take` returned it until it is settled, until its ack wait
 * has passed without a heartbeat, or until its partition has gone to another member. One timer per member watches the
 * record that expires first; it is set while something is held, so that an idle consumer has none.
 */
import type { SubscriptionRef } from "effect"
import type { Assignment, ConsumerOptions, InboundRecord, StartPosition } from "../../Broker.ts"
import { type Attached, type Connection, publishLater } from "./connection.ts"
import type { Group, Handover, Member, Share } from "./group.ts"
import { resolve, type Resolved } from "./position.ts"
import { Revocations } from "./revocations.ts"
import type { Timer } from "./timekeeper.ts"
import { Waiters } from "./waiters.ts"

export class MemberState implements Member, Attached {
  readonly group: Group
  readonly revocations: Revocations
  readonly arrivals: Waiters
  readonly assignment: SubscriptionRef.SubscriptionRef<ReadonlyArray<Assignment>>
  closed = false

  private readonly maxInFlight: number
  private readonly connection: Connection
  private readonly options: ConsumerOptions
  private shares: ReadonlyArray<Share> = []
  /** Whose turn it is when the next records are taken. */
  private turn = 0
  private ackTimer: Timer | undefined = undefined
  private readonly handoverTimers = new Map<Handover, Timer>()
  /** What the client has to say and cannot while it is disconnected: settlements and releases, in order. */
  private outbox: Array<() => void> = []
  /** How subscribers of the assignment are told. Directly while there cannot be any: until this is constructed. */
  private tell = (task: () => void): void => task()

  constructor(
    connection: Connection,
    group: Group,
    options: ConsumerOptions,
    assignment: SubscriptionRef.SubscriptionRef<ReadonlyArray<Assignment>>
  ) {
    this.connection = connection
    this.group = group
    this.options = options
    this.maxInFlight = Math.max(1, Math.floor(options.maxInFlight))
    this.assignment = assignment
    this.arrivals = new Waiters(connection.schedule)
    this.revocations = new Revocations(connection.schedule, () => connection.timers.now(), () => connection.connected)
    connection.attach(this)
    group.join(this)
    this.tell = connection.schedule
  }

  /** At most `max` records for this member: in offset order within a partition, partitions in turn. */
  take(max: number): Array<InboundRecord> {
    const taken: Array<InboundRecord> = []
    const { shares } = this
    if (!this.connection.connected || shares.length === 0) return taken
    this.group.topic.evictExpired(this.connection.wall())
    let room = Math.min(Math.max(1, Math.floor(max)), this.maxInFlight - this.heldCount())
    if (room <= 0) return taken
    let bytes = this.heldBytes()
    const now = this.connection.timers.now()
    // A partition gives a part of the chunk at a time, so that a long backlog in one leaves room for the others.
    const quantum = Math.max(1, Math.floor(room / shares.length))
    let idle = 0
    while (room > 0 && idle < shares.length) {
      const share = shares[this.turn % shares.length]!
      const before = taken.length
      bytes = this.takeFrom(share, taken, Math.min(quantum, room), bytes, now)
      if (bytes < 0) break
      this.turn = (this.turn + 1) % shares.length
      idle = taken.length === before ? idle + 1 : 0
      room -= taken.length - before
    }
    if (taken.length > 0) this.watch()
    return taken
  }

  /** Would `take` return anything? It must not say yes where `take` says no, or a poll would spin. */
  readonly ready = (): boolean => {
    if (this.closed) return true
    if (!this.connection.connected || this.heldCount() >= this.maxInFlight) return false
    this.group.topic.evictExpired(this.connection.wall())
    for (let i = 0; i < this.shares.length; i++) {
      const size = this.nextSize(this.shares[(this.turn + i) % this.shares.length]!)
      if (size === -1) continue
      const bytes = this.heldBytes()
      return bytes === 0 || bytes + size <= this.options.maxInFlightBytes
    }
    return false
  }

  settle(records: ReadonlyArray<InboundRecord>): void {
    if (records.length > 0) this.say(() => this.apply(records))
  }

  /** Has every settlement reached the broker? What waits for the connection when the member is closed never will. */
  readonly flushed = (): boolean => this.outbox.length === 0

  heartbeat(records: ReadonlyArray<InboundRecord>): void {
    if (!this.connection.connected) return
    const now = this.connection.timers.now()
    for (const { epoch, offset, partition } of records) {
      const share = this.group.shareFor(this, partition, epoch)
      if (share === undefined) this.group.topic.counters.staleSettles++
      else share.window.touch(Number(offset), now)
    }
  }

  /** Moves every partition of this member, or none: the first position that is out of range is returned. */
  seek(position: StartPosition): Resolved {
    const resolved = resolve(this.group.topic, position, this.shares.map(({ partition }) => partition))
    if (resolved._tag === "OutOfRange") return resolved
    this.shares.forEach((share, index) => this.group.seek(share, resolved.positions[index]!))
    this.reassigned()
    return resolved
  }

  reassigned(): void {
    this.shares = this.group.sharesOf(this)
    for (const [handover, timer] of this.handoverTimers) {
      if (handover.share.handover === handover) continue
      // Forced while this member was away: it is told when it is back, or it would go on with what it held.
      if (handover.share.owner !== this) this.revocations.overdue(handover)
      else this.revocations.remove(handover)
      this.endHandover(handover, timer)
    }
    this.announce()
    this.arrivals.wake()
  }

  revoked(handover: Handover): void {
    const millis = this.connection.options.handoverTimeoutMillis
    const { share } = handover
    // The timer is this side's: if this client disappears, so does the member, and the handover is over anyway.
    this.handoverTimers.set(
      handover,
      this.connection.timers.after(millis, () => {
        if (this.group.release(handover)) this.group.topic.counters.handoverTimeouts++
      })
    )
    this.revocations.add(handover, {
      partition: share.partition,
      epoch: share.epoch,
      // Some of the time is for cutting off what does not end by itself: the partition must be in nobody's hands then.
      deadlineMillis: millis * 0.8
    }, () =>
      this.say(() => {
        this.group.release(handover)
      }))
  }

  wake(): void {
    this.arrivals.wake()
  }

  disconnected(): void {}

  reconnected(): void {
    const { outbox } = this
    this.outbox = []
    for (const say of outbox) say()
    this.announce()
    this.revocations.wake()
    this.arrivals.wake()
  }

  /** Leaves the group at once: the next owners get what is not settled. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.connection.detach(this)
    this.group.leave(this)
    this.shares = []
    if (this.ackTimer !== undefined) this.connection.timers.cancel(this.ackTimer)
    for (const [handover, timer] of this.handoverTimers) this.endHandover(handover, timer)
    this.revocations.end()
    this.arrivals.wake()
  }

  private say(message: () => void): void {
    if (this.connection.connected) message()
    else if (!this.closed) this.outbox.push(message)
  }

  /** Tells the client what it has; while it is disconnected it cannot know. */
  private announce(): void {
    if (this.closed || !this.connection.connected) return
    const assignment = this.group.assignmentOf(this)
    const { value } = this.assignment
    const same = value.length === assignment.length
      && value.every(({ epoch, partition }, i) =>
        epoch === assignment[i]!.epoch && partition === assignment[i]!.partition
      )
    if (!same) publishLater(this.assignment, assignment, this.tell)
  }

  private takeFrom(
    share: Share,
    taken: Array<InboundRecord>,
    quantum: number,
    bytes: number,
    now: number
  ): number {
    const { topic } = this.group
    const log = topic.logs[share.partition]!
    const { window } = share
    for (let i = 0; i < quantum; i++) {
      const size = this.nextSize(share)
      if (size === -1) return bytes
      // One record may be larger than the bound: it goes out alone.
      if (bytes > 0 && bytes + size > this.options.maxInFlightBytes) return -1
      bytes += size
      const again = window.nextDue()
      if (again === -1) {
        taken.push(log.read(topic.info.name, window.next, share.epoch, 1))
        window.deliver(size, now)
      } else {
        topic.counters.redelivered++
        taken.push(log.read(topic.info.name, again, share.epoch, window.redeliver(now)))
      }
    }
    return bytes
  }

  /** Size of the record that this partition would give next, or -1 if it gives none. */
  private nextSize(share: Share): number {
    // Its owner is on the way out: nothing new is started.
    if (share.handover !== undefined) return -1
    const window = this.group.windowOf(share.partition)
    const log = this.group.topic.logs[share.partition]!
    const again = window.nextDue()
    if (again !== -1) return log.sizeOf(again)
    return window.next < log.end ? log.sizeOf(window.next) : -1
  }

  private heldCount(): number {
    let count = 0
    for (const { window } of this.shares) count += window.heldCount
    return count
  }

  private heldBytes(): number {
    let bytes = 0
    for (const { window } of this.shares) bytes += window.heldBytes
    return bytes
  }

  private apply(records: ReadonlyArray<InboundRecord>): void {
    const { topic } = this.group
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!
      const share = this.group.shareFor(this, record.partition, record.epoch)
      if (share === undefined || record.topic !== topic.info.name) topic.counters.staleSettles++
      else share.window.settle(Number(record.offset))
    }
    // There may be room now.
    this.arrivals.wake()
  }

  private watch(): void {
    if (this.ackTimer !== undefined) return
    let oldest = Infinity
    for (const { window } of this.shares) oldest = Math.min(oldest, window.oldestTouch ?? Infinity)
    if (oldest === Infinity) return
    const { timers } = this.connection
    this.ackTimer = timers.after(oldest + this.options.ackWaitMillis - timers.now(), this.expire)
  }

  private readonly expire = (): void => {
    this.ackTimer = undefined
    // Sums of fractions of milliseconds are not exact: without the microsecond, a timer that is due a hair too early
    // would be set again for the same moment, for ever where a TestClock stands still.
    const before = this.connection.timers.now() - this.options.ackWaitMillis + 0.001
    let expired = 0
    for (const { window } of this.shares) expired += window.expire(before)
    this.watch()
    if (expired > 0) this.arrivals.wake()
  }

  private endHandover(handover: Handover, timer: Timer): void {
    this.connection.timers.cancel(timer)
    this.handoverTimers.delete(handover)
  }
}
