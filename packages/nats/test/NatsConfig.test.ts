import { NatsConfig } from "@effect-eventbus/nats"
import { Config, ConfigProvider, Effect, Redacted } from "effect"
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

  test("tls:// asks for TLS", () => {
    const decided = Effect.runSync(NatsConfig.decide({ servers: "nats://a:1,tls://b:2" }))
    expect([decided.servers, decided.tls]).toEqual([["nats://a:1", "tls://b:2"], true])
    expect(Effect.runSync(NatsConfig.decide({})).tls).toBeUndefined()
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
    [{ inboxPrefix: "a.>" }, "inboxPrefix: "],
    [{ apiPrefix: "a b" }, "apiPrefix: "],
    [{ domain: "a.b" }, "domain is one token"],
    [{ servers: [] }, "servers must name a server"],
    [{ servers: "nats://u:hunter2@h:4222" }, "servers must not hold credentials"],
    [{ servers: "ws://h:4222" }, "servers must begin with"],
    [{ servers: "nats://h:1, nats://h h" }, "servers must be of the form"],
    [{ servers: "tls://h:1", tls: false }, "tls is false"],
    [{ user: "" }, "user must be text"],
    [{ user: "u", password: "hunter2" }, "password must be a Redacted text"],
    [{ token: Redacted.make("") }, "token must be a Redacted text"],
    [{ tls: { key: "hunter2" } }, "tls.key must be a Redacted text"],
    [{ tls: { caFile: "" } }, "tls.caFile must be text"],
    [{ connectTimeout: "soon" }, "connectTimeout must be a duration"],
    [{ pingInterval: 0 }, "pingInterval must be a duration"],
    [{ requestTimeout: "Infinity" }, "requestTimeout must be a duration"],
    [{ ackTimeout: -1 }, "ackTimeout must be a duration"],
    [{ reconnect: { wait: "30 days" } }, "reconnect.wait must be a duration"],
    [{ reconnect: { jitter: -1 } }, "reconnect.jitter must be a duration"],
    [{ reconnect: { maxAttempts: 0 } }, "reconnect.maxAttempts must be -1"],
    [{ publishModes: { a: "fast" } }, "publishMode is one of"],
    [{ publishMode: "fast" }, "publishMode is one of"]
  ])("%j is refused", (options, message) => {
    const { reason } = refusal(options)
    expect(reason).toMatchObject({ _tag: "Refused", kind: "invalid" })
    expect(reason.message).toContain(message)
    expect(reason.message).not.toContain("hunter2")
  })
})

describe("from the environment", () => {
  const text = Config.String("T")
  const hidden = Config.Redacted("S")
  const wait = Config.Duration("D")
  /** Every option there is: one that is missing here does not type-check. */
  const all: Config.Wrap<{ readonly [K in keyof NatsConfig.Options]-?: NonNullable<NatsConfig.Options[K]> }> = {
    servers: Config.String("SERVERS"),
    name: text,
    user: text,
    password: hidden,
    token: hidden,
    nkeySeed: hidden,
    credentials: hidden,
    credentialsFile: text,
    // A choice between several types, or of free keys, is one configuration.
    tls: Config.all({
      ca: text,
      caFile: text,
      cert: text,
      certFile: text,
      key: hidden,
      keyFile: text,
      handshakeFirst: Config.Boolean("B")
    }),
    connectTimeout: wait,
    initialConnectTimeout: wait,
    reconnect: { wait, jitter: wait, maxAttempts: Config.Int("N") },
    pingInterval: wait,
    requestTimeout: wait,
    domain: text,
    apiPrefix: text,
    inboxPrefix: text,
    publishMode: Config.Literal("window", "MODE"),
    publishModes: Config.all({ orders: Config.Literal("fastIngest", "MODE2") }),
    ackTimeout: wait
  }
  const provider = ConfigProvider.fromEnvRecord({
    SERVERS: "nats://a:1,nats://b:2",
    T: "text",
    S: "hunter2",
    D: "3 seconds",
    B: "true",
    N: "7",
    MODE: "window",
    MODE2: "fastIngest"
  })
  const read = Config.unwrap(all).parse(provider)

  test("every option is read", () => {
    const { credentials, credentialsFile, apiPrefix: _apiPrefix, nkeySeed, token, ...rest } = Effect.runSync(read)
    expect([credentials, nkeySeed, token].map((one) => Redacted.value(one))).toEqual(["hunter2", "hunter2", "hunter2"])
    expect(credentialsFile).toBe("text")
    expect(Effect.runSync(NatsConfig.decide(rest))).toMatchObject({
      servers: ["nats://a:1", "nats://b:2"],
      name: "text",
      connectTimeoutMillis: 3000,
      initialConnectTimeoutMillis: 3000,
      reconnectWaitMillis: 3000,
      reconnectJitterMillis: 3000,
      maxReconnectAttempts: 7,
      pingIntervalMillis: 3000,
      requestTimeoutMillis: 3000,
      ackTimeoutMillis: 3000,
      apiPrefix: "$JS.text.API",
      inboxPrefix: "text"
    })
  })

  test("its secrets do not show", () => {
    expect(JSON.stringify(Effect.runSync(read))).not.toContain("hunter2")
  })
})
