/**
 * One cell, in the process that it has for itself: warm-up, rounds, what is left afterwards.
 */
import { Effect } from "effect"
import type { Target } from "../brokers/target.ts"
import { Counter } from "../counting.ts"
import type { Spread } from "../figures.ts"
import { Latency } from "../latency.ts"
import { type Load, type Round, round } from "../load/round.ts"
import { type Holding, holding } from "../load/sampling.ts"
import { shapeOf } from "../load/shape.ts"
import { settleHeap } from "../rss.ts"
import { spreadOf } from "../spread.ts"
import type { Cell, CellName, MeasuredCell, RefusedCell } from "./figures.ts"
import { givesUp, isWarm, wasCold } from "./warm.ts"

export interface CellTask extends CellName {
  readonly target: Target
  readonly rounds: number
  /** Unique among all tasks of a run. */
  readonly id: string
}

/** Kafka's usual number, and the same for all. */
export const partitions = 3

const warmUpMessages = 10_000

/** At most so many messages of a round have their acknowledgement timed in the pipeline: evenly spread over it. */
const timed = 5000

const refused = (task: CellTask, problem: string): RefusedCell => ({ ...nameOf(task), _tag: "Refused", problem })

const nameOf = ({ broker, level, messages, mode }: CellTask): CellName => ({ broker, level, messages, mode })

const loadOf = (task: CellTask, messages: number, name: string): Load => ({
  target: task.target,
  shape: shapeOf(messages),
  how: task.mode,
  round: `${task.id}-${name}`,
  partitions,
  handled: true,
  stages: { every: Math.max(1, Math.ceil(messages / timed)) }
})

const speedOf = ({ messages, toAck }: Round): number => messages / toAck.millis * 1000

const warmUp = Effect.fnUntraced(function*(task: CellTask) {
  const speeds: Array<number> = []
  while (!isWarm(speeds) && !givesUp(speeds)) {
    const messages = Math.min(warmUpMessages, Math.max(2000, task.messages))
    speeds.push(speedOf(yield* round(loadOf(task, messages, `w${speeds.length}`))))
  }
  return { warm: isWarm(speeds), rounds: speeds.length }
})

const highest = (all: ReadonlyArray<Holding>, key: keyof Holding): number => Math.max(...all.map((one) => one[key]))

const highestOf = (all: ReadonlyArray<Holding>): Holding => ({
  heapMb: highest(all, "heapMb"),
  rssMb: highest(all, "rssMb"),
  fibers: highest(all, "fibers"),
  timers: highest(all, "timers"),
  handles: highest(all, "handles")
})

const settleMillis = 3000

/** Sockets take a turn or two to go: what is there no more is waited for, what stays is a leak. */
const closed = Effect.fnUntraced(function*(counter: Counter, before: Holding) {
  const deadline = performance.now() + settleMillis
  yield* settleHeap
  // A timer counts until its own callback is over.
  yield* Effect.yieldNow
  let now = holding(counter)
  while (
    performance.now() < deadline
    && (now.fibers > before.fibers || now.handles > before.handles || now.timers > before.timers)
  ) {
    yield* Effect.sleep(20)
    yield* Effect.yieldNow
    now = holding(counter)
  }
  return now
})

const none = { p50: 0, p90: 0, p95: 0, p99: 0, max: 0 }

const measure = Effect.fnUntraced(function*(task: CellTask, counter: Counter) {
  const { rounds: count } = task
  const warm = yield* warmUp(task)
  if (!warm.warm) return refused(task, `not warm after ${warm.rounds} rounds of warm-up`)
  const [call, ack, endToEnd] = [new Latency(), new Latency(), new Latency()]
  yield* settleHeap
  yield* Effect.yieldNow
  const before = holding(counter)
  const peaks: Array<Holding> = []
  const afters: Array<Holding> = []
  const rounds: Array<Omit<Round, "call" | "ack" | "endToEnd" | "peak">> = []
  for (let number = 1; number <= count; number++) {
    const { ack: ownAck, call: ownCall, endToEnd: own, peak, ...rest } = yield* round({
      ...loadOf(task, task.messages, `r${number}`),
      counter
    })
    call.add(ownCall)
    // A caller that waits for each acknowledgement sees it when the call ends, and of every message.
    ack.add(task.mode === "awaited" ? ownCall : ownAck)
    endToEnd.add(own)
    rounds.push(rest)
    if (peak !== undefined) peaks.push(peak)
    afters.push(yield* closed(counter, before))
  }
  const spread = (value: (one: typeof rounds[number]) => number): Spread => spreadOf(rounds.map(value))
  const sum = (value: (one: typeof rounds[number]) => number): number =>
    rounds.reduce((total, one) => total + value(one), 0)
  const published = sum(({ messages }) => messages)
  const speeds = rounds.map(({ messages, toAck }) => messages / toAck.millis * 1000)
  if (wasCold(speeds)) return refused(task, "the first round was cold")
  const cell: MeasuredCell = {
    ...nameOf(task),
    _tag: "Measured",
    rounds: count,
    warmUps: warm.rounds,
    ackedPerSecond: spreadOf(speeds),
    handledPerSecond: spread(({ messages, toHandledMillis }) => messages / toHandledMillis * 1000),
    cpuMicrosPerMessage: spread(({ messages, toAck }) => toAck.cpuMillis / messages * 1000),
    published,
    acked: sum(({ acked }) => acked),
    failed: sum(({ failed }) => failed),
    unknown: sum(({ unknown }) => unknown),
    successRate: sum(({ acked, handled, stored }) => Math.min(acked, stored.distinct, handled?.distinct ?? 0))
      / published,
    orderViolations: sum(({ handled, stored }) => stored.orderViolations + (handled?.orderViolations ?? 0)),
    gaps: sum(({ handled, stored }) => stored.gaps + (handled?.gaps ?? 0)),
    duplicates: sum(({ handled, stored }) => stored.duplicates + (handled?.duplicates ?? 0)),
    callMs: call.percentiles ?? none,
    ackMs: ack.percentiles ?? none,
    endToEndMs: endToEnd.percentiles ?? none,
    before,
    peak: highestOf(peaks),
    after: highestOf(afters),
    memory: rounds[0]?.points ?? []
  }
  return cell
})

/** Never fails: what cannot be measured is a refused cell, which says why. */
export const cell = (task: CellTask): Effect.Effect<Cell> => {
  const counter = new Counter()
  return counter.watch(measure(task, counter)).pipe(
    Effect.catch((error) => Effect.succeed<Cell>(refused(task, error.message)))
  )
}
