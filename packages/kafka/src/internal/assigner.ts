/**
 * Who reads what in a group under the classic protocol, when this client leads it: the partitions of each topic in turn
 * to the members that subscribe to it. Members of one group may subscribe to different topics.
 */
export interface MemberSubscription {
  readonly memberId: string
  readonly topics: ReadonlyArray<string>
}

export type Assigned = Map<string, Map<string, Array<number>>>

export const assign = (
  members: ReadonlyArray<MemberSubscription>,
  partitionsOf: (topic: string) => number
): Assigned => {
  const out: Assigned = new Map()
  const ordered = members.toSorted((a, b) => a.memberId < b.memberId ? -1 : 1)
  for (const { memberId } of ordered) out.set(memberId, new Map())
  const topics = [...new Set(ordered.flatMap((member) => member.topics))].toSorted()
  const load = new Map<string, number>()
  for (const topic of topics) {
    const readers = ordered.filter((member) => member.topics.includes(topic))
      .toSorted((a, b) => (load.get(a.memberId) ?? 0) - (load.get(b.memberId) ?? 0))
    const count = partitionsOf(topic)
    for (let partition = 0; partition < count; partition++) {
      const { memberId } = readers[partition % readers.length]!
      const own = out.get(memberId)
      const partitions = own?.get(topic)
      if (partitions === undefined) own?.set(topic, [partition])
      else partitions.push(partition)
      load.set(memberId, (load.get(memberId) ?? 0) + 1)
    }
  }
  return out
}
