/**
 * What the group `tally` is there for: how many, how large and how deep, for each seismic network.
 */
import { Context, Layer } from "effect"
import type { Quake } from "./Earthquake.ts"

/** One network. */
export interface Row {
  readonly count: number
  readonly maxMagnitude: number
  readonly meanDepthKm: number
}

export type Table = ReadonlyMap<string, Row>

export class Tally extends Context.Service<Tally, {
  readonly add: (quake: Quake) => void
  readonly table: () => Table
}>()("earthquakes/Tally") {
  static readonly layer = Layer.sync(Tally, () => {
    const rows = new Map<string, { count: number; maxMagnitude: number; depthKm: number }>()
    return Tally.of({
      add: ({ depthKm, magnitude, network }) => {
        const row = rows.get(network)
        if (row === undefined) {
          rows.set(network, { count: 1, maxMagnitude: magnitude, depthKm })
        } else {
          row.count++
          row.maxMagnitude = Math.max(row.maxMagnitude, magnitude)
          row.depthKm += depthKm
        }
      },
      table: () =>
        new Map(
          Array.from(rows, ([network, { count, depthKm, maxMagnitude }]) => [
            network,
            { count, maxMagnitude, meanDepthKm: depthKm / count }
          ])
        )
    })
  })
}
