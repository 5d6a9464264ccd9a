import { assert, describe, it } from "@effect/vitest"
import * as Checker from "../../testing/Checker.ts"
import type { Entry } from "../../testing/History.ts"
import type { Stored } from "../../testing/ReadBack.ts"

type Outcome = Extract<Entry, { readonly _tag: "Settled" }>["outcome"]
type Ending = Extract<Entry, { readonly _tag: "Ended" }>["outcome"]

const topic = "t"

const issued = (issue: number, eventId: string, aggregateId = "a"): Entry => ({
  _tag: "Issued",
  at: issue,
  issue,
  topic,
  eventId,
  aggregateId
})

const settled = (issue: number, eventId: string, outcome: Outcome = "acked", at = issue): Entry => ({
  _tag: "Settled",
  at,
  issue,
  eventId,
  outcome
})

const reported = (eventId: string, outcome: "acked" | "rejected" | "unknown" = "acked"): Entry => ({
  _tag: "Reported",
  at: 0,
  topic,
  eventId,
  outcome
})

const stored = (offset: number, eventId: string, more: Partial<Stored> = {}): Stored => ({
  topic,
  partition: 0,
  offset: BigInt(offset),
  eventId,
  aggregateId: "a",
  digest: eventId,
  ...more
})

const run = (
  number: number,
  offset: number,
  eventId: string,
  outcome: Ending = "done",
  aggregateId = "a"
): ReadonlyArray<Entry> => [
  {
    _tag: "Started",
    at: 0,
    run: number,
    group: "g",
    member: "m1",
    eventId,
    aggregateId,
    attempt: 1,
    topic,
    partition: 0,
    offset: BigInt(offset)
  },
  { _tag: "Ended", at: 0, run: number, outcome }
]

/** Five events of one aggregate, published, stored, reported and handled. */
const ids = ["e1", "e2", "e3", "e4", "e5"]
const publishes = ids.flatMap((id, i) => [issued(i + 1, id), settled(i + 1, id), reported(id)])
const handlings = ids.flatMap((id, i) => run(i + 1, i, id))
const store = ids.map((id, i) => stored(i, id))

const judge = (input: Partial<Checker.Input>) =>
  Checker.check({ entries: [...publishes, ...handlings], stored: store, caughtUp: ["g"], reported: true, ...input })

const invariants = (report: Checker.Report) => [...new Set(report.violations.map(({ invariant }) => invariant))]

