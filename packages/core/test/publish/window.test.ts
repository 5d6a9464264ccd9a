import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type Cancel, Window } from "../../src/internal/publish/window.ts"

/** What happens in a script: `who` names the waiter or the holder by its position among those there are. */
const Step = Schema.Union([
  Schema.Struct({
    _tag: Schema.tag("acquire"),
    bytes: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10 }))
  }),
  Schema.Struct({ _tag: Schema.tag("cancel"), who: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })) }),
  Schema.Struct({ _tag: Schema.tag("release"), who: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })) }),
  // Releases a permit from inside the next grant: what a resumed fiber may do on our stack.
  Schema.Struct({
    _tag: Schema.tag("releaseInside"),
    who: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
  })
])

interface Request {
  readonly id: number
  readonly bytes: number
  state: "waiting" | "held" | "cancelled" | "returned" | "refused"
  cancel: Cancel
}

const run = (script: ReadonlyArray<typeof Step.Type>, maxCount: number, maxBytes: number) => {
  const window = new Window(maxCount, maxBytes)
  const requests: Array<Request> = []
  const granted: Array<number> = []
  let inside: (() => void) | undefined
  const check = () => {
    const held = requests.filter((request) => request.state === "held")
    const bytes = held.reduce((sum, request) => sum + request.bytes, 0)
    assert.isAtMost(window.count, maxCount)
    assert.isAtMost(window.bytes, maxBytes)
    assert.strictEqual(window.waiting, requests.filter((request) => request.state === "waiting").length)
    return { held, bytes }
  }
  const release = (who: number) => {
    const held = requests.filter((request) => request.state === "held")
    const request = held[who % Math.max(held.length, 1)]
    if (request === undefined) return
    request.state = "returned"
    window.release(1, request.bytes)
  }
  for (const step of script) {
    switch (step._tag) {
      case "acquire": {
        const request: Request = { id: requests.length, bytes: step.bytes, state: "waiting", cancel: () => {} }
        requests.push(request)
        request.cancel = window.wait({
          count: 1,
          bytes: step.bytes,
          grant: () => {
            assert.strictEqual(request.state, "waiting")
            request.state = "held"
            granted.push(request.id)
            check()
            const act = inside
            inside = undefined
            act?.()
          },
          refuse: () => {
            assert.strictEqual(request.state, "waiting")
            request.state = "refused"
          }
        })
        break
      }
      case "cancel": {
        const waiting = requests.filter((request) => request.state === "waiting")
        const request = waiting[step.who % Math.max(waiting.length, 1)]
        if (request !== undefined) {
          request.state = "cancelled"
          request.cancel()
        }
        break
      }
      case "release":
        release(step.who)
        break
      case "releaseInside":
        inside = () => release(step.who)
    }
    const { bytes, held } = check()
    assert.strictEqual(window.count, held.length)
    assert.strictEqual(window.bytes, bytes)
    // Nobody waits while there is room for the first in line.
    const first = requests.find((request) => request.state === "waiting")
    if (first !== undefined) assert.isTrue(window.count + 1 > maxCount || window.bytes + first.bytes > maxBytes)
  }
  // First come, first served.
  assert.deepStrictEqual(granted, granted.toSorted((a, b) => a - b))
  window.close()
  assert.strictEqual(window.waiting, 0)
  for (const request of requests) if (request.state === "held") release(0)
  assert.strictEqual(window.count, 0)
  assert.strictEqual(window.bytes, 0)
  for (const request of requests) assert.notStrictEqual(request.state, "waiting")
}

