/**
 * The stages of one broker, in a process of their own: three loads, and what recording costs.
 */
import type { Moments } from "@effect-eventbus/core/PublishStages"
import { Effect } from "effect"
import type { Target } from "../brokers/target.ts"
import { partitions } from "../compare/cell.ts"
import { Latency } from "../latency.ts"
import type { Mode } from "../load/publishing.ts"
import { type Load, type Round, round } from "../load/round.ts"
import { shapeOf } from "../load/shape.ts"
import { spreadOf } from "../spread.ts"
import { type MeasuringCost, type Stage, type StageName, stageNames, type StagesOfLoad } from "./figures.ts"

export interface StagesTask {
  readonly target: Target
  /** Of the load that fills the window. */
  readonly messages: number
  readonly rounds: number
  /** Messages a second of the open loops. */
  readonly rates: ReadonlyArray<number>
  /** How long an open loop lasts. */
  readonly pacedSeconds: number
  readonly id: string
}

export interface StagesResult {
  readonly loads: ReadonlyArray<StagesOfLoad>
  readonly cost: MeasuringCost
}

const zero = { p50: 0, p90: 0, p95: 0, p99: 0, max: 0 }

const of = (latency: Latency): Stage => ({ mean: latency.mean, ...latency.percentiles ?? zero })

class Stages {
  readonly #stages: Readonly<Record<StageName, Latency>> = {
    late: new Latency(),
    validate: new Latency(),
    encode: new Latency(),
    window: new Latency(),
    queue: new Latency(),
    send: new Latency(),
    ack: new Latency(),
    settle: new Latency()
  }
  readonly #total = new Latency()

  readonly record = (moments: Moments, due: number): void => {
    const stages = this.#stages
    stages.late.record(moments.begun - due)
    stages.validate.record(moments.validated - moments.begun)
    stages.encode.record(moments.encoded - moments.validated)
    stages.window.record(moments.accepted - moments.encoded)
    stages.queue.record(moments.handedOver - moments.accepted)
    stages.send.record(moments.taken - moments.handedOver)
    stages.ack.record(moments.answered - moments.taken)
    stages.settle.record(moments.settled - moments.answered)
    this.#total.record(moments.settled - due)
  }

  /** What the openers were timed at is not part of it. */
  readonly reset = (): void => {
    for (const latency of Object.values(this.#stages)) latency.reset()
    this.#total.reset()
  }

  add(other: Stages): void {
    for (const name of stageNames) this.#stages[name].add(other.#stages[name])
    this.#total.add(other.#total)
  }

  get figures(): { readonly stages: Readonly<Record<StageName, Stage>>; readonly total: Stage } {
    const { ack, encode, late, queue, send, settle, validate, window } = this.#stages
    return {
      stages: {
        late: of(late),
        validate: of(validate),
        encode: of(encode),
        window: of(window),
        queue: of(queue),
        send: of(send),
        ack: of(ack),
        settle: of(settle)
      },
      total: of(this.#total)
    }
  }
}

const cpu = (rounds: ReadonlyArray<Round>) =>
  spreadOf(rounds.map(({ messages, toAck }) => toAck.cpuMillis / messages * 1000))
const speed = (rounds: ReadonlyArray<Round>) =>
  spreadOf(rounds.map(({ messages, toAck }) => messages / toAck.millis * 1000))

export const measure = Effect.fnUntraced(function*(task: StagesTask) {
  let number = 0
  const load = (
    how: Mode | { readonly perSecond: number },
    messages: number,
    stages?: Stages
  ): Load => ({
    target: task.target,
    shape: shapeOf(messages),
    how,
    round: `${task.id}-${number++}`,
    partitions,
    handled: false,
    ...(stages === undefined ? undefined : { stages: { every: 1, record: stages.record, reset: stages.reset } })
  })
  for (let i = 0; i < 2; i++) yield* round(load("window", task.messages))

  const off: Array<Round> = []
  const on: Array<Round> = []
  const full = new Stages()
  for (let i = 0; i < task.rounds; i++) {
    off.push(yield* round(load("window", task.messages)))
    const stages = new Stages()
    on.push(yield* round(load("window", task.messages, stages)))
    full.add(stages)
  }
  const loads: Array<StagesOfLoad> = []
  const { broker } = task.target
  for (const perSecond of task.rates) {
    const stages = new Stages()
    const messages = Math.round(perSecond * task.pacedSeconds)
    yield* round(load({ perSecond }, messages, stages))
    loads.push({
      broker,
      load: `${perSecond.toLocaleString("en-US")}/s`,
      messages,
      rounds: 1,
      ...stages.figures
    })
  }
  loads.push({ broker, load: "window full", messages: task.messages, rounds: task.rounds, ...full.figures })
  const result: StagesResult = {
    loads,
    cost: {
      broker,
      offCpuMicros: cpu(off),
      onCpuMicros: cpu(on),
      offPerSecond: speed(off),
      onPerSecond: speed(on)
    }
  }
  return result
})
