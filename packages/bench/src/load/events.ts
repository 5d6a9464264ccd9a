/**
 * The event of a load: a Wire.json envelope of about 300 bytes with every header, unless a size is asked for.
 */
import * as Event from "@effect-eventbus/core/Event"
import * as Topic from "@effect-eventbus/core/Topic"
import * as Wire from "@effect-eventbus/core/Wire"
import { Schema } from "effect"
import { type BrokerName, storageOf } from "../brokers/target.ts"
import { aggregateOf, serialOf, type Shape, topicCount } from "./shape.ts"

export const Reading = Event.make("Reading", {
  version: 1,
  payload: Schema.Struct({
    sensorId: Schema.String,
    /** Number of the message in its load; below 0 it only opens the way. */
    index: Schema.Int,
    /** Counts the events of this sensor, from 0. */
    serial: Schema.Int,
    celsius: Schema.Finite,
    note: Schema.optionalKey(Schema.String)
  }),
  aggregateId: ({ sensorId }) => sensorId
})

export type Reading = Event.EnvelopeOf<typeof Reading>

export interface TopicOptions {
  readonly broker: BrokerName
  readonly partitions: number
  readonly headers?: boolean
}

export const topicOf = (name: string, { broker, headers = true, partitions }: TopicOptions) =>
  Topic.make(name, {
    events: [Reading],
    partitions,
    storage: storageOf(broker),
    wire: headers ? Wire.json : Wire.jsonWith({ headers: false })
  })

export type ReadingTopic = ReturnType<typeof topicOf>

/** Names are of one round of one cell: nobody has been there before. */
export const topicsOf = (prefix: string, options: TopicOptions, count = topicCount): ReadonlyArray<ReadingTopic> =>
  Array.from({ length: count }, (_, i) => topicOf(`${prefix}-${"abcde"[i] ?? i}`, options))

/** Writes the envelopes of one round. */
export class Writer {
  readonly #shape: Shape
  readonly #prefix: string
  readonly #sensors: ReadonlyArray<string>
  readonly #note: string | undefined

  /** `round` keeps event ids apart; `noteBytes` are added to each payload. */
  constructor(shape: Shape, round: string, noteBytes = 0) {
    this.#shape = shape
    // As long as a UUID, without the cost of drawing one.
    this.#prefix = `${round.padStart(8, "0")}-7a3e-7b1c-8d15-`
    this.#sensors = Array.from({ length: shape.aggregates }, (_, i) => `sensor-${String(i).padStart(4, "0")}`)
    this.#note = noteBytes > 0 ? "x".repeat(noteBytes) : undefined
  }

  #write(sensorId: string, index: number, serial: number, id: string): Reading {
    return {
      // Joined, so that it is one string in memory, as ids are that come from elsewhere, and not a tree of two.
      eventId: [this.#prefix, id].join(""),
      aggregateId: sensorId,
      type: "Reading",
      version: 1,
      timestamp: new Date(),
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      correlationId: "checkout-7f3a",
      tenantId: 42,
      payload: {
        sensorId,
        index,
        serial,
        celsius: 12.5 + index % 20,
        ...(this.#note === undefined ? undefined : { note: this.#note })
      }
    }
  }

  envelope(index: number): Reading {
    const shape = this.#shape
    return this.#write(
      this.#sensors[aggregateOf(shape, index)]!,
      index,
      serialOf(shape, index),
      String(index).padStart(12, "0")
    )
  }

  /** Goes before the load, to a topic, so that its way is open when the clock starts. Not counted. */
  opener(topic: number, number: number): Reading {
    const id = `f${topic}${String(number).padStart(10, "0")}`
    return this.#write(`opener-${number}`, -1, number, id)
  }
}