describe("Window", () => {
  it.prop(
    "holds its bounds and its line under any interleaving of waiting, granting, cancelling and releasing",
    [Schema.Array(Step)],
    ([script]) => run(script, 3, 16),
    { arbitrary: { runs: 2000 } }
  )

  it("loses no wake-up in any order of check, register, cancel and ack of three publishers and two permits", () => {
    // Each actor has its steps in order; every merge of the actors' steps is run.
    type Actor = ReadonlyArray<(state: State) => void>
    interface State {
      readonly window: Window
      readonly granted: Array<number>
      readonly full: Array<boolean>
      readonly cancels: Array<Cancel>
      returned: number
    }
    const publisher = (i: number, gives: "stays" | "givesUp"): Actor => [
      (state) => {
        const acquired = state.window.tryAcquire(1, 1)
        state.full[i] = !acquired
        if (acquired) state.granted.push(i)
      },
      (state) => {
        if (!state.full[i]) return
        state.cancels[i] = state.window.wait({
          count: 1,
          bytes: 1,
          grant: () => state.granted.push(i),
          refuse: () => assert.fail("refused")
        })
      },
      ...(gives === "givesUp" ? [(state: State) => state.cancels[i]?.()] : [])
    ]
    const ack = (state: State): void => {
      if (state.returned === state.granted.length + 1) return
      state.returned++
      state.window.release(1, 1)
    }
    const merges = (actors: ReadonlyArray<Actor>): ReadonlyArray<Actor> =>
      actors.every((actor) => actor.length === 0)
        ? [[]]
        : actors.flatMap(([first, ...rest], i) =>
          first === undefined
            ? []
            : merges(actors.map((actor, j) => i === j ? rest : actor)).map((order) => [first, ...order])
        )
    const orders = merges([publisher(0, "stays"), publisher(1, "givesUp"), publisher(2, "stays"), [ack, ack]])
    assert.strictEqual(orders.length, 7560)
    for (const order of orders) {
      // One of two permits is out already; acks return the oldest.
      const state: State = { window: new Window(2, 100), granted: [], full: [], cancels: [], returned: 0 }
      assert.isTrue(state.window.tryAcquire(1, 1))
      for (const step of order) {
        step(state)
        assert.isAtMost(state.window.count, 2)
      }
      // Everybody who has not given up gets through as permits come back.
      for (let i = 0; i < 5; i++) ack(state)
      assert.includeMembers(state.granted, [0, 2])
      assert.strictEqual(new Set(state.granted).size, state.granted.length)
      assert.deepStrictEqual([state.window.count, state.window.bytes, state.window.waiting], [0, 0, 0])
    }
  })

  it("grants at once what has come free between the refusal and the registration", () => {
    const window = new Window(1, 100)
    assert.isTrue(window.tryAcquire(1, 10))
    // 1. The caller looks: full.
    assert.isFalse(window.tryAcquire(1, 10))
    // 2. The permit comes back before the caller is in line.
    window.release(1, 10)
    // 3. The caller registers: it must not sleep.
    let granted = 0
    window.wait({ count: 1, bytes: 10, grant: () => granted++, refuse: () => assert.fail() })
    assert.strictEqual(granted, 1)
    assert.strictEqual(window.count, 1)
  })

  it("does not let a newcomer overtake a waiter that is larger", () => {
    const window = new Window(10, 100)
    assert.isTrue(window.tryAcquire(1, 60))
    const order: Array<string> = []
    window.wait({ count: 1, bytes: 60, grant: () => order.push("large"), refuse: () => {} })
    assert.isFalse(window.tryAcquire(1, 1))
    window.wait({ count: 1, bytes: 1, grant: () => order.push("small"), refuse: () => {} })
    window.release(1, 60)
    assert.deepStrictEqual(order, ["large", "small"])
  })

  it("lets the next in line go when the one before it gives up", () => {
    const window = new Window(10, 100)
    assert.isTrue(window.tryAcquire(1, 60))
    let small = 0
    const cancel = window.wait({ count: 1, bytes: 60, grant: () => assert.fail(), refuse: () => {} })
    window.wait({ count: 1, bytes: 1, grant: () => small++, refuse: () => {} })
    cancel()
    assert.strictEqual(small, 1)
    cancel()
    assert.strictEqual(window.count, 2)
  })

  it("refuses everybody when it closes, and everybody after", () => {
    const window = new Window(1, 100)
    assert.isTrue(window.tryAcquire(1, 10))
    let refused = 0
    window.wait({ count: 1, bytes: 10, grant: () => assert.fail(), refuse: () => refused++ })
    window.close()
    window.wait({ count: 1, bytes: 10, grant: () => assert.fail(), refuse: () => refused++ })
    assert.strictEqual(refused, 2)
    assert.isFalse(window.tryAcquire(1, 10))
    window.release(1, 10)
    assert.strictEqual(window.count, 0)
  })
})
