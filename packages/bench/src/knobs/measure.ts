/**
 * The sweeps of one broker, in a process of their own. The points of a sweep take turns.
 */
import { Effect } from "effect"
import type { Target } from "../brokers/target.ts"
import { partitions } from "../compare/cell.ts"
import { Latency } from "../latency.ts"
import { type Round, round } from "../load/round.ts"
import { shapeOf } from "../load/shape.ts"
import { spreadOf } from "../spread.ts"
import type { KnobPoint, Sweep } from "./figures.ts"
import { messagesOf, type Setting, type SweepPlan, sweeps } from "./sweeps.ts"

export interface KnobsTask {
  readonly target: Target
  readonly messages: number
  readonly rounds: number
  readonly id: string
  /** Which of the sweeps, by number. */
  readonly sweep: number
}

const timed = 2000

const pointOf = (setting: Setting, rounds: ReadonlyArray<Round>): KnobPoint => {
  const latency = new Latency()
  for (const { ack } of rounds) latency.add(ack)
  const perSecond = spreadOf(rounds.map(({ messages, toAck }) => messages / toAck.millis * 1000))
  return {
    label: setting.label,
    messages: rounds[0]?.messages ?? 0,
    perSecond,
    cpuMicrosPerMessage: spreadOf(rounds.map(({ messages, toAck }) => toAck.cpuMillis / messages * 1000)),
    ackP99Ms: latency.percentiles?.p99 ?? 0,
    megabytesPerSecond: perSecond.median * setting.bodyBytes / 1e6,
    isDefault: setting.isDefault
  }
}

const oneSweep = Effect.fnUntraced(function*(task: KnobsTask, plan: SweepPlan) {
  let number = 0
  const once = (setting: Setting) => {
    const messages = messagesOf(setting, task.messages)
    return round({
      target: task.target,
      shape: shapeOf(messages),
      how: "window",
      round: `${task.id}-${number++}`,
      partitions,
      handled: false,
      stages: { every: Math.max(1, Math.ceil(messages / timed)) },
      ...setting.change
    })
  }
  const first = plan.settings.find(({ isDefault }) => isDefault) ?? plan.settings[0]!
  for (let i = 0; i < 2; i++) yield* once(first)
  const rounds = plan.settings.map((): Array<Round> => [])
  for (let turn = 0; turn < task.rounds; turn++) {
    for (let i = 0; i < plan.settings.length; i++) {
      const at = (i + turn) % plan.settings.length
      rounds[at]!.push(yield* once(plan.settings[at]!))
    }
  }
  const sweep: Sweep = {
    knob: plan.knob,
    unit: plan.unit,
    broker: task.target.broker,
    points: plan.settings.map((setting, i) => pointOf(setting, rounds[i]!))
  }
  return sweep
})

export const measure = (task: KnobsTask) => oneSweep(task, sweeps[task.sweep]!)
