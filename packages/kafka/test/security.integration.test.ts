// F27: who is let in, who is not, how soon that is said, and that nobody says the secret. With both engines.
import * as Broker from "@effect-eventbus/core/Broker"
import type * as BrokerError from "@effect-eventbus/core/BrokerError"
import * as KafkaBroker from "@effect-eventbus/kafka/KafkaBroker"
import * as KafkaJsBroker from "@effect-eventbus/kafka/KafkaJsBroker"
import { AclOperations, AclPermissionTypes, ResourcePatternTypes, ResourceTypes } from "@platformatic/kafka"
import { Cause, Effect, Exit, type Layer, Redacted } from "effect"
import { createPrivateKey } from "node:crypto"
import net from "node:net"
import { afterAll, describe, expect, test } from "vitest"
import { leaked, watch } from "../../../scripts/testing/leaks.ts"
import { passwords, reauthMillis, startSecured, wrongPassword } from "./fixtures/secured.ts"
import { bodies, consumerOptions, pollAll, record, send, topicSpec } from "./fixtures/spi.ts"

const { at, client, kafka, ours, theirs } = await startSecured()
afterAll(kafka.stop, 30_000)

const planted = new Set<string>([...Object.values(passwords), wrongPassword])
const plant = (text: string) => {
  planted.add(text)
  return Redacted.make(text)
}
/** A line from the middle of a key in PEM. */
const plantKey = (text: string) => {
  for (const line of text.split("\n")) if (/^[A-Za-z0-9+/=]{30,}$/.test(line)) planted.add(line)
  return Redacted.make(text)
}

/** What both engines take. */
type Options = KafkaJsBroker.Options

const engines = [
  [
    "platformatic",
    (options: Options): Layer.Layer<Broker.Broker, BrokerError.BrokerError> => KafkaBroker.layer(options)
  ],
  ["kafkajs", (options: Options): Layer.Layer<Broker.Broker, BrokerError.BrokerError> => KafkaJsBroker.layer(options)]
] as const

const base = (broker: string): Options => ({
  bootstrapBrokers: [broker],
  connectTimeout: "1 second",
  requestTimeout: "1 second",
  // One try: what waiting could mend is told as well.
  initialConnectTimeout: 0,
  consumer: { heartbeatInterval: "200 millis", sessionTimeout: "6 seconds", handoverTimeout: "1 second" }
})

/** What the broker gives for granted, and the test does not sign. */
const tokenOf = (subject: string, seconds = 60): string => {
  const now = Math.floor(Date.now() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
  return `${part({ alg: "none" })}.${part({ sub: subject, iat: now, exp: now + seconds })}.`
}

/** A key that wants a passphrase. */
const lock = (key: string, passphrase: string): string =>
  createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }).toString()

const sasl = (
  broker: string,
  mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512",
  username: string,
  password: string
): Options => ({ ...base(broker), sasl: { mechanism, username, password: Redacted.make(password) } })

const plainSasl = (broker: string): Options => ({
  ...base(broker),
  sasl: { mechanism: "PLAIN", username: "app", password: Redacted.make(passwords.app) }
})

/** A connection, two requests, and the client's own tries of both: no failure may take longer, give or take a busy machine. */
const boundMillis = 9000

