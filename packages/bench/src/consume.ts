/**
 * The suite `consume`: what it costs to have a record handled.
 */
import { Effect } from "effect"
import type { Check, Figures } from "./figures.ts"
import { machine, versions } from "./machine.ts"
import { interleave } from "./rounds.ts"
import { ratioOf } from "./spread.ts"
import { handlers, raw } from "./workload/consume.ts"

export interface Options {
  readonly messages: number
  readonly rounds: number
  readonly say: (text: string) => Effect.Effect<void>
}

const times = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} x`

export const consume = Effect.fnUntraced(function*({ messages, rounds, say }: Options) {
  // A handler of 2 ms, one at a time, is 500 a second at the best.
  const slow = Math.max(200, Math.ceil(messages / 200))
  const measures = [
    raw(messages, 1000),
    handlers({ name: "trivial handler", messages, concurrency: 64, aggregates: 1000, millis: 0 }),
    handlers({ name: "2 ms handler, one at a time", messages: slow, concurrency: 1, aggregates: 1000, millis: 2 }),
    handlers({
      name: "2 ms handler, 64 at once",
      messages: slow * 20,
      concurrency: 64,
      aggregates: 1000,
      millis: 2
    })
  ] as const
  const where = machine()
  const [own, trivial, serial, wide] = yield* interleave(measures, {
    rounds,
    onRound: (name, round) => say(round === 0 ? `warm-up: ${name}` : `round ${round} of ${rounds}: ${name}`)
  })
  if (own === undefined || trivial === undefined || serial === undefined || wide === undefined) {
    return yield* Effect.die(new Error("nothing was measured"))
  }
  const toRaw = ratioOf(trivial.speeds, own.speeds)
  const toSerial = ratioOf(wide.speeds, serial.speeds)
  const speed = trivial.row.messagesPerSecond.median
  const targets: ReadonlyArray<Check> = [
    {
      name: "trivial handler: at least 150,000 messages/s",
      ok: speed >= 150_000,
      detail: `${Math.round(speed).toLocaleString("en-US")}/s`
    },
    {
      name: "64 lanes over 1,000 aggregates: at least 40 x one at a time",
      ok: toSerial.median >= 40,
      detail: times(toSerial.median)
    }
  ]
  const figures: Figures = {
    suite: "consume",
    machine: where,
    versions: versions(),
    rows: [own, trivial, serial, wide].map(({ row }) => row),
    ratios: {
      [`${trivial.row.name}/${own.row.name}`]: toRaw,
      [`${wide.row.name}/${serial.row.name}`]: toSerial
    },
    checks: [],
    targets,
    sound: "Every round: each event handled once, in the order of its aggregate, and the group behind by nothing."
  }
  return figures
})
