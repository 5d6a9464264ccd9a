/**
 * A consumer group of one topic: its positions, its members, and which member has which partition. A pure state machine;
 * members are told what happened through {@link Member}, whose methods must not resume fibers on the caller's stack.
 *
 * A partition goes from one live member to another in four steps:
 * 1. the rebalance marks it with a `handover` and tells the old owner (`revoked`), which is still the owner: it may
 *    settle, and gets nothing new;
 * 2. the old owner finishes what runs and releases it, or its deadline passes, or it leaves;
 * 3. what it has not settled is due for delivery again, ahead of everything newer;
 * 4. the new owner gets it under a higher epoch, so that late settlements of the old one are recognised.
 *
 * Another rebalance between 1 and 4 only changes who the new owner will be.
 */
import type { Assignment } from "../../Broker.ts"
import { assign } from "./assign.ts"
import type { Topic } from "./topic.ts"
import { PartitionWindow } from "./window.ts"

/** The side of a consumer that its group talks to. */
export interface Member {
  /** The set of partitions or their epochs have changed. */
  reassigned(): void
  /** Another member wants it: release it within the handover time. */
  revoked(handover: Handover): void
  /** There may be something to deliver. */
  wake(): void
}

/** A partition on its way from one member to another. */
export interface Handover {
  readonly share: Share
  readonly from: Member
  to: Member | undefined
}

/** One partition as a group has it. */
export class Share {
  readonly partition: number
  readonly window: PartitionWindow
  /** Rises with each assignment and each seek. */
  epoch = 0
  owner: Member | undefined = undefined
  handover: Handover | undefined = undefined

  constructor(partition: number, position: number) {
    this.partition = partition
    this.window = new PartitionWindow(position)
  }
}

export class Group {
  readonly name: string
  readonly topic: Topic
  readonly shares: ReadonlyArray<Share>
  /** In the order in which they joined. */
  members: ReadonlyArray<Member> = []

  /** `positions[p]` is where partition `p` starts: committed from now on. */
  constructor(name: string, topic: Topic, positions: ReadonlyArray<number>) {
    this.name = name
    this.topic = topic
    this.shares = positions.map((position, partition) => new Share(partition, position))
  }

  join(member: Member): void {
    this.members = [...this.members, member]
    this.rebalance()
  }

  leave(member: Member): void {
    this.members = this.members.filter((other) => other !== member)
    for (const share of this.shares) {
      if (share.owner === member) this.free(share)
    }
    this.rebalance()
  }

  /** The old owner has let go of it, or has had its time. Without effect if this handover is over. */
  release(handover: Handover): boolean {
    const { share } = handover
    if (share.handover !== handover) return false
    const { from, to } = handover
    this.free(share)
    from.reassigned()
    if (to !== undefined) {
      this.give(share, to)
      to.reassigned()
    }
    return true
  }

  /** What `member` has, ascending. */
  sharesOf(member: Member): ReadonlyArray<Share> {
    return this.shares.filter((share) => share.owner === member)
  }

  assignmentOf(member: Member): ReadonlyArray<Assignment> {
    return this.sharesOf(member).map(({ epoch, partition }) => ({ partition, epoch }))
  }

  /** The share under which a record was delivered to `member`, if that assignment still holds. */
  shareFor(member: Member, partition: number, epoch: number): Share | undefined {
    const share = this.shares[partition]
    return share !== undefined && share.owner === member && share.epoch === epoch ? share : undefined
  }

  /** A record has been stored in this partition. */
  appended(partition: number): void {
    this.shares[partition]!.owner?.wake()
  }

  /** Goes on from `position`, under a new epoch. */
  seek(share: Share, position: number): void {
    share.window.reset(position)
    share.epoch++
  }

  /** The position in a partition, as far as retention has left it: what is gone cannot be delivered any more. */
  windowOf(partition: number): PartitionWindow {
    const { window } = this.shares[partition]!
    const { start } = this.topic.logs[partition]!
    if (window.committed < start) this.topic.counters.skipped += window.skipTo(start)
    return window
  }

  private rebalance(): void {
    const targets = assign(
      this.members,
      this.shares.map((share) => share.handover === undefined ? share.owner : share.handover.to)
    )
    const changed = new Set<Member>()
    const revoked: Array<Handover> = []
    let moved = false
    this.shares.forEach((share, partition) => {
      const target = targets[partition]
      if (share.handover !== undefined) {
        if (share.handover.to !== target) moved = true
        share.handover.to = target
      } else if (share.owner === undefined) {
        if (target === undefined) return
        this.give(share, target)
        changed.add(target)
        moved = true
      } else if (share.owner !== target) {
        share.handover = { share, from: share.owner, to: target }
        revoked.push(share.handover)
        moved = true
      }
    })
    if (moved) this.topic.counters.rebalances++
    // Told at the end: what they see is the whole new state.
    for (const member of changed) member.reassigned()
    for (const handover of revoked) handover.from.revoked(handover)
  }

  private give(share: Share, member: Member): void {
    share.owner = member
    share.epoch++
  }

  private free(share: Share): void {
    share.window.giveUpAll()
    share.owner = undefined
    share.handover = undefined
  }
}
