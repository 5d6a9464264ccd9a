/**
 * The suite `compare`: brokers, levels and ways to publish, each with each.
 */
import { Effect } from "effect"
import type { BrokerName, Target } from "../brokers/target.ts"
import * as Child from "../child.ts"
import { type Mode, modes } from "../load/publishing.ts"
import type { Progress } from "../progress.ts"
import type { CellTask } from "./cell.ts"
import type { Cell, RefusedCell } from "./figures.ts"
import { extreme, high, type Level, levels, roundsOf } from "./levels.ts"

export interface Options {
  readonly targets: ReadonlyArray<Target>
  readonly rounds: number
  /** Levels above it are left out. */
  readonly messages: number
  readonly quick: boolean
}

/** Neighbours differ in their broker: what the machine does meanwhile hits all brokers alike. */
export const plan = ({ messages, quick, rounds, targets }: Options): ReadonlyArray<CellTask> => {
  const wanted: ReadonlyArray<Level> = quick ? [high, extreme] : levels.filter((level) => level.messages <= messages)
  const ways: ReadonlyArray<Mode> = quick ? ["window"] : modes
  return wanted.flatMap((level) =>
    ways.flatMap((mode) =>
      targets.map((target, i) => ({
        target,
        broker: target.broker,
        level: level.name,
        messages: level.messages,
        mode,
        rounds: quick ? 1 : roundsOf(level, rounds),
        id: `${level.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}-${mode}-${i}`
      }))
    )
  )
}

const perSecond: Readonly<Record<BrokerName, number>> = {
  "memory": 60_000,
  "nats-memory": 40_000,
  "nats-file": 40_000,
  "kafka": 30_000
}

/** About how many seconds a cell takes: process, warm-up, rounds, reading back. */
export const secondsOf = ({ broker, messages, rounds }: CellTask): number =>
  2.5 + rounds * (0.4 + messages * 1.6 / perSecond[broker])

const tries = 2

const failed = ({ broker, level, messages, mode }: CellTask, problem: string): RefusedCell => ({
  _tag: "Refused",
  broker,
  level,
  messages,
  mode,
  problem
})

/** A cell without a figure gets a second process, once: a broker that was busy with the one before is warm then. */
const once = (task: CellTask, attempt: number): Effect.Effect<Cell> =>
  Child.cell({ ...task, id: `${task.id}-${attempt}` }).pipe(
    Effect.catch((error) => Effect.succeed<Cell>(failed(task, error.message)))
  )

export interface Compared {
  readonly cells: ReadonlyArray<Cell>
  /** What was thrown away, and measured once more. */
  readonly discarded: ReadonlyArray<RefusedCell>
}

export const compare = Effect.fnUntraced(function*(options: Options, progress: Progress) {
  const cells: Array<Cell> = []
  const discarded: Array<RefusedCell> = []
  for (const task of plan(options)) {
    const step = {
      chapter: "compare",
      what: `${task.level}, ${task.mode}, ${task.broker}`,
      weight: secondsOf(task)
    }
    let cell = yield* progress.step(step, once(task, 1))
    for (let attempt = 2; cell._tag === "Refused" && attempt <= tries && isWarmth(cell); attempt++) {
      discarded.push(cell)
      cell = yield* once(task, attempt)
    }
    if (cell._tag === "Refused") yield* progress.say(`no figure for ${step.what}: ${cell.problem}`)
    cells.push(cell)
  }
  const compared: Compared = { cells, discarded }
  return compared
})

/** A lost message is not tried again until it goes well. */
const isWarmth = ({ problem }: RefusedCell): boolean => problem.includes("warm") || problem.includes("cold")
