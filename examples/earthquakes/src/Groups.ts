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
import type { Ending } from "./Summary.ts"
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

export interface Groups {
  readonly tally: Group
  readonly alerts: Group
  /** Completes when one of the subscriptions has stopped. */
  readonly stopped: Effect.Effect<Ending>
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
      drainTimeout: "1 second",
      handlers: { EarthquakeDetected: (envelope) => Effect.sync(() => group.handle(envelope)) }
    }))
  const groups: Groups = {
    tally,
    alerts,
    stopped: Effect.match(Effect.raceAllFirst(subscriptions.map((subscription) => subscription.await)), {
      onFailure: ({ message }) => ({ _tag: "Failed", problem: `a subscription has stopped: ${message}` }),
      onSuccess: () => ({ _tag: "Failed", problem: "a subscription has ended" })
    })
  }
  return groups
})
