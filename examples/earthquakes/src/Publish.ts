/**
 * The catalogue, once or many times over, as events on the bus.
 */
import * as Publisher from "@effect-eventbus/core/Publisher"
import { Effect, Result } from "effect"
import type { Catalogue } from "./Catalogue.ts"
import { EarthquakeDetected, type EarthquakeTopic, eventIdOf } from "./Earthquake.ts"
import type { Run } from "./Run.ts"

/**
 * Publishes the catalogue `repeat` times. Completes when the last event is accepted, or soon after `run.stop`: it stops
 * between two events, so that there is none of which nobody knows whether it was published.
 */
export const publish = Effect.fnUntraced(function*(options: {
  readonly runId: string
  readonly run: Run
  readonly topic: EarthquakeTopic
  readonly catalogue: Catalogue
  readonly repeat: number
}) {
  const { catalogue, run, runId, topic } = options
  const publisher = yield* Publisher.Publisher
  for (let repeat = 0; repeat < options.repeat; repeat++) {
    for (let place = 0; place < catalogue.quakes.length; place++) {
      yield* run.room
      if (run.stopping) return
      const quake = catalogue.quakes[place]!
      const copy = catalogue.copies.has(place)
      const position = run.next(performance.now(), !copy)
      const envelope = EarthquakeDetected.make({ ...quake, position }, { eventId: eventIdOf(runId, repeat, quake.id) })
      const acceptance = yield* Effect.result(publisher.publishAsync(topic, envelope))
      if (Result.isFailure(acceptance)) {
        run.refused(position, acceptance.failure)
        continue
      }
      const accepted = performance.now()
      run.accepted(position, accepted)
      // On its own: what is accepted settles, whatever becomes of this fiber. A program that need not know when each
      // single event was acknowledged drops the receipt, and reads `publisher.results` or awaits `publisher.flush`.
      yield* Effect.forkDetach(
        Effect.onExit(
          acceptance.success,
          (outcome) => Effect.sync(() => run.settled(position, outcome, performance.now() - accepted))
        ),
        { startImmediately: true }
      )
    }
  }
})
