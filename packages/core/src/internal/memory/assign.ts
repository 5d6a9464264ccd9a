/**
 * Shares partitions between the members of a group: evenly (their numbers differ by one at most), deterministically
 * (by the order of the members and the partitions alone) and stickily (a partition moves only if it has to).
 *
 * `holders[p]` is the member that has partition `p` now, if any; one that is not in `members` counts as none.
 */
export const assign = <Member>(
  members: ReadonlyArray<Member>,
  holders: ReadonlyArray<Member | undefined>
): ReadonlyArray<Member | undefined> => {
  if (members.length === 0) return holders.map(() => undefined)
  const counts = new Map<Member, number>()
  for (const member of members) counts.set(member, 0)
  for (const holder of holders) {
    const count = holder === undefined ? undefined : counts.get(holder)
    if (holder !== undefined && count !== undefined) counts.set(holder, count + 1)
  }

  // Who already has most may have the extra partition: that moves fewest. The sort is stable: else the eldest first.
  const base = Math.floor(holders.length / members.length)
  const extra = holders.length % members.length
  const quotas = new Map<Member, number>()
  members.toSorted((self, that) => counts.get(that)! - counts.get(self)!).forEach((member, index) => {
    quotas.set(member, index < extra ? base + 1 : base)
  })

  const targets = holders.map((holder) => {
    const quota = holder === undefined ? undefined : quotas.get(holder)
    if (holder === undefined || quota === undefined || quota === 0) return undefined
    quotas.set(holder, quota - 1)
    return holder
  })
  let taker = 0
  return targets.map((target) => {
    if (target !== undefined) return target
    while (quotas.get(members[taker]!) === 0) taker++
    quotas.set(members[taker]!, quotas.get(members[taker]!)! - 1)
    return members[taker]
  })
}
