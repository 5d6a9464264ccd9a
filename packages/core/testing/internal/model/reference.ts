/**
 * The reference: what a bus over a broker may have stored and delivered, judged over the history of a script. Pure.
 *
 * A group's walk over an aggregate's stored events is a pointer. A handler may start with the event that the pointer is
 * at; success moves it on, and so does a dead letter. It goes back only after something that may lose settlements: a
 * crash, a lost connection, and, where the broker does not hand partitions over exactly or commits positions instead of
 * records, a change of members and a restart.
 */
import type { Entry } from "../../History.ts"
import type { Stored } from "../../ReadBack.ts"

/** Names of `Happened` entries. Their detail is a group's name, or absent where they concern all. */
export const disturbances: ReadonlySet<string> = new Set(["crash", "cut", "leave while cut"])

export interface Judged {
  readonly entries: ReadonlyArray<Entry>
  readonly stored: ReadonlyArray<Stored>
  /** `Happened` entries after which a group may go back. */
  readonly disturbances: ReadonlySet<string>
  /** Failures after which an event is dead-lettered. */
  readonly tries: number
}

interface Walk {
  readonly positions: ReadonlyArray<Stored>
  head: number
  /** How often it may still go back. */
  returns: number
}

type Started = Extract<Entry, { readonly _tag: "Started" }>

const place = ({ offset, partition }: { readonly partition: number; readonly offset: bigint }): string =>
  `${partition}/${offset}`

class GroupWalk {
  readonly group: string
  private readonly walks = new Map<string, Walk>()
  private readonly dead: ReadonlySet<string>
  private readonly failures = new Map<string, number>()
  readonly problems: Array<string> = []

  constructor(group: string, judged: Judged) {
    this.group = group
    this.dead = new Set(
      judged.entries.flatMap((entry) => entry._tag === "DeadLettered" && entry.group === group ? [place(entry)] : [])
    )
    for (const record of judged.stored) {
      const key = record.aggregateId ?? ""
      const known = this.walks.get(key)
      if (known === undefined) this.walks.set(key, { positions: [record], head: 0, returns: 0 })
      else this.walks.set(key, { ...known, positions: [...known.positions, record] })
    }
  }

  disturbed(): void {
    for (const walk of this.walks.values()) walk.returns++
  }

  started(entry: Started): void {
    const walk = this.walks.get(entry.aggregateId)
    const index = walk?.positions.findIndex((record) => place(record) === place(entry)) ?? -1
    if (walk === undefined || index < 0) {
      this.problems.push(`${this.group} was given ${entry.eventId} at ${place(entry)}, where nothing like it is stored`)
      return
    }
    if (index < walk.head) {
      if (walk.returns === 0) {
        this.problems.push(`${this.group} was given ${entry.eventId} again, without a crash or a lost connection since`)
      } else {
        walk.returns--
      }
      walk.head = index
      return
    }
    for (let i = walk.head; i < index; i++) {
      const skipped = walk.positions[i]
      if (skipped !== undefined && !this.dead.has(place(skipped))) {
        this.problems.push(`${this.group} was given ${entry.eventId} before it was done with ${skipped.eventId}`)
      }
    }
    walk.head = index
  }

  ended(entry: Started, outcome: string): void {
    const walk = this.walks.get(entry.aggregateId)
    if (outcome !== "done") {
      this.failures.set(place(entry), (this.failures.get(place(entry)) ?? 0) + 1)
      return
    }
    const index = walk?.positions.findIndex((record) => place(record) === place(entry)) ?? -1
    if (walk !== undefined && index === walk.head) walk.head++
  }

  /** A dead letter has to have been earned. */
  finished(tries: number): void {
    for (const at of this.dead) {
      const count = this.failures.get(at) ?? 0
      if (count < tries) this.problems.push(`${this.group} dead-lettered ${at} after ${count} failures of ${tries}`)
    }
  }
}

/** What is wrong; empty where the reference could have done the same. */
export const judge = (judged: Judged): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const issued = new Set<string>()
  const names = new Set<string>()
  for (const entry of judged.entries) {
    if (entry._tag === "Issued") issued.add(entry.eventId)
    if (entry._tag === "Started" || entry._tag === "DeadLettered") names.add(entry.group)
  }
  for (const { eventId, offset, partition } of judged.stored) {
    if (eventId === undefined || !issued.has(eventId)) {
      problems.push(`${eventId ?? "something"} is stored at ${partition}/${offset}, and was never published`)
    }
  }
  const cut = judged.entries.some((entry) => entry._tag === "Happened" && entry.what === "cut")
  for (const entry of judged.entries) {
    if (entry._tag === "Settled" && entry.outcome !== "acked" && !cut) {
      problems.push(`${entry.eventId} was told ${entry.outcome} (${entry.reason}), and nothing had gone wrong`)
    }
  }
  for (const name of names) {
    const walk = new GroupWalk(name, judged)
    const runs = new Map<number, Started>()
    for (const entry of judged.entries) {
      if (entry._tag === "Happened" && judged.disturbances.has(entry.what)) {
        if (entry.detail === undefined || entry.detail === name) walk.disturbed()
      } else if (entry._tag === "Started" && entry.group === name) {
        runs.set(entry.run, entry)
        walk.started(entry)
      } else if (entry._tag === "Ended") {
        const started = runs.get(entry.run)
        if (started !== undefined) walk.ended(started, entry.outcome)
      }
    }
    walk.finished(judged.tries)
    problems.push(...walk.problems)
  }
  return problems
}