describe.each(engines)("%s", (engine, layerOf) => {
  /** Stores a record, and reads it back: "", or what went wrong. */
  const roundTrips = async (options: Options): Promise<string> => {
    const { exit, log } = await watch(
      Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const spec = topicSpec()
        const { topic } = yield* broker.ensureTopic(spec, "createOnly")
        const outcomes = yield* send(yield* broker.producer, topic, [record("one")])
        const consumer = yield* broker.consumer(consumerOptions(spec))
        return [outcomes[0]?._tag, ...bodies(yield* pollAll(consumer, 1))].join(" ")
      }).pipe(Effect.scoped, Effect.provide(layerOf(options)), Effect.timeout("20 seconds"))
    )
    const found = leaked(log, [...planted])
    if (found.length > 0) return `${found.length} secrets were printed`
    return Exit.isFailure(exit) ? Cause.pretty(exit.cause) : exit.value === "Stored one" ? "" : exit.value
  }

  /** Fails to connect: why, within what time. */
  const refused = async (what: string, options: Options) => {
    const { exit, log, millis } = await watch(
      Effect.flatMap(Broker.Broker, () => Effect.void).pipe(Effect.provide(layerOf(options)))
    )
    if (leaked(log, [...planted]).length > 0) throw new Error(`${what}: secrets were printed`)
    if (Exit.isSuccess(exit)) throw new Error(`${what}: it was let in`)
    const [reason] = exit.cause.reasons
    if (reason?._tag !== "Fail") throw new Error(Cause.pretty(exit.cause))
    const { error } = reason
    console.info(`${engine}, ${what}: ${error.reason._tag} after ${Math.round(millis)} ms (${error.reason.message})`)
    return { error, millis }
  }

  /** Of a failure: a name, options, the reasons that it may have, and a part of what it says. */
  type Case = readonly [what: string, options: Options, tags: string, said: string]

  /** What is not as it should be. */
  const surprises = async (cases: ReadonlyArray<Case>): Promise<ReadonlyArray<string>> => {
    const found: Array<string> = []
    for (const [what, options, tags, said] of cases) {
      const { error: { isRetryable, reason }, millis } = await refused(what, options)
      if (!tags.split(" ").includes(reason._tag) || !reason.message.includes(said)) {
        found.push(`${what}: ${reason._tag}: ${reason.message}`)
      }
      const retryable = reason._tag === "Timeout" || reason._tag === "NotConnected"
      if (isRetryable !== retryable) found.push(`${what}: retryable ${isRetryable}`)
      if (millis > boundMillis) found.push(`${what}: ${millis} ms`)
    }
    return found
  }

  const bearer = (broker: string, token: Redacted.Redacted | Effect.Effect<Redacted.Redacted, unknown>): Options => ({
    ...base(broker),
    sasl: { mechanism: "OAUTHBEARER", token }
  })

  test("SASL", async () => {
    const tls = { ca: ours.ca }
    expect(await roundTrips(sasl(at.sasl, "PLAIN", "app", passwords.app))).toBe("")
    expect(await roundTrips({ ...sasl(at.saslTls, "PLAIN", "app", passwords.app), tls })).toBe("")
    expect(await roundTrips(sasl(at.sasl, "SCRAM-SHA-256", "scram256", passwords.scram))).toBe("")
    expect(await roundTrips(sasl(at.sasl, "SCRAM-SHA-512", "scram512", passwords.scram))).toBe("")
    expect(await roundTrips({ ...sasl(at.saslTls, "SCRAM-SHA-512", "scram512", passwords.scram), tls })).toBe("")
    expect(await roundTrips({ ...bearer(at.saslTls, plant(tokenOf("bearer"))), tls })).toBe("")
  })

  test("SASL refused", async () => {
    const failing = Effect.fail(new Error("the token service is down"))
    expect(
      await surprises([
        ["PLAIN, wrong password", sasl(at.sasl, "PLAIN", "app", wrongPassword), "Unauthorized", "uthentication"],
        ["SCRAM, wrong password", sasl(at.sasl, "SCRAM-SHA-256", "scram256", wrongPassword), "Unauthorized", "SCRAM"],
        ["SCRAM, unknown user", sasl(at.sasl, "SCRAM-SHA-512", "nobody", wrongPassword), "Unauthorized", "SCRAM"],
        // kafkajs does not read the broker's answer to a token, and is cut off.
        ["expired token", bearer(at.sasl, plant(tokenOf("bearer", -100))), "Unauthorized NotConnected", ""],
        ["rubbish token", bearer(at.sasl, plant("rubbish-token-33aa")), "Unauthorized NotConnected", ""],
        ["no token at the moment", bearer(at.sasl, failing), "NotConnected", "the token service is down"],
        ["a token that never comes", bearer(at.sasl, Effect.never), "NotConnected Timeout", ""],
        ["no SASL where it is wanted", base(at.sasl), "NotConnected Timeout", ""],
        ["SASL where there is none", sasl(at.plain, "PLAIN", "app", passwords.app), "Unauthorized", "SASL"]
      ])
    ).toEqual([])
  })

  test("TLS", async () => {
    expect(await roundTrips({ ...base(at.tls), tls: { ca: ours.ca } })).toBe("")
    expect(await roundTrips({ ...base(at.tls), tls: { ca: [theirs.ca, ours.ca] } })).toBe("")
    const key = plantKey(client.key)
    expect(await roundTrips({ ...base(at.mutual), tls: { ca: ours.ca, cert: client.cert, key } })).toBe("")
    const passphrase = plant("pw-persimmon-5a5a")
    const locked = Redacted.make(lock(client.key, "pw-persimmon-5a5a"))
    expect(await roundTrips({ ...base(at.mutual), tls: { ca: ours.ca, cert: client.cert, key: locked, passphrase } }))
      .toBe("")
  })

  test("TLS refused", async () => {
    const stranger = await theirs.issue("client")
    const tls = (broker: string, more: Options["tls"]): Options => ({ ...base(broker), tls: more })
    const wrong = { ca: ours.ca, cert: stranger.cert, key: plantKey(stranger.key) }
    expect(
      await surprises([
        ["an authority that nobody named", tls(at.tls, true), "Unauthorized", "TLS: "],
        ["another authority", tls(at.tls, { ca: theirs.ca }), "Unauthorized", "TLS: "],
        ["TLS with a plain broker", tls(at.plain, { ca: ours.ca }), "Unauthorized", "TLS: "],
        // kafkajs waits for an answer.
        ["no TLS with a broker of TLS", base(at.tls), "Unauthorized NotConnected Timeout", ""],
        // With TLS 1.3 the broker says it after the handshake.
        ["no client certificate", tls(at.mutual, { ca: ours.ca }), "Unauthorized NotConnected Timeout", ""],
        ["a stranger's certificate", tls(at.mutual, wrong), "Unauthorized NotConnected Timeout", ""],
        [
          "a name that the certificate is not for",
          tls(at.tls, { ca: ours.ca, servername: "x.org" }),
          "Unauthorized",
          ""
        ],
        ["rubbish for an authority", tls(at.tls, { ca: "rubbish" }), "Refused", "tls.ca"],
        ["rubbish for a key", tls(at.tls, { cert: client.cert, key: plant("rubbish-key-33") }), "Refused", "tls.key"]
      ])
    ).toEqual([])
  })

  test("a broker that accepts and never speaks", async () => {
    const mute = net.createServer(() => {})
    await new Promise<void>((resolve) => {
      mute.listen(0, "127.0.0.1", resolve)
    })
    const address = mute.address()
    const silent = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
    const found = await surprises([
      ["never speaks", base(silent), "NotConnected Timeout", ""],
      ["never speaks TLS", { ...base(silent), tls: { ca: ours.ca } }, "NotConnected Timeout", ""],
      ["never speaks SASL", sasl(silent, "PLAIN", "app", passwords.app), "NotConnected Timeout", ""],
      ["nobody listens", base("127.0.0.1:1"), "NotConnected", ""]
    ])
    mute.close()
    expect(found).toEqual([])
  })

  test("a topic that is not this user's", async () => {
    const spec = topicSpec()
    const options = base(at.plain)
    await Effect.runPromise(
      Effect.flatMap(Broker.Broker, (broker) => broker.ensureTopic(spec, "createOnly")).pipe(
        Effect.provide(layerOf(options))
      )
    )
    const { exit, log, millis } = await watch(
      Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const create = yield* Effect.flip(broker.ensureTopic(topicSpec(), "createOnly"))
        const found = yield* Effect.flip(broker.ensureTopic(spec, "validateOnly"))
        const { topic } = yield* broker.ensureTopic(spec, "skip")
        const [outcome] = yield* send(yield* broker.producer, topic, [record("one")])
        const consume = yield* Effect.flip(Effect.scoped(broker.consumer(consumerOptions(spec))))
        const reason = outcome?._tag === "NotStored" ? outcome.reason : undefined
        return [create.reason._tag, found.reason._tag, outcome?._tag, reason?._tag, consume.reason._tag]
      }).pipe(Effect.scoped, Effect.provide(layerOf(sasl(at.sasl, "PLAIN", "reader", passwords.reader))))
    )
    expect(leaked(log, [...planted])).toEqual([])
    expect(Exit.isSuccess(exit) ? exit.value : Cause.pretty(exit.cause)).toEqual([
      "Unauthorized",
      "Unauthorized",
      "NotStored",
      "Unauthorized",
      "Unauthorized"
    ])
    console.info(`${engine}, a topic that is not this user's: five refusals in ${Math.round(millis)} ms`)
    expect(millis).toBeLessThan(3 * boundMillis)
  })
})

