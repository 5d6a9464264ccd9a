import { Deferred, Effect } from "effect"
import { describe, expect, test } from "vitest"
import { Diagnosis } from "../src/internal/diagnosis.ts"

const setUp = () => {
  const state = { now: 0, looks: 0, answer: Deferred.makeUnsafe<boolean>() }
  const diagnosis = new Diagnosis({
    look: () =>
      Effect.suspend(() => {
        state.looks++
        return Deferred.await(state.answer)
      }),
    fork: (effect) => void Effect.runFork(effect),
    now: () => state.now
  })
  const answered = async (missing: boolean) => {
    Deferred.doneUnsafe(state.answer, Effect.succeed(missing))
    state.answer = Deferred.makeUnsafe()
    await Promise.resolve()
  }
  return { state, diagnosis, answered }
}

describe("Diagnosis", () => {
  test("nobody waits for the look, and there is one at a time", () => {
    const { diagnosis, state } = setUp()
    expect([diagnosis.isMissing("t"), diagnosis.isMissing("t"), diagnosis.isMissing("u")]).toEqual([
      false,
      false,
      false
    ])
    expect(state.looks).toBe(2)
  })

  test("a missing topic is told as such for a second, then looked for again", async () => {
    const { answered, diagnosis, state } = setUp()
    diagnosis.isMissing("t")
    await answered(true)
    state.now = 999
    expect(diagnosis.isMissing("t")).toBe(true)
    expect(state.looks).toBe(1)
    state.now = 1000
    expect(diagnosis.isMissing("t")).toBe(false)
    expect(state.looks).toBe(2)
  })

  test("a topic that is there is looked for again at the next message that nobody takes", async () => {
    const { answered, diagnosis, state } = setUp()
    diagnosis.isMissing("t")
    await answered(false)
    expect(diagnosis.isMissing("t")).toBe(false)
    expect(state.looks).toBe(2)
  })
})
