/**
 * Several measures in turn, several times over: what the machine does meanwhile hits all of them alike.
 */
import { Effect } from "effect"
import { type Counts, type Row, totalOf } from "./figures.ts"
import type { Latency } from "./latency.ts"
import { spreadOf } from "./spread.ts"
import type { Elapsed } from "./stopwatch.ts"

/** One round of one measure. */
export interface Sample extends Elapsed {
  readonly messages: number
  readonly counts: Counts
  readonly publishToAck?: Latency | undefined
}

export interface Measure<E> {
  readonly name: string
  readonly messages: number
  /** Sets up, measures and verifies one round of so many messages. */
  readonly round: (messages: number) => Effect.Effect<Sample, E>
}

export interface Measured {
  readonly row: Row
  /** Messages per second of each round, in order. */
  readonly speeds: ReadonlyArray<number>
  /** Nanoseconds per message of each round, in order. */
  readonly nanos: ReadonlyArray<number>
}

const rowOf = (name: string, samples: ReadonlyArray<Sample>): Measured => {
  const speeds = samples.map(({ messages, millis }) => messages / millis * 1000)
  const [latency, ...others] = samples.flatMap(({ publishToAck }) => publishToAck ?? [])
  for (const other of others) latency?.add(other)
  const percentiles = latency?.percentiles
  return {
    row: {
      name,
      messages: samples[0]?.messages ?? 0,
      messagesPerSecond: spreadOf(speeds),
      // Somebody else's process may not tell.
      ...(samples.some(({ cpuMillis }) => Number.isNaN(cpuMillis)) ? undefined : {
        cpuNanosPerMessage: spreadOf(samples.map(({ cpuMillis, messages }) => cpuMillis / messages * 1e6))
      }),
      ...(percentiles === undefined ? undefined : { publishToAckMs: percentiles }),
      ...totalOf(samples.map(({ counts }) => counts))
    },
    speeds,
    nanos: samples.map(({ messages, millis }) => millis / messages * 1e6)
  }
}

/** A measure warms up with so many of its messages: enough for the compiler to be done with it. */
const warmUpShare = 0.25

export const interleave = Effect.fnUntraced(function*<E>(
  measures: ReadonlyArray<Measure<E>>,
  options: { readonly rounds: number; readonly onRound: (name: string, round: number) => Effect.Effect<void> }
) {
  const samples = measures.map((): Array<Sample> => [])
  for (const { messages, name, round } of measures) {
    yield* options.onRound(name, 0)
    yield* round(Math.ceil(messages * warmUpShare))
  }
  for (let number = 1; number <= options.rounds; number++) {
    for (let i = 0; i < measures.length; i++) {
      // Each round begins with another one, so that nobody is always behind the same neighbour.
      const index = (i + number) % measures.length
      const { messages, name, round } = measures[index]!
      yield* options.onRound(name, number)
      samples[index]!.push(yield* round(messages))
    }
  }
  return measures.map(({ name }, index) => rowOf(name, samples[index]!))
})
