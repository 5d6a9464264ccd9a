import * as BrokerError from "@effect-eventbus/core/BrokerError"
import * as Driver from "@effect-eventbus/core/Driver"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"

const away = new BrokerError.BrokerError({ reason: new BrokerError.NotConnected({ message: "nobody answers" }) })
const denied = new BrokerError.BrokerError({ reason: new BrokerError.Unauthorized({ message: "who are you" }) })

/** A broker that fails `failures` times, then is there. */
const broker = (failures: number, error = away) => {
  let attempts = 0
  return {
    attempts: () => attempts,
    attempt: Effect.suspend(() => ++attempts <= failures ? Effect.fail(error) : Effect.succeed("connected"))
  }
}

const options = { system: "test", within: "30 seconds", pause: "1 second" } as const

describe("firstConnection", () => {
  it.effect("waits for a broker that is not there yet, and says so once", () =>
    Effect.gen(function*() {
      const said: Array<string> = []
      const log = Logger.layer([Logger.make(({ logLevel, message }) => said.push(`${logLevel} ${String(message)}`))])
      const { attempt, attempts } = broker(3)
      const fiber = yield* Effect.forkChild(Effect.provide(Driver.firstConnection(attempt, options), log))
      yield* TestClock.adjust("2500 millis")
      assert.strictEqual(attempts(), 3)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* Fiber.join(fiber), "connected")
      assert.deepStrictEqual(said, [
        "Warn test cannot be reached yet (NotConnected: nobody answers); trying again for 30s"
      ])
    }))

  it.effect("fails with the last failure when the time is over", () =>
    Effect.gen(function*() {
      const { attempt, attempts } = broker(Infinity)
      const fiber = yield* Effect.forkChild(Driver.firstConnection(attempt, { ...options, within: "2500 millis" }))
      yield* TestClock.adjust("2499 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* Fiber.await(fiber), Exit.fail(away))
      assert.strictEqual(attempts(), 4)
    }))

  it.effect("makes one attempt within 0", () =>
    Effect.gen(function*() {
      const { attempt, attempts } = broker(1)
      assert.strictEqual(yield* Effect.flip(Driver.firstConnection(attempt, { ...options, within: 0 })), away)
      assert.strictEqual(attempts(), 1)
    }))

  it.effect("does not try again what waiting does not mend", () =>
    Effect.gen(function*() {
      const { attempt, attempts } = broker(1, denied)
      assert.strictEqual(yield* Effect.flip(Driver.firstConnection(attempt, options)), denied)
      assert.strictEqual(attempts(), 1)
    }))
})

describe("Signal", () => {
  it.effect("a notification before the wait is remembered, and several are one", () =>
    Effect.gen(function*() {
      const signal = new Driver.Signal()
      signal.notify()
      signal.notify()
      yield* signal.wait
      const fiber = yield* Effect.forkChild(signal.wait, { startImmediately: true })
      assert.isUndefined(fiber.pollUnsafe())
      signal.notify()
      yield* Fiber.join(fiber)
    }))

  it.effect("an interrupted wait takes no notification with it", () =>
    Effect.gen(function*() {
      const signal = new Driver.Signal()
      yield* Fiber.interrupt(yield* Effect.forkChild(signal.wait, { startImmediately: true }))
      signal.notify()
      yield* signal.wait
    }))
})
