import { assert, describe, it } from "@effect/vitest"
import { make as makeCounters } from "../../src/internal/memory/counters.ts"
import { infoOf } from "../../src/internal/memory/drift.ts"
import { Group, type Handover, type Member } from "../../src/internal/memory/group.ts"
import { Topic } from "../../src/internal/memory/topic.ts"
import { record, topicSpec } from "../fixtures/batch.ts"

interface TestMember extends Member {
  readonly revocations: ReadonlyArray<Handover>
  readonly changes: number
  readonly wakes: number
}

const member = (): TestMember => {
  const revocations: Array<Handover> = []
  return {
    revocations,
    changes: 0,
    wakes: 0,
    reassigned() {
      Object.assign(this, { changes: this.changes + 1 })
    },
    revoked(handover) {
      revocations.push(handover)
    },
    wake() {
      Object.assign(this, { wakes: this.wakes + 1 })
    }
  }
}

const groupOf = (partitions: number, retention = {}): Group => {
  const limits = { maxRecords: 1000, maxBytes: 1_000_000, maxRecordBytes: 1000, maxDedupeIds: 1000 }
  const topic = new Topic(infoOf(topicSpec("orders", { partitions, retention })), limits, makeCounters())
  return new Group("g", topic, Array.from({ length: partitions }, () => 0))
}

const assigned = (group: Group, one: Member): string =>
  group.assignmentOf(one).map(({ epoch, partition }) => `${partition}@${epoch}`).join(" ")

describe("Group", () => {
  it("gives everything to the first member", () => {
    const group = groupOf(3)
    const a = member()
    group.join(a)
    assert.strictEqual(assigned(group, a), "0@1 1@1 2@1")
    assert.deepStrictEqual([a.changes, group.topic.counters.rebalances], [1, 1])
  })

  it("asks the old owner, and hands over when it has released", () => {
    const group = groupOf(2)
    const [a, b] = [member(), member()]
    group.join(a)
    group.join(b)
    assert.strictEqual(assigned(group, a), "0@1 1@1")
    assert.strictEqual(assigned(group, b), "")
    assert.strictEqual(a.revocations.length, 1)
    const [handover] = a.revocations
    assert.strictEqual(handover!.share.partition, 1)
    assert.isTrue(group.release(handover!))
    assert.strictEqual(assigned(group, a), "0@1")
    assert.strictEqual(assigned(group, b), "1@2")
    assert.isFalse(group.release(handover!))
    assert.strictEqual(assigned(group, b), "1@2")
  })

  it("settlements count until the release, and not after it", () => {
    const group = groupOf(2)
    const [a, b] = [member(), member()]
    group.join(a)
    group.join(b)
    assert.isDefined(group.shareFor(a, 1, 1))
    group.release(a.revocations[0]!)
    assert.isUndefined(group.shareFor(a, 1, 1))
    assert.isUndefined(group.shareFor(b, 1, 1))
    assert.isDefined(group.shareFor(b, 1, 2))
  })

  it("what the old owner has not settled is due for the new one", () => {
    const group = groupOf(2)
    const [a, b] = [member(), member()]
    group.join(a)
    const { window } = group.shares[1]!
    window.deliver(1, 0)
    window.deliver(1, 0)
    window.settle(0)
    group.join(b)
    assert.strictEqual(window.nextDue(), -1)
    group.release(a.revocations[0]!)
    assert.strictEqual(window.nextDue(), 1)
  })

  it("a member that leaves loses everything at once, also what was on its way to another", () => {
    const group = groupOf(4)
    const [a, b] = [member(), member()]
    group.join(a)
    group.join(b)
    assert.strictEqual(a.revocations.length, 2)
    group.leave(a)
    assert.strictEqual(assigned(group, b), "0@2 1@2 2@2 3@2")
    assert.isFalse(group.release(a.revocations[0]!))
  })

  it("a handover finds another new owner when its own leaves", () => {
    const group = groupOf(2)
    const [a, b, c] = [member(), member(), member()]
    group.join(a)
    group.join(b)
    group.join(c)
    group.leave(b)
    group.release(a.revocations[0]!)
    assert.strictEqual(assigned(group, c), "1@2")
    // And the old owner itself, when nobody else is left.
    const other = groupOf(2)
    other.join(a)
    other.join(b)
    other.leave(b)
    other.release(a.revocations.at(-1)!)
    assert.strictEqual(assigned(other, a), "0@1 1@2")
  })

  it("members beyond the partitions wait, and take over", () => {
    const group = groupOf(1)
    const [a, b] = [member(), member()]
    group.join(a)
    group.join(b)
    assert.strictEqual(assigned(group, b), "")
    assert.strictEqual(group.topic.counters.rebalances, 1)
    group.leave(a)
    assert.strictEqual(assigned(group, b), "0@2")
  })

  it("seek ends the epoch and forgets what was unsettled", () => {
    const group = groupOf(1)
    const a = member()
    group.join(a)
    const share = group.shares[0]!
    share.window.deliver(1, 0)
    group.seek(share, 0)
    assert.isUndefined(group.shareFor(a, 0, 1))
    assert.strictEqual(assigned(group, a), "0@2")
    assert.strictEqual(share.window.nextDue(), -1)
    assert.strictEqual(share.window.next, 0)
  })

  it("follows retention and counts what it will never see", () => {
    const group = groupOf(1, { count: 2 })
    for (let i = 0; i < 5; i++) group.topic.store(record(`e${i}`), 0)
    assert.strictEqual(group.windowOf(0).committed, 3)
    assert.strictEqual(group.topic.counters.skipped, 3)
  })
})