describe("Checker", () => {
  it("finds nothing wrong with a sound run, and counts it", () => {
    const { figures, violations } = judge({ noDuplicates: true })
    assert.deepStrictEqual(violations, [])
    assert.deepInclude(figures, {
      issued: 5,
      acked: 5,
      rejected: 0,
      unknown: 0,
      unsettled: 0,
      stored: 5,
      lost: 0,
      inversions: 0
    })
    assert.deepStrictEqual(figures.groups.g, {
      runs: 5,
      handled: 5,
      deadLettered: 0,
      repeated: 0,
      skipped: 0,
      overlaps: 0
    })
    assert.strictEqual(figures.longestGapMillis, 1)
  })

  it("I1: a planted loss", () => {
    const report = judge({ stored: store.filter(({ eventId }) => eventId !== "e3") })
    assert.deepStrictEqual(invariants(report), ["I1"])
    assert.strictEqual(report.figures.lost, 1)
    assert.match(Checker.format(report), /I1: e3 was acknowledged and is not stored/)
  })

  it("I2: a publish that was told nothing, twice, or of another event", () => {
    const without = judge({
      entries: [...publishes.filter((entry) => !(entry._tag === "Settled" && entry.eventId === "e2")), ...handlings],
      reported: false
    })
    assert.deepStrictEqual(invariants(without), ["I2"])
    assert.strictEqual(without.figures.unsettled, 1)
    assert.deepStrictEqual(invariants(judge({ entries: [...publishes, ...handlings, settled(4, "e4")] })), ["I2"])
    assert.deepStrictEqual(invariants(judge({ entries: [...publishes, ...handlings, settled(9, "e9")] })), ["I2"])
  })

  it("I2: results that tell twice, nothing, or something else", () => {
    const twice = judge({ entries: [...publishes, ...handlings, reported("e5")] })
    assert.deepStrictEqual(invariants(twice), ["I2"])
    assert.deepStrictEqual(
      invariants(judge({ entries: [...publishes, ...handlings, reported("e5")], reported: false })),
      ["I2"]
    )
    const silent = publishes.filter((entry) => entry._tag !== "Reported")
    assert.deepStrictEqual(invariants(judge({ entries: [...silent, ...handlings] })), ["I2"])
    assert.deepStrictEqual(invariants(judge({ entries: [...silent, ...handlings], reported: false })), [])
    const other = publishes.map((entry) =>
      entry._tag === "Reported" && entry.eventId === "e1" ? reported("e1", "unknown") : entry
    )
    assert.deepStrictEqual(invariants(judge({ entries: [...other, ...handlings] })), ["I2"])
  })

  it("I3: rejected or withdrawn, and present", () => {
    for (const outcome of ["rejected", "withdrawn"] as const) {
      const entries = [...publishes, ...handlings, issued(6, "e6", "b"), settled(6, "e6", outcome)]
      assert.deepStrictEqual(invariants(judge({ entries })), [])
      const report = judge({ entries, stored: [...store, stored(5, "e6", { aggregateId: "b" })], caughtUp: [] })
      assert.deepStrictEqual(invariants(report), ["I3"])
      assert.strictEqual(report.figures.ghosts, 1)
    }
  })

  it("unknown may be present or absent", () => {
    const entries = [
      ...publishes,
      ...handlings,
      issued(6, "e6"),
      settled(6, "e6", "unknown"),
      reported("e6", "unknown")
    ]
    assert.deepStrictEqual(invariants(judge({ entries })), [])
    const present = judge({ entries: [...entries, ...run(6, 5, "e6")], stored: [...store, stored(5, "e6")] })
    assert.deepStrictEqual(present.violations, [])
    assert.strictEqual(present.figures.unknownStored, 1)
  })

  it("I4: a planted inversion in the store", () => {
    const inverted = [stored(0, "e1"), stored(1, "e3"), stored(2, "e2"), stored(3, "e4"), stored(4, "e5")]
    const entries = [
      ...publishes,
      ...run(1, 0, "e1"),
      ...run(2, 1, "e3"),
      ...run(3, 2, "e2"),
      ...run(4, 3, "e4"),
      ...run(5, 4, "e5")
    ]
    const report = judge({ entries, stored: inverted })
    assert.deepStrictEqual(invariants(report), ["I4"])
    assert.strictEqual(report.figures.inversions, 1)
    assert.deepStrictEqual(invariants(judge({ entries, stored: inverted, unordered: true })), [])
  })

  it("I4: the order of what was not acknowledged, and of later copies, is no matter", () => {
    const entries: ReadonlyArray<Entry> = [
      issued(1, "e1"),
      settled(1, "e1", "unknown"),
      issued(2, "e2"),
      settled(2, "e2"),
      issued(3, "e3"),
      settled(3, "e3")
    ]
    const report = Checker.check({
      entries,
      stored: [stored(0, "e2"), stored(1, "e3"), stored(2, "e1"), stored(3, "e2")]
    })
    assert.deepStrictEqual(report.violations, [])
    assert.strictEqual(report.figures.duplicates, 1)
  })

  it("I4: an aggregate in two partitions", () => {
    const split = store.map((record, i) => i === 4 ? { ...record, partition: 1 } : record)
    assert.include(invariants(judge({ stored: split, caughtUp: [] })), "I4")
  })

  it("I4: first handlings out of order, and two at once", () => {
    const entries = [
      ...publishes,
      ...run(1, 1, "e2"),
      ...run(2, 0, "e1"),
      ...run(3, 2, "e3"),
      ...run(4, 3, "e4"),
      ...run(5, 4, "e5")
    ]
    const inverted = judge({ entries })
    assert.deepStrictEqual(invariants(inverted), ["I4"])
    assert.strictEqual(inverted.figures.inversions, 1)
    const [first, second] = [run(1, 0, "e1"), run(2, 1, "e2")]
    const overlapping = [...first.slice(0, 1), ...second.slice(0, 1), ...first.slice(1), ...second.slice(1)]
    const overlap = judge({ entries: [...publishes, ...overlapping, ...handlings.slice(4)] })
    assert.deepStrictEqual(invariants(overlap), ["I4"])
    assert.strictEqual(overlap.figures.groups.g?.overlaps, 1)
  })

  it("a redelivery is no inversion", () => {
    const again = [...run(6, 1, "e2"), ...run(7, 2, "e3")]
    const report = judge({ entries: [...publishes, ...handlings, ...again] })
    assert.deepStrictEqual(report.violations, [])
    assert.strictEqual(report.figures.groups.g?.repeated, 2)
  })

  it("I5: a planted duplicate, where none may be, and one with other bytes anywhere", () => {
    const copied = [...store, stored(5, "e2")]
    assert.deepStrictEqual(invariants(judge({ stored: copied })), [])
    assert.strictEqual(judge({ stored: copied }).figures.duplicates, 1)
    assert.deepStrictEqual(invariants(judge({ stored: copied, noDuplicates: true })), ["I5"])
    assert.deepStrictEqual(invariants(judge({ stored: [...store, stored(5, "e2", { digest: "other" })] })), ["I5"])
  })

  it("I9: a planted gap in what was handled", () => {
    const entries = [...publishes, ...handlings.filter((entry) => !("run" in entry && entry.run === 3))]
    const report = judge({ entries })
    assert.deepStrictEqual(invariants(report), ["I9"])
    assert.strictEqual(report.figures.groups.g?.skipped, 1)
    const failed = [
      ...publishes,
      ...handlings.map((entry): Entry =>
        entry._tag === "Ended" && entry.run === 3 ? { ...entry, outcome: "failed" } : entry
      )
    ]
    assert.deepStrictEqual(invariants(judge({ entries: failed })), ["I9"])
    const letter: Entry = { _tag: "DeadLettered", at: 0, group: "g", topic, partition: 0, offset: 2n }
    assert.deepStrictEqual(judge({ entries: [...failed, letter] }).violations, [])
    assert.deepStrictEqual(invariants(judge({ caughtUp: ["g", "nobody"] })), ["I9"])
  })

  it("I10: a run that was to inject faults and did not", () => {
    assert.deepStrictEqual(invariants(judge({ faults: ["kill"] })), ["I10"])
    const entries: ReadonlyArray<Entry> = [...publishes, ...handlings, { _tag: "Happened", at: 3, what: "kill" }]
    assert.deepStrictEqual(judge({ entries, faults: ["kill"] }).violations, [])
  })

  it("tells the first few in words", () => {
    const report = judge({ stored: [], caughtUp: [] })
    assert.strictEqual(Checker.format(report, 2).split("\n").length, 3)
    assert.match(Checker.format(report, 2), /and 3 more$/)
  })
})
