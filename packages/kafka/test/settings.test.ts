import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Redacted, Schema } from "effect"
import { authority } from "../../../scripts/testing/certificates.ts"
import { decide, problems } from "../src/internal/settings.ts"
import type { Options } from "../src/KafkaConfig.ts"

const good: Options = { bootstrapBrokers: ["127.0.0.1:9092"] }

describe("options", () => {
  it("an unknown key is refused, wherever it stands", () => {
    const typo = {
      ...good,
      brokers: [],
      consumer: { maxBytes: 1, sesionTimeout: 1 },
      tls: { servername: "a", rejectUnauthorized: false },
      topics: { t: { growPartitions: true, x: 1 } }
    }
    assert.deepStrictEqual(problems(typo), [
      "brokers is not an option",
      "tls.rejectUnauthorized is not an option",
      "consumer.sesionTimeout is not an option",
      "topics.t.x is not an option"
    ])
  })

  it.effect("what contradicts itself is refused", () =>
    Effect.gen(function*() {
      const refused = (options: Options) => Effect.map(Effect.flip(decide(options)), ({ reason }) => reason.message)
      assert.include(yield* refused({ ...good, acks: "leader" }), "idempotent: false")
      assert.include(yield* refused({ bootstrapBrokers: [] }), "bootstrapBrokers")
      assert.include(yield* refused({ bootstrapBrokers: ["localhost"] }), "host:port")
      assert.include(yield* refused({ ...good, consumer: { handoverTimeout: "1 minute" } }), "handoverTimeout")
      assert.include(yield* refused({ ...good, consumer: { rebalanceTimeout: "1 second" } }), "rebalanceTimeout")
      assert.include(yield* refused({ ...good, requestTimeout: -1 }), "requestTimeout")
    }))

  it("each option that cannot be meant is named", () => {
    const password = Redacted.make("s3cret")
    const found = (more: object) => problems({ ...good, ...more }).join("; ")
    const cases: ReadonlyArray<readonly [object, string]> = [
      [{ sasl: { mechanism: "GSSAPI" } }, "sasl.mechanism"],
      [{ sasl: { mechanism: "PLAIN", username: "", password } }, "sasl.username"],
      [{ sasl: { mechanism: "PLAIN", username: "u", password: "s3cret" } }, "sasl.password"],
      [{ sasl: { mechanism: "PLAIN", username: "u", password, token: password } }, "sasl.token"],
      [{ sasl: { mechanism: "OAUTHBEARER" } }, "sasl.token"],
      [{ sasl: { mechanism: "OAUTHBEARER", token: password, username: "u" } }, "sasl.username"],
      [{ tls: { ca: "x" } }, "tls.ca"],
      [{ tls: { ca: [] as ReadonlyArray<string>, cert: "x" } }, "tls.cert"],
      [{ tls: { key: password } }, "tls.cert and tls.key"],
      [{ tls: { passphrase: password } }, "tls.passphrase"],
      [{ tls: { servername: "" } }, "tls.servername"],
      [{ clientId: "a b" }, "clientId"],
      [{ compression: "brotli" }, "compression"],
      [{ acks: 1 }, "acks"],
      [{ idempotent: "yes" }, "idempotent"],
      [{ consumer: { groupProtocol: "new" } }, "consumer.groupProtocol"],
      [{ consumer: { isolation: "dirty" } }, "consumer.isolation"],
      [{ consumer: { instanceId: "a b" } }, "consumer.instanceId"],
      [{ topicDefaults: { minInsyncReplicas: 0 } }, "topicDefaults.minInsyncReplicas"],
      [{ topics: { t: { cleanupPolicy: "keep" } } }, "topics.t.cleanupPolicy"],
      [{ topics: { t: { maxMessageBytes: 1.5 } } }, "topics.t.maxMessageBytes"],
      [{ topics: { t: { config: { "segment.ms": 5 } } } }, "topics.t.config.segment.ms"]
    ]
    for (const [more, name] of cases) {
      assert.include(found(more), name)
      assert.notInclude(found(more), "s3cret")
    }
  })

  it.effect("each duration and count is checked", () =>
    Effect.gen(function*() {
      const durations = ["connectTimeout", "requestTimeout", "sendTimeout", "retryDelay", "metadataMaxAge"]
      const consumer = ["sessionTimeout", "rebalanceTimeout", "heartbeatInterval", "handoverTimeout", "commitInterval"]
      for (const value of [0, -1, "soon", "30 days", Number.NaN]) {
        for (const name of durations) {
          assert.include((yield* Effect.flip(decide({ ...good, [name]: value }))).reason.message, name)
        }
        for (const name of [...consumer, "maxWait"]) {
          const error = yield* Effect.flip(decide({ ...good, consumer: { [name]: value } }))
          assert.include(error.reason.message, `consumer.${name}`)
        }
      }
      for (const value of [0, 1.5, Number.NaN]) {
        assert.include((yield* Effect.flip(decide({ ...good, maxBufferedBytes: value }))).reason.message, "maxBuffered")
        for (const name of ["maxBytes", "maxBytesPerPartition"]) {
          assert.include((yield* Effect.flip(decide({ ...good, consumer: { [name]: value } }))).reason.message, name)
        }
      }
    }))

  it("a key and its certificate", async () => {
    const ours = await authority("ours")
    const [one, other] = [await ours.issue("one"), await ours.issue("other")]
    const tls = (cert: string, key: string) =>
      problems({ ...good, tls: { ca: ours.ca, cert, key: Redacted.make(key) } })
    assert.deepStrictEqual(tls(one.cert, one.key), [])
    assert.deepStrictEqual(tls(one.cert, other.key), ["tls.key is not the key of tls.cert"])
  })

  it.effect("no secret gets into a message", () =>
    Effect.gen(function*() {
      const password = Redacted.make("s3cret")
      const options: Options = {
        ...good,
        bootstrapBrokers: ["x"],
        sasl: { mechanism: "PLAIN", username: "u", password }
      }
      const error = yield* Effect.flip(decide(options))
      assert.notInclude(JSON.stringify(error), "s3cret")
    }))

  it.effect("safe by default", () =>
    Effect.gen(function*() {
      const settings = yield* decide(good)
      assert.strictEqual(settings.acks, "all")
      assert.isTrue(settings.idempotent)
      assert.isTrue(settings.consumer.readCommitted)
      assert.strictEqual(settings.consumer.groupProtocol, "classic")
      assert.isBelow(settings.sendTimeoutMillis + settings.requestTimeoutMillis, 30_000)
    }))
})

