import { assert, describe, it } from "@effect/vitest"
import type { Cell, MeasuredCell } from "../src/compare/figures.ts"
import type { Report } from "../src/report/model.ts"
import { type Target, targetsOf } from "../src/report/targets.ts"
import { report, spread } from "./fixtures/report.ts"

const find = (of: Report, words: string): Target => {
  const found = targetsOf(of).filter(({ what }) => what.includes(words))
  assert.strictEqual(found.length, 1, `${words}: ${found.map(({ what }) => what).join("; ")}`)
  return found[0]!
}

/** The same report with some cells changed. */
const withCells = (change: (cell: MeasuredCell) => Cell): Report => ({
  ...report,
  compare: {
    discarded: [],
    cells: (report.compare?.cells ?? []).map((cell) => cell._tag === "Measured" ? change(cell) : cell)
  }
})

describe("the aims", () => {
  it("compare ratios with what was aimed at", () => {
    assert.deepInclude(find(report, "ours / js.publish by default"), { verdict: "met", why: "" })
    assert.include(find(report, "ours / js.publish by default").figure, "4.30 x")
    assert.strictEqual(find(report, "own-inbox").verdict, "stretch")
    assert.strictEqual(find(report, "ours / kafkajs").verdict, "met")
  })

  it("say that they were missed, and why", () => {
    const groups = (report.peers?.groups ?? []).map((group) => ({
      ...group,
      peers: group.peers.map((peer) => ({ ...peer, ratio: spread(0.5) }))
    }))
    const missed = find({ ...report, peers: { groups, problems: [] } }, "platformatic/kafka batches of 500")
    assert.strictEqual(missed.verdict, "missed")
    assert.include(missed.why, "one JavaScript thread")
  })

  it("see a broker that falls behind the other", () => {
    const slow = withCells((cell) =>
      cell.broker === "kafka" ? { ...cell, ackedPerSecond: spread(10_000), cpuMicrosPerMessage: spread(20) } : cell
    )
    assert.strictEqual(find(report, "NATS : Kafka").verdict, "stretch")
    const missed = find(slow, "NATS : Kafka")
    assert.strictEqual(missed.verdict, "missed")
    // 20 us of a hundred: it was not the processor.
    assert.include(missed.why, "busy for 20 % of the time")
  })

  it("see throughput that falls with the number of messages", () => {
    const falling = withCells((cell) =>
      cell.level === "Extreme" && cell.broker === "kafka" ? { ...cell, ackedPerSecond: spread(1000) } : cell
    )
    assert.strictEqual(find(report, "does not fall").verdict, "met")
    assert.include(find(falling, "does not fall").why, "Kafka:")
    assert.strictEqual(find(falling, "does not fall").verdict, "missed")
  })

  it("see a leak, a gap and memory that stays", () => {
    const leaking = withCells((cell) =>
      cell.level === "High" && cell.broker === "memory" && cell.mode === "batch"
        ? { ...cell, after: { ...cell.after, fibers: 2 } }
        : cell
    )
    assert.strictEqual(find(report, "fibers, timers and handles").verdict, "stretch")
    assert.include(find(leaking, "fibers, timers and handles").why, "Memory, High, batch: 2 fibers")
    const wrong = withCells((cell) => ({ ...cell, gaps: 1 }))
    assert.strictEqual(find(wrong, "order inversions").verdict, "missed")
    const growing = withCells((cell) => ({ ...cell, after: { ...cell.after, heapMb: cell.before.heapMb + 3.5 } }))
    assert.strictEqual(find(report, "heap growth").verdict, "met")
    assert.strictEqual(find(growing, "heap growth").verdict, "missed")
  })

  it("take a cell without a figure for what it is", () => {
    const refused = withCells(({ broker, level, messages, mode, ...rest }) =>
      broker === "kafka" && level === "Low" && mode === "awaited"
        ? { _tag: "Refused", broker, level, messages, mode, problem: "in the broker: 1 of 500 missing" }
        : { broker, level, messages, mode, ...rest }
    )
    assert.strictEqual(find(refused, "success at every level").verdict, "missed")
    assert.strictEqual(find(refused, "order inversions").verdict, "missed")
    assert.include(find(refused, "success at every level").why, "1 of 500 missing")
  })

  it("are not measured where the suite did not run, never met", () => {
    const bare: Report = { ...report, compare: undefined, stages: undefined, peers: undefined, knobs: undefined }
    assert.deepStrictEqual([...new Set(targetsOf(bare).map(({ verdict }) => verdict))], ["not measured"])
  })

  it("hold against ten times the older reports, to the last handled", () => {
    assert.strictEqual(find(report, "NATS at Extreme").verdict, "met")
    const slow = withCells((cell) => ({ ...cell, handledPerSecond: spread(79_000) }))
    assert.strictEqual(find(slow, "NATS at Extreme").verdict, "met")
    assert.strictEqual(find(slow, "Kafka at Extreme").verdict, "missed")
  })
})
