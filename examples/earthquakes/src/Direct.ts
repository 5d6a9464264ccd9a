/**
 * What the bus should come to, computed from the file alone, and how the two compare.
 */
import { threshold } from "./Alerts.ts"
import type { Catalogue } from "./Catalogue.ts"
import type { Row, Table } from "./Tally.ts"

export interface Expected {
  readonly table: Table
  readonly alerts: number
  /** Different events, of which each group handles every one. */
  readonly events: number
}

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)

/** For a catalogue of which the quake at each place was published so many times. Copies of an id do not count. */
export const compute = (catalogue: Catalogue, times: (place: number) => number): Expected => {
  const quakes = catalogue.quakes.flatMap((quake, place) => {
    const count = catalogue.copies.has(place) ? 0 : times(place)
    return count === 0 ? [] : [{ ...quake, count }]
  })
  const table = new Map<string, Row>()
  for (const [network, members = []] of Object.entries(Object.groupBy(quakes, (quake) => quake.network))) {
    const count = sum(members.map((quake) => quake.count))
    table.set(network, {
      count,
      maxMagnitude: members.reduce((max, { magnitude }) => Math.max(max, magnitude), -Infinity),
      meanDepthKm: sum(members.map((quake) => quake.depthKm * quake.count)) / count
    })
  }
  return {
    table,
    alerts: sum(quakes.filter(({ magnitude }) => magnitude >= threshold).map((quake) => quake.count)),
    events: sum(quakes.map((quake) => quake.count))
  }
}

/** Means are sums of the same numbers in another order: they agree to this relative precision. */
const precision = 1e-9

const close = (a: number, b: number): boolean => a === b || Math.abs(a - b) <= precision * Math.max(1, Math.abs(b))

/** Each difference between two rows, in words. */
export const rowDifferences = (network: string, actual: Row | undefined, expected: Row | undefined): Array<string> => {
  if (actual === undefined) return expected === undefined ? [] : [`network ${network} is missing`]
  if (expected === undefined) return [`network ${network} is not in the file`]
  const columns = [
    ["count", actual.count, expected.count],
    ["largest magnitude", actual.maxMagnitude, expected.maxMagnitude],
    ["mean depth", actual.meanDepthKm, expected.meanDepthKm]
  ] as const
  return columns.flatMap(([name, is, should]) =>
    close(is, should) ? [] : [`network ${network}: ${name} is ${is}, not ${should}`]
  )
}

/** What was handled, to be compared. */
export interface Actual {
  readonly table: Table
  readonly alerts: number
  readonly handled: { readonly tally: number; readonly alerts: number }
}

/** Each difference between what the groups came to and the computation, in words. */
export const differences = (actual: Actual, expected: Expected): Array<string> => {
  const networks = new Set([...expected.table.keys(), ...actual.table.keys()])
  const out = Array.from(networks).flatMap((network) =>
    rowDifferences(network, actual.table.get(network), expected.table.get(network))
  )
  if (actual.alerts !== expected.alerts) out.push(`alerts raised: ${actual.alerts}, not ${expected.alerts}`)
  for (const group of ["tally", "alerts"] as const) {
    const handled = actual.handled[group]
    if (handled !== expected.events) out.push(`events handled by group ${group}: ${handled}, not ${expected.events}`)
  }
  return out
}

/** The same for a run that was stopped: only networks of which everything that was acknowledged has been handled. */
export const completeDifferences = (actual: Table, expected: Table): Array<string> =>
  Array.from(expected).flatMap(([network, row]) =>
    actual.get(network)?.count === row.count ? rowDifferences(network, actual.get(network), row) : []
  )
