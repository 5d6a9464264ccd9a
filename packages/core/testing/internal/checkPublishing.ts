/**
 * I1 to I5: what was issued, what was told, and what is stored.
 */
import type { Figures, Input, Violation } from "../Checker.ts"
import type { Entry } from "../History.ts"
import type { Stored } from "../ReadBack.ts"

type Of<Tag extends Entry["_tag"]> = Extract<Entry, { readonly _tag: Tag }>
type Outcome = Of<"Settled">["outcome"]

/** One call of a publish and what came of it. */
interface Issue {
  readonly issued: Of<"Issued">
  readonly told: Array<Of<"Settled">>
}

export const push = <K, V>(map: Map<K, Array<V>>, key: K, value: V): void => {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}

const read = (entries: ReadonlyArray<Entry>, violations: Array<Violation>) => {
  const issues = new Map<number, Issue>()
  const reported = new Map<string, Array<Of<"Reported">>>()
  // The results of a bus tell of its dead letters, too, which nobody issued.
  const topics = new Set(entries.flatMap((entry) => entry._tag === "Issued" ? [entry.topic] : []))
  for (const entry of entries) {
    if (entry._tag === "Issued") issues.set(entry.issue, { issued: entry, told: [] })
    else if (entry._tag === "Reported" && topics.has(entry.topic)) push(reported, entry.eventId, entry)
    else if (entry._tag === "Settled") {
      const issue = issues.get(entry.issue)
      if (issue === undefined) {
        violations.push({
          invariant: "I2",
          message: `issue ${entry.issue} (${entry.eventId}) was settled and never issued`
        })
      } else {
        issue.told.push(entry)
      }
    }
  }
  return { issues: [...issues.values()], reported }
}

/** I2. */
const checkOutcomes = (
  issues: ReadonlyArray<Issue>,
  reported: ReadonlyMap<string, ReadonlyArray<Of<"Reported">>>,
  complete: boolean,
  violations: Array<Violation>
): void => {
  const byEvent = new Map<string, Array<Issue>>()
  for (const issue of issues) {
    const { eventId, issue: number } = issue.issued
    push(byEvent, eventId, issue)
    if (issue.told.length === 0) {
      violations.push({ invariant: "I2", message: `issue ${number} (${eventId}) was told nothing` })
    } else if (issue.told.length > 1) {
      const outcomes = issue.told.map(({ outcome }) => outcome).join(", ")
      violations.push({ invariant: "I2", message: `issue ${number} (${eventId}) was told ${outcomes}` })
    }
  }
  for (const [eventId, told] of reported) {
    const count = byEvent.get(eventId)?.length ?? 0
    if (told.length > count) {
      violations.push({
        invariant: "I2",
        message: `${eventId} was issued ${count} times and reported ${told.length} times`
      })
    }
  }
  if (!complete) return
  for (const [eventId, group] of byEvent) {
    // What was refused before it was accepted is not in the results.
    for (const outcome of ["acked", "unknown"] as const) {
      const told = group.filter((issue) => issue.told[0]?.outcome === outcome).length
      const shown = reported.get(eventId)?.filter((result) => result.outcome === outcome).length ?? 0
      if (told !== shown) {
        violations.push({
          invariant: "I2",
          message: `${eventId}: ${told} callers were told "${outcome}", and the results told it ${shown} times`
        })
      }
    }
  }
}

const outcomesOf = (issues: ReadonlyArray<Issue>) => {
  const out = new Map<string, Set<Outcome | undefined>>()
  for (const { issued: { eventId }, told } of issues) {
    const outcomes = out.get(eventId) ?? new Set()
    out.set(eventId, outcomes.add(told[0]?.outcome))
  }
  return out
}

/** I4 of the store: the first copies of what was acknowledged. Returns the inversions. */
const checkOrder = (
  issues: ReadonlyArray<Issue>,
  stored: ReadonlyArray<Stored>,
  violations: Array<Violation>
): number => {
  // An event that was issued again takes its place from its first issue.
  const numbers = new Map<string, number>()
  for (const { issued, told } of issues) {
    if (told[0]?.outcome === "acked" && !numbers.has(issued.eventId)) numbers.set(issued.eventId, issued.issue)
  }
  const seen = new Set<string>()
  const last = new Map<string, { readonly number: number; readonly eventId: string; readonly partition: number }>()
  let inversions = 0
  for (const { aggregateId, eventId, partition, topic } of stored) {
    if (eventId === undefined || aggregateId === undefined || seen.has(eventId)) continue
    seen.add(eventId)
    const number = numbers.get(eventId)
    if (number === undefined) continue
    const key = `${topic}\n${aggregateId}`
    const before = last.get(key)
    if (before !== undefined && before.partition !== partition) {
      violations.push({
        invariant: "I4",
        message:
          `${aggregateId} is in partition ${before.partition} (${before.eventId}) and in ${partition} (${eventId})`
      })
    } else if (before !== undefined && before.number > number) {
      inversions++
      violations.push({
        invariant: "I4",
        message:
          `${aggregateId}: ${eventId} (issue ${number}) is stored behind ${before.eventId} (issue ${before.number})`
      })
      continue
    }
    last.set(key, { number, eventId, partition })
  }
  return inversions
}

