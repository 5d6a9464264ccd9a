import { assert, describe, it } from "@effect/vitest"
import { assign } from "../src/internal/assigner.ts"

const plain = (assigned: ReturnType<typeof assign>) =>
  Object.fromEntries([...assigned].map(([member, topics]) => [member, Object.fromEntries(topics)]))

describe("assign", () => {
  it("gives each partition to one member", () => {
    const members = [{ memberId: "b", topics: ["t"] }, { memberId: "a", topics: ["t"] }]
    assert.deepStrictEqual(plain(assign(members, () => 3)), { a: { t: [0, 2] }, b: { t: [1] } })
  })

  it("gives a member only what it subscribes to", () => {
    const members = [{ memberId: "a", topics: ["t"] }, { memberId: "b", topics: ["u"] }]
    assert.deepStrictEqual(plain(assign(members, () => 2)), { a: { t: [0, 1] }, b: { u: [0, 1] } })
  })

  it("balances over topics", () => {
    const members = [{ memberId: "a", topics: ["t", "u"] }, { memberId: "b", topics: ["t", "u"] }]
    assert.deepStrictEqual(plain(assign(members, () => 1)), { a: { t: [0] }, b: { u: [0] } })
  })

  it("leaves members without a partition", () => {
    const members = ["a", "b"].map((memberId) => ({ memberId, topics: ["t"] }))
    assert.deepStrictEqual(plain(assign(members, () => 1)), { a: { t: [0] }, b: {} })
  })
})
