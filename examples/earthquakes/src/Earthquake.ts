/**
 * The event that all of this is about, and the topic that carries it.
 */
import * as Envelope from "@effect-eventbus/core/Envelope"
import * as Event from "@effect-eventbus/core/Event"
import * as Topic from "@effect-eventbus/core/Topic"
import { Schema } from "effect"

/** The seismic network becomes the aggregate id, and the quake's id a part of the event id: both must fit. */
const Network = Schema.String.check(
  Schema.makeFilter((network: string) => Envelope.isAggregateId(network) || "must be 1 to 256 of A-Z a-z 0-9 : _ . / -")
)
const Id = Schema.String.check(
  Schema.makeFilter((id: string) =>
    (Envelope.isEventId(id) && id.length <= 100) || "must be 1 to 100 characters and not blank"
  )
)

/** One line of the catalogue. The bounds are those of the planet. */
export const Quake = Schema.Struct({
  id: Id,
  network: Network,
  /** Milliseconds since 1970. */
  time: Schema.Int,
  updated: Schema.Int,
  /** Small quakes have negative magnitudes. */
  magnitude: Schema.Finite,
  magnitudeType: Schema.String,
  place: Schema.String,
  /** "earthquake", "quarry blast", "explosion", ... */
  type: Schema.String,
  /** "reviewed" by a person, "automatic", ... */
  status: Schema.String,
  tsunami: Schema.Boolean,
  significance: Schema.Int,
  /** How many stations reported it; some networks do not say. */
  stations: Schema.NullOr(Schema.Int),
  longitude: Schema.Finite.check(Schema.isBetween({ minimum: -180, maximum: 180 })),
  latitude: Schema.Finite.check(Schema.isBetween({ minimum: -90, maximum: 90 })),
  /** Below sea level; negative above it. */
  depthKm: Schema.Finite
})

export type Quake = typeof Quake.Type

/** A network has reported a quake. One network's quakes are handled in the order in which they were published. */
export const EarthquakeDetected = Event.make("EarthquakeDetected", {
  version: 1,
  payload: Schema.Struct({
    ...Quake.fields,
    /** The publisher's count, from 0, over the whole run: what order is checked by. */
    position: Schema.Int
  }),
  aggregateId: (quake) => quake.network
})

export type EarthquakeDetected = Event.EnvelopeOf<typeof EarthquakeDetected>

/**
 * The log of one run. Each run has its own, so that runs do not meet on a broker that outlives them.
 *
 * `retention` is a number of events, without it everything stays. Nothing that a group still needs is ever evicted, because the publisher keeps
 * within half of it of the slowest group: see `Pace`.
 */
export const topicOf = (run: string, options: { readonly retention?: number }) =>
  Topic.make(`earthquakes.run-${run}`, {
    events: [EarthquakeDetected],
    partitions: 4,
    ...(options.retention === undefined ? undefined : { retention: { count: options.retention } }),
    dedupeWindow: "30 seconds"
  })

export type EarthquakeTopic = ReturnType<typeof topicOf>

/** `<run>-<repeat>-<id of the quake>`: the same quake in another repeat is another event. */
export const eventIdOf = (run: string, repeat: number, quakeId: string): string => `${run}-${repeat}-${quakeId}`

/** What an event id was made of, but for the run. The run has no dash, the quake's id may have some. */
export const parseEventId = (eventId: string): { readonly repeat: number; readonly quakeId: string } => {
  const afterRun = eventId.indexOf("-")
  const afterRepeat = eventId.indexOf("-", afterRun + 1)
  return { repeat: Number(eventId.slice(afterRun + 1, afterRepeat)), quakeId: eventId.slice(afterRepeat + 1) }
}