const positionOf = ({ offset, partition, topic }: Stored): string => `${topic}/${partition}/${offset}`

/** I5. Returns the copies beyond the first. */
const checkCopies = (
  copies: ReadonlyMap<string, ReadonlyArray<Stored>>,
  forbidden: boolean,
  violations: Array<Violation>
): number => {
  let duplicates = 0
  for (const [eventId, [first, ...rest]] of copies) {
    if (first === undefined || rest.length === 0) continue
    duplicates += rest.length
    const other = rest.find(({ digest }) => digest !== first.digest)
    if (other !== undefined) {
      violations.push({
        invariant: "I5",
        message: `${eventId} has different bytes at ${positionOf(first)} and at ${positionOf(other)}`
      })
    } else if (forbidden) {
      const places = [first, ...rest].map(positionOf).join(", ")
      violations.push({ invariant: "I5", message: `${eventId} is stored ${rest.length + 1} times: ${places}` })
    }
  }
  return duplicates
}

/** I1 and I3. */
const checkPresence = (
  outcomes: ReadonlyMap<string, ReadonlySet<Outcome | undefined>>,
  copies: ReadonlyMap<string, ReadonlyArray<Stored>>,
  violations: Array<Violation>
) => {
  const figures = { lost: 0, ghosts: 0, unknownStored: 0 }
  for (const [eventId, told] of outcomes) {
    const copy = copies.get(eventId)?.[0]
    if (told.has("acked")) {
      if (copy !== undefined) continue
      figures.lost++
      violations.push({ invariant: "I1", message: `${eventId} was acknowledged and is not stored` })
    } else if (copy !== undefined) {
      if (told.has("unknown") || told.has(undefined)) {
        figures.unknownStored++
        continue
      }
      figures.ghosts++
      const outcome = told.has("rejected") ? "rejected" : "withdrawn"
      violations.push({ invariant: "I3", message: `${eventId} was ${outcome} and is stored at ${positionOf(copy)}` })
    }
  }
  return figures
}

const longestGap = (issues: ReadonlyArray<Issue>): number => {
  const acks = issues
    .flatMap(({ told: [first] }) => first?.outcome === "acked" ? [first.at] : [])
    .toSorted((a, b) => a - b)
  let longest = 0
  for (let i = 1; i < acks.length; i++) longest = Math.max(longest, (acks[i] ?? 0) - (acks[i - 1] ?? 0))
  return longest
}

export const check = ({ entries, noDuplicates = false, reported = false, stored, unordered = false }: Input): {
  readonly violations: ReadonlyArray<Violation>
  readonly figures: Omit<Figures, "groups">
} => {
  const violations: Array<Violation> = []
  const { issues, reported: results } = read(entries, violations)
  checkOutcomes(issues, results, reported, violations)

  const copies = new Map<string, Array<Stored>>()
  for (const record of stored ?? []) if (record.eventId !== undefined) push(copies, record.eventId, record)
  const presence = stored === undefined
    ? { lost: 0, ghosts: 0, unknownStored: 0 }
    : checkPresence(outcomesOf(issues), copies, violations)
  const count = (outcome: Outcome) => issues.filter(({ told }) => told[0]?.outcome === outcome).length
  return {
    violations,
    figures: {
      issued: issues.length,
      acked: count("acked"),
      rejected: count("rejected"),
      unknown: count("unknown"),
      withdrawn: count("withdrawn"),
      unsettled: issues.filter(({ told }) => told.length === 0).length,
      stored: stored?.length ?? 0,
      ...presence,
      duplicates: checkCopies(copies, noDuplicates, violations),
      inversions: unordered ? 0 : checkOrder(issues, stored ?? [], violations),
      longestGapMillis: longestGap(issues)
    }
  }
}