type AclOperation = keyof typeof AclOperations

/** Of a user at a topic, or a group. */
const permit = (resource: "topic" | "group", name: string, operations: ReadonlyArray<AclOperation>) =>
  operations.map((operation) => ({
    resourceType: resource === "topic" ? ResourceTypes.TOPIC : ResourceTypes.GROUP,
    resourceName: name,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: "User:reader",
    host: "*",
    operation: AclOperations[operation],
    permissionType: AclPermissionTypes.ALLOW
  }))

const asAdmin = <A>(f: (admin: KafkaBroker.KafkaBroker["Service"]["admin"]) => Promise<A>): Promise<A> =>
  Effect.runPromise(
    Effect.flatMap(KafkaBroker.KafkaBroker, ({ use }) => use(f)).pipe(Effect.provide(KafkaBroker.layer(base(at.plain))))
  )

test.each(engines)(
  "%s: least permissions, as docs/security.md has them, until they are withdrawn",
  async (_, layerOf) => {
    const spec = topicSpec()
    const group = `g-${spec.name}`.replaceAll(".", "-")
    const topicAcls = permit("topic", spec.name, ["READ", "WRITE", "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS"])
    await asAdmin((admin) => admin.createAcls({ creations: [...topicAcls, ...permit("group", group, ["READ"])] }))
    const { exit, log } = await watch(
      Effect.gen(function*() {
        const broker = yield* Broker.Broker
        const { topic } = yield* broker.ensureTopic(spec, "createOnly")
        const producer = yield* broker.producer
        const first = (yield* send(producer, topic, [record("one")]))[0]
        const read = yield* Effect.scoped(Effect.gen(function*() {
          const consumer = yield* broker.consumer(consumerOptions(spec, { group }))
          const records = yield* pollAll(consumer, 1)
          yield* consumer.settle(records)
          yield* consumer.flush
          return bodies(records)
        }))
        const { lag } = yield* broker.backlog(spec, group)
        yield* Effect.promise(() => asAdmin((admin) => admin.deleteAcls({ filters: topicAcls })))
        const started = performance.now()
        const later = (yield* send(producer, topic, [record("two")]))[0]
        const millis = performance.now() - started
        return { first: first?._tag, read, lag, later, millis }
      }).pipe(
        Effect.scoped,
        Effect.timeout("30 seconds"),
        Effect.provide(layerOf(sasl(at.sasl, "PLAIN", "reader", passwords.reader)))
      )
    )
    expect(leaked(log, [...planted])).toEqual([])
    if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
    const { later, millis, ...rest } = exit.value
    expect(rest).toEqual({ first: "Stored", read: ["one"], lag: 0 })
    expect([later?._tag, later?._tag === "NotStored" ? later.reason._tag : ""]).toEqual(["NotStored", "Unauthorized"])
    console.info(`permissions withdrawn: Unauthorized after ${Math.round(millis)} ms`)
    expect(millis).toBeLessThan(boundMillis)
  }
)

