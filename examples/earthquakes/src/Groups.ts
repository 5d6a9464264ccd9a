/**
 * The two consumer groups. Each gets every event; delivery is at least once, so each remembers what it has handled.
 */
import * as Subscriber from "@effect-eventbus/core/Subscriber"
import { Effect } from "effect"
import { Alerts } from "./Alerts.ts"
import type { EarthquakeDetected, EarthquakeTopic, Quake } from "./Earthquake.ts"
import { Once } from "./Once.ts"
import { Order } from "./Order.ts"
import type { Run } from "./Run.ts"
import { Tally } from "./Tally.ts"

/** A group with what it has seen. */
export class Group {
  readonly name: string
  readonly order = new Order()
  handled = 0
  readonly #once: Once
  readonly #run: Run
  readonly #act: (quake: Quake) => void

  constructor(
    name: string,
    options: { readonly run: Run; readonly events: number; readonly act: (quake: Quake) => void }
  ) {
    this.name = name
    this.#once = new Once(options.events)
    this.#run = options.run
    this.#act = options.act
  }

  handle({ aggregateId, eventId, payload }: EarthquakeDetected): void {
    if (!this.#once.first(eventId)) return
    this.#act(payload)
    this.handled++
    this.order.observe(aggregateId, payload.position)
    this.#run.handled(payload.position, performance.now())
  }
}

/** Subscribes both groups. `events`: different events in one repeat. */
export const subscribe = Effect.fnUntraced(function*(topic: EarthquakeTopic, run: Run, events: number) {
  const subscriber = yield* Subscriber.Subscriber
  const tally = new Group("tally", { run, events, act: (yield* Tally).add })
  const alerts = new Group("alerts", { run, events, act: (yield* Alerts).consider })
  const subscriptions = yield* Effect.forEach([tally, alerts], (group) =>
    subscriber.subscribe(topic, {
      group: group.name,
      concurrency: 16,
      handlers: { EarthquakeDetected: (envelope) => Effect.sync(() => group.handle(envelope)) }
    }))
  return {
    tally,
    alerts,
    /** Fails when one of them has stopped. */
    watch: Effect.raceAllFirst(subscriptions.map((subscription) => subscription.await))
  }
})
