import { assert, describe, it } from "@effect/vitest"
import { brokerNames } from "../src/brokers/target.ts"
import { plan } from "../src/compare/compare.ts"
import { levels, roundsOf } from "../src/compare/levels.ts"
import { givesUp, isWarm, wasCold } from "../src/compare/warm.ts"
import { aggregateOf, aggregatesOf, indexOf, lengthOf, serialOf, shapeOf, topicOf } from "../src/load/shape.ts"

const targets = brokerNames.map((broker) => ({ broker, servers: [] }))

describe("levels", () => {
  it("are those of the reports, and two that last", () => {
    assert.deepStrictEqual(levels.map(({ messages }) => messages), [500, 2000, 5000, 10_000, 200_000, 1_000_000])
  })

  it("have a tenth as many aggregates, at least 50 and at most 1,000", () => {
    assert.deepStrictEqual(levels.map(({ messages }) => aggregatesOf(messages)), [50, 200, 500, 1000, 1000, 1000])
    assert.strictEqual(aggregatesOf(10), 50)
  })

  it("are measured in all cells, and neighbours are of different brokers", () => {
    const tasks = plan({ targets, rounds: 3, messages: 1_000_000, quick: false })
    assert.strictEqual(tasks.length, 6 * 3 * 4)
    assert.strictEqual(new Set(tasks.map(({ id }) => id)).size, tasks.length)
    assert.deepStrictEqual(tasks.slice(0, 4).map(({ broker }) => broker), [...brokerNames])
  })

  it("end where the command line says", () => {
    const tasks = plan({ targets, rounds: 3, messages: 10_000, quick: false })
    assert.deepStrictEqual([...new Set(tasks.map(({ level }) => level))], ["Low", "Medium", "High", "Extreme"])
  })

  it("have fewer rounds where one lasts long", () => {
    assert.deepStrictEqual(levels.map((level) => roundsOf(level, 5)), [5, 5, 5, 5, 2, 1])
    assert.deepStrictEqual(levels.map((level) => roundsOf(level, 1)), [1, 1, 1, 1, 1, 1])
  })
})

describe("the shape of a load", () => {
  it.each([500, 2000, 10_001])("gives each of %d messages one place", (messages) => {
    const shape = shapeOf(messages)
    const lengths = new Map<number, number>()
    for (let index = 0; index < messages; index++) {
      const aggregate = aggregateOf(shape, index)
      assert.strictEqual(indexOf(shape, aggregate, serialOf(shape, index)), index)
      assert.strictEqual(serialOf(shape, index), lengths.get(aggregate) ?? 0)
      assert.isBelow(topicOf(aggregate), 5)
      lengths.set(aggregate, (lengths.get(aggregate) ?? 0) + 1)
    }
    for (const [aggregate, length] of lengths) assert.strictEqual(lengthOf(shape, aggregate), length)
  })
})

describe("warm", () => {
  it("is what has been round three times and is not slower any more", () => {
    assert.isFalse(isWarm([100, 100]))
    assert.isTrue(isWarm([30, 80, 100]))
    assert.isTrue(isWarm([100, 90, 71]))
    assert.isFalse(isWarm([100, 90, 60]))
  })

  it("is given up some time", () => {
    assert.isFalse(givesUp(Array.from({ length: 9 }, () => 1)))
    assert.isTrue(givesUp(Array.from({ length: 10 }, () => 1)))
  })

  it("was not, where every other round is twice as fast as the first", () => {
    assert.isTrue(wasCold([10, 21, 30]))
    assert.isFalse(wasCold([10, 19, 30]))
    assert.isFalse(wasCold([10, 30]))
    assert.isFalse(wasCold([10]))
  })
})
