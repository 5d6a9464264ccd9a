import { NatsConfig } from "@effect-eventbus/nats"
import { Effect, Redacted } from "effect"
import { describe, expect, test } from "vitest"

const secret = Redacted.make("hunter2")

const refusal = (options: object) => Effect.runSync(Effect.flip(NatsConfig.decide(options)))

describe("options", () => {
  test("defaults never give up", () => {
    const decided = Effect.runSync(NatsConfig.decide({}))
    expect(decided).toMatchObject({
      servers: ["nats://127.0.0.1:4222"],
      maxReconnectAttempts: -1,
      reconnectWaitMillis: 250,
      pingIntervalMillis: 5000,
      apiPrefix: "$JS.API"
    })
  })

  test("a domain has its own API", () => {
    expect(Effect.runSync(NatsConfig.decide({ domain: "hub" })).apiPrefix).toBe("$JS.hub.API")
  })

  test("a mode by topic", () => {
    const { modeOf } = Effect.runSync(NatsConfig.decide({ publishModes: { a: "window" } }))
    expect([modeOf("a"), modeOf("b"), modeOf("toString")]).toEqual(["window", "auto", "auto"])
  })

  test.each([
    [{ sevrers: "x" }, "sevrers"],
    [{ tls: { rejectUnauthorized: false } }, "tls.rejectUnauthorized"],
    [{ reconnect: { forever: true } }, "reconnect.forever"],
    [{ user: "a", token: secret }, "give one of"],
    [{ password: secret }, "password needs user"],
    [{ domain: "a", apiPrefix: "b" }, "give one of"],
    [{ inboxPrefix: "a.>" }, "cannot be a prefix"],
    [{ publishMode: "fast" }, "publishMode is one of"]
  ])("%j is refused", (options, message) => {
    const { reason } = refusal(options)
    expect(reason).toMatchObject({ _tag: "Refused", kind: "invalid" })
    expect(reason.message).toContain(message)
    expect(reason.message).not.toContain("hunter2")
  })
})
