import { assert, describe, it } from "@effect/vitest"
import type { Catalogue } from "../src/Catalogue.ts"
import * as Direct from "../src/Direct.ts"
import type { Row } from "../src/Tally.ts"
import { aQuake } from "./fixtures/quakes.ts"

const catalogue: Catalogue = {
  quakes: [
    { ...aQuake, id: "a", network: "us", magnitude: 4.5, depthKm: 10 },
    { ...aQuake, id: "b", network: "us", magnitude: 4.4, depthKm: 20 },
    { ...aQuake, id: "a", network: "us", magnitude: 9, depthKm: 90 },
    { ...aQuake, id: "c", network: "hv", magnitude: -1, depthKm: -2 }
  ],
  copies: new Set([2]),
  rejections: []
}

const actual = (rows: Record<string, Row>, alerts: number, handled: number): Direct.Actual => ({
  table: new Map(Object.entries(rows)),
  alerts,
  handled: { tally: handled, alerts: handled }
})

const right = {
  us: { count: 4, maxMagnitude: 4.5, meanDepthKm: 15 },
  hv: { count: 2, maxMagnitude: -1, meanDepthKm: -2 }
}

describe("the direct computation", () => {
  it("counts each quake as often as it was published, and copies not at all", () => {
    const expected = Direct.compute(catalogue, () => 2)
    assert.deepStrictEqual(Object.fromEntries(expected.table), right)
    assert.deepStrictEqual([expected.alerts, expected.events], [2, 6])
  })

  it("leaves out networks of which nothing was published", () => {
    const expected = Direct.compute(catalogue, (place) => place === 3 ? 1 : 0)
    assert.deepStrictEqual([...expected.table.keys()], ["hv"])
  })

  it("finds no difference where there is none, but for the last digits of a mean", () => {
    const expected = Direct.compute(catalogue, () => 2)
    const almost = { ...right, us: { ...right.us, meanDepthKm: 15 + 1e-12 } }
    assert.deepStrictEqual(Direct.differences(actual(almost, 2, 6), expected), [])
  })

  it("names every difference", () => {
    const expected = Direct.compute(catalogue, () => 2)
    const wrong = { us: { count: 3, maxMagnitude: 4.4, meanDepthKm: 15.1 }, ak: right.hv }
    assert.deepStrictEqual(Direct.differences(actual(wrong, 1, 5), expected), [
      "network us: count is 3, not 4",
      "network us: largest magnitude is 4.4, not 4.5",
      "network us: mean depth is 15.1, not 15",
      "network hv is missing",
      "network ak is not in the file",
      "alerts raised: 1, not 2",
      "events handled by group tally: 5, not 6",
      "events handled by group alerts: 5, not 6"
    ])
  })
})
