/**
 * I4 and I9 of each group: what was handled, in which order, and whether anything was skipped.
 */
import type { GroupFigures, Input, Violation } from "../Checker.ts"
import type { Entry } from "../History.ts"
import type { Stored } from "../ReadBack.ts"
import { push } from "./checkPublishing.ts"

type Started = Extract<Entry, { readonly _tag: "Started" }>
type Outcome = Extract<Entry, { readonly _tag: "Ended" }>["outcome"]

interface Run {
  readonly started: Started
  outcome: Outcome | undefined
}

interface Group {
  readonly runs: Array<Run>
  /** Positions of its dead letters. */
  readonly dead: Set<string>
  readonly running: Map<string, Run>
  readonly overlaps: Array<readonly [Started, Started]>
}

const positionOf = (at: { readonly topic: string; readonly partition: number; readonly offset: bigint }): string =>
  `${at.topic}/${at.partition}/${at.offset}`

const readGroups = (entries: ReadonlyArray<Entry>): ReadonlyMap<string, Group> => {
  const groups = new Map<string, Group>()
  const runs = new Map<number, Run>()
  const groupOf = (name: string): Group => {
    const known = groups.get(name)
    if (known !== undefined) return known
    const group: Group = { runs: [], dead: new Set(), running: new Map(), overlaps: [] }
    groups.set(name, group)
    return group
  }
  for (const entry of entries) {
    if (entry._tag === "Started") {
      const group = groupOf(entry.group)
      const run: Run = { started: entry, outcome: undefined }
      const other = group.running.get(entry.aggregateId)
      if (other !== undefined) group.overlaps.push([other.started, entry])
      group.running.set(entry.aggregateId, run)
      group.runs.push(run)
      runs.set(entry.run, run)
    } else if (entry._tag === "Ended") {
      const run = runs.get(entry.run)
      if (run === undefined) continue
      run.outcome = entry.outcome
      const { running } = groupOf(run.started.group)
      if (running.get(run.started.aggregateId) === run) running.delete(run.started.aggregateId)
    } else if (entry._tag === "DeadLettered") {
      groupOf(entry.group).dead.add(positionOf(entry))
    }
  }
  return groups
}

/** The first starts of an aggregate's events, in the order of their positions. Returns the inversions. */
const checkOrder = (name: string, group: Group, violations: Array<Violation>): number => {
  const seen = new Set<string>()
  const last = new Map<string, Started>()
  let inversions = 0
  for (const { started } of group.runs) {
    const position = positionOf(started)
    if (seen.has(position)) continue
    seen.add(position)
    const key = `${started.topic}/${started.partition}\n${started.aggregateId}`
    const before = last.get(key)
    if (before !== undefined && before.offset > started.offset) {
      inversions++
      violations.push({
        invariant: "I4",
        message: `${name}: ${started.aggregateId}: ${started.eventId} (${position}) was first handled behind `
          + `${before.eventId} (${positionOf(before)})`
      })
    } else {
      last.set(key, started)
    }
  }
  return inversions
}

const isDone = (outcome: Outcome | undefined): boolean => outcome === "done" || outcome === "drop"

/** I9. Returns what was skipped. */
const checkComplete = (
  name: string,
  group: Group | undefined,
  stored: ReadonlyArray<Stored>,
  violations: Array<Violation>
): number => {
  const dealt = new Set(group?.dead)
  // A second copy of an event may have been recognised and acknowledged unhandled.
  const events = new Set<string>()
  for (const { outcome, started } of group?.runs ?? []) {
    if (!isDone(outcome)) continue
    dealt.add(positionOf(started))
    events.add(started.eventId)
  }
  const skipped = stored.filter((record) =>
    !dealt.has(positionOf(record)) && !(record.eventId !== undefined && events.has(record.eventId))
  )
  for (const record of skipped) {
    violations.push({
      invariant: "I9",
      message: `${name}: ${record.eventId ?? "a record"} (${positionOf(record)}) was neither handled nor dead-lettered`
    })
  }
  return skipped.length
}

const figuresOf = (group: Group | undefined, skipped: number): GroupFigures => {
  const handled = new Map<string, Array<Run>>()
  for (const run of group?.runs ?? []) if (isDone(run.outcome)) push(handled, run.started.eventId, run)
  return {
    runs: group?.runs.length ?? 0,
    handled: handled.size,
    deadLettered: group?.dead.size ?? 0,
    repeated: [...handled.values()].reduce((sum, runs) => sum + runs.length - 1, 0),
    skipped,
    overlaps: group?.overlaps.length ?? 0
  }
}

export const check = ({ caughtUp = [], entries, stored, unordered = false }: Input): {
  readonly violations: ReadonlyArray<Violation>
  readonly figures: Readonly<Record<string, GroupFigures>>
  readonly inversions: number
} => {
  const violations: Array<Violation> = []
  const groups = readGroups(entries)
  const figures: Record<string, GroupFigures> = {}
  let inversions = 0
  for (const name of new Set([...groups.keys(), ...caughtUp])) {
    const group = groups.get(name)
    if (group !== undefined && !unordered) inversions += checkOrder(name, group, violations)
    for (const [first, second] of group?.overlaps ?? []) {
      violations.push({
        invariant: "I4",
        message: `${name}: ${second.aggregateId}: ${second.eventId} was started by ${second.member} while `
          + `${first.eventId} was running in ${first.member}`
      })
    }
    const skipped = caughtUp.includes(name) && stored !== undefined ? checkComplete(name, group, stored, violations) : 0
    figures[name] = figuresOf(group, skipped)
  }
  return { violations, figures, inversions }
}