test("platformatic asks for a token again when the broker wants the connection to authenticate again", async () => {
  let asked = 0
  const token = Effect.sync(() => {
    asked++
    return Redacted.make(tokenOf("bearer"))
  })
  const program = Effect.gen(function*() {
    const broker = yield* Broker.Broker
    const { topic } = yield* broker.ensureTopic(topicSpec(), "createOnly")
    const producer = yield* broker.producer
    const tags = new Set<string | undefined>()
    yield* send(producer, topic, [record("first")])
    const before = asked
    const end = performance.now() + 2 * reauthMillis
    for (let n = 0; performance.now() < end; n++) {
      tags.add((yield* send(producer, topic, [record(`r${n}`)]))[0]?._tag)
      yield* Effect.sleep(50)
    }
    return { tags: [...tags], again: asked - before }
  }).pipe(
    Effect.scoped,
    Effect.provide(KafkaBroker.layer({ ...base(at.sasl), sasl: { mechanism: "OAUTHBEARER", token } }))
  )
  const { again, tags } = await Effect.runPromise(program)
  console.info(`OAUTHBEARER: ${again} times in ${2 * reauthMillis} ms, with ${reauthMillis} ms for a session`)
  expect(tags).toEqual(["Stored"])
  expect(again).toBeGreaterThan(1)
})

test("SASL PLAIN without TLS is warned of, once", async () => {
  const { log } = await watch(Effect.scoped(KafkaBroker.make(plainSasl(at.sasl))))
  expect(log.split("SASL PLAIN without TLS").length - 1).toBeGreaterThan(0)
  const quiet = await watch(Effect.scoped(KafkaBroker.make({ ...plainSasl(at.saslTls), tls: { ca: ours.ca } })))
  expect(quiet.log).not.toContain("SASL PLAIN without TLS")
})
