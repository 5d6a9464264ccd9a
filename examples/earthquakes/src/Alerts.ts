/**
 * What the group `alerts` is there for: to say so when a quake is strong.
 */
import { Context, Layer } from "effect"
import type { Quake } from "./Earthquake.ts"

/** From this magnitude on an alert is raised. */
export const threshold = 4.5

export class Alerts extends Context.Service<Alerts, {
  /** Raises an alert if the quake asks for one. */
  readonly consider: (quake: Quake) => void
  /** How many were raised. */
  readonly raised: () => number
  readonly strongest: () => Quake | undefined
}>()("earthquakes/Alerts") {
  static readonly layer = Layer.sync(Alerts, () => {
    let raised = 0
    let strongest: Quake | undefined
    return Alerts.of({
      consider: (quake) => {
        if (quake.magnitude < threshold) return
        raised++
        if (strongest === undefined || quake.magnitude > strongest.magnitude) strongest = quake
      },
      raised: () => raised,
      strongest: () => strongest
    })
  })
}