describe("from the environment", () => {
  const text = Config.String("T")
  const hidden = Config.Redacted("S")
  const wait = Config.Duration("D")
  const count = Config.Int("N")
  /** Every option there is: one that is missing here does not type-check. */
  const all: Config.Wrap<{ readonly [K in keyof Options]-?: NonNullable<Options[K]> }> = {
    bootstrapBrokers: Config.Array(Schema.String, "BROKERS", { separator: "," }),
    clientId: text,
    // A choice between several types, or of free keys, is one configuration.
    tls: Config.all({ servername: text }),
    sasl: Config.all({ mechanism: Config.Literal("SCRAM-SHA-512", "MECHANISM"), username: text, password: hidden }),
    compression: Config.Literal("zstd", "COMPRESSION"),
    acks: Config.Literal("all", "ACKS"),
    idempotent: Config.Boolean("B"),
    connectTimeout: wait,
    initialConnectTimeout: wait,
    requestTimeout: wait,
    sendTimeout: wait,
    retryDelay: wait,
    metadataMaxAge: wait,
    maxBufferedBytes: count,
    consumer: {
      groupProtocol: Config.Literal("classic", "PROTOCOL"),
      instanceId: text,
      sessionTimeout: wait,
      rebalanceTimeout: wait,
      heartbeatInterval: Config.Duration("SHORT"),
      handoverTimeout: Config.Duration("SHORT"),
      commitInterval: wait,
      isolation: Config.Literal("read_uncommitted", "ISOLATION"),
      maxBytes: count,
      maxBytesPerPartition: count,
      maxWait: wait
    },
    topicDefaults: Config.all({ minInsyncReplicas: count, config: Config.all({ "segment.ms": text }) }),
    topics: Config.all({ orders: Config.all({ maxMessageBytes: count }) })
  }
  const provider = ConfigProvider.fromEnvRecord({
    BROKERS: "a:1,b:2",
    T: "text",
    S: "hunter2",
    D: "3 seconds",
    SHORT: "1 second",
    B: "true",
    N: "7",
    MECHANISM: "SCRAM-SHA-512",
    COMPRESSION: "zstd",
    ACKS: "all",
    PROTOCOL: "classic",
    ISOLATION: "read_uncommitted"
  })
  const read = Config.unwrap(all).parse(provider)

  it.effect("every option is read, and no secret shows", () =>
    Effect.gen(function*() {
      const options = yield* read
      assert.notInclude(JSON.stringify(options), "hunter2")
      const settings = yield* decide(options)
      const { consumer, sasl, tls, topicSettings, ...rest } = settings
      assert.deepStrictEqual(rest, {
        bootstrapBrokers: ["a:1", "b:2"],
        clientId: "text",
        compression: "zstd",
        acks: "all",
        idempotent: true,
        connectTimeoutMillis: 3000,
        initialConnectTimeoutMillis: 3000,
        requestTimeoutMillis: 3000,
        sendTimeoutMillis: 3000,
        retryDelayMillis: 3000,
        metadataMaxAgeMillis: 3000,
        maxBufferedBytes: 7
      })
      assert.deepStrictEqual(consumer, {
        groupProtocol: "classic",
        instanceId: "text",
        sessionTimeoutMillis: 3000,
        rebalanceTimeoutMillis: 3000,
        heartbeatIntervalMillis: 1000,
        handoverTimeoutMillis: 1000,
        commitIntervalMillis: 3000,
        readCommitted: false,
        maxBytes: 7,
        maxBytesPerPartition: 7,
        maxWaitMillis: 3000
      })
      assert.deepStrictEqual(tls, { servername: "text" })
      assert.strictEqual(sasl?.mechanism, "SCRAM-SHA-512")
      assert.deepStrictEqual(topicSettings("orders"), {
        minInsyncReplicas: 7,
        config: { "segment.ms": "text" },
        maxMessageBytes: 7
      })
    }))
})
