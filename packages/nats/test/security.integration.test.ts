// F27: who is let in, who is not, how soon that is said, and that nobody says the secret.
import { Broker, DeadLetters, Event, EventBus, Publisher, Subscriber, Topic } from "@effect-eventbus/core"
import { NatsBroker, type NatsConfig } from "@effect-eventbus/nats"
import { createUser } from "@nats-io/jwt"
import { Cause, Effect, Exit, Fiber, Layer, Redacted, Schedule, Schema, SubscriptionRef } from "effect"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import net from "node:net"
import path from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Authority, authority, type Pair } from "../../../scripts/testing/certificates.ts"
import { leaked, watch } from "../../../scripts/testing/leaks.ts"
import { Operator } from "./fixtures/jwt.ts"
import { NatsServer } from "./fixtures/natsServer.ts"

const Noted = Event.make("Noted", {
  version: 1,
  payload: Schema.Struct({ n: Schema.Int }),
  aggregateId: () => "k"
})

/** Planted: none of them may be found in anything that is printed. */
const secret = {
  password: "pw-correct-horse-7f3a",
  wrongPassword: "pw-battery-staple-91c2",
  token: "tk-tangerine-44d0",
  wrongToken: "tk-clementine-b8e1"
}
const planted = new Set(Object.values(secret))
const plant = (text: string) => {
  planted.add(text)
  return Redacted.make(text)
}
/** Of a PEM or a credentials file: a line from the middle of the key. */
const plantKey = (text: string) => {
  for (const line of text.split("\n")) if (/^[A-Za-z0-9+/=]{30,}$/.test(line)) planted.add(line)
  return Redacted.make(text)
}

const folder = path.resolve(import.meta.dirname, "../../../.brokers/nats")
mkdirSync(folder, { recursive: true })
const files = mkdtempSync(path.join(folder, "secure-"))
const file = (name: string, text: string): string => {
  const at = path.join(files, name)
  writeFileSync(at, text)
  return at
}

const running: Array<NatsServer> = []
const start = async (extra: string, domain = ""): Promise<NatsServer> => {
  const server = new NatsServer(extra)
  server.domain = domain
  await server.start()
  running.push(server)
  return server
}

afterAll(async () => {
  await Promise.all(running.map((server) => server.stop()))
  rmSync(files, { recursive: true, force: true })
})

let names = 0
const token = Math.random().toString(36).slice(2, 8)
const topicOf = (name = `sec.${token}.t${++names}`) => Topic.make(name, { events: [Noted] })

const withBus = (options: NatsConfig.Options, deliveryTimeout: "5 seconds" | "3 seconds" = "5 seconds") =>
  Layer.provideMerge(EventBus.layer({ deliveryTimeout }), NatsBroker.layer(options))

const publishTo = (topic: ReturnType<typeof topicOf>, n = 1) =>
  Effect.flatMap(Publisher.Publisher, (publisher) => publisher.publish(topic, Noted.make({ n })))

/** Connects, and has an event acknowledged: "", or what went wrong. */
const publishes = async (options: NatsConfig.Options): Promise<string> => {
  const { exit, log } = await watch(publishTo(topicOf()).pipe(Effect.provide(withBus(options))))
  const found = leaked(log, [...planted])
  if (found.length > 0) return `${found.length} secrets were printed`
  return Exit.isSuccess(exit) ? "" : Cause.pretty(exit.cause)
}

/** Fails to connect: why, within what time. */
const refused = async (what: string, options: NatsConfig.Options) => {
  const { exit, log, millis } = await watch(Effect.scoped(NatsBroker.make(options)))
  expect(leaked(log, [...planted])).toEqual([])
  if (Exit.isSuccess(exit)) throw new Error("it was let in")
  const [reason] = exit.cause.reasons
  if (reason?._tag !== "Fail") throw new Error(Cause.pretty(exit.cause))
  const { error } = reason
  console.info(`${what}: ${error.reason._tag} after ${Math.round(millis)} ms (${error.reason.message})`)
  return { reason: error.reason, isRetryable: error.isRetryable, millis }
}

/** Of a failure: a name, options, what it is, and a part of what it says. */
type Case = readonly [what: string, options: NatsConfig.Options, tag: string, said: string]

const connectTimeout = "1 second"

/** Here connecting is one try per server: no failure may take longer than that, give or take a busy machine. */
const boundMillis = 4000

/** What is not as it should be. */
const surprises = async (cases: ReadonlyArray<Case>): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const [what, options, tag, said] of cases) {
    const { isRetryable, millis, reason } = await refused(what, {
      connectTimeout,
      initialConnectTimeout: 0,
      ...options
    })
    if (reason._tag !== tag || !reason.message.includes(said)) found.push(`${what}: ${reason._tag}: ${reason.message}`)
    if (isRetryable !== (tag === "Timeout" || tag === "NotConnected")) found.push(`${what}: retryable ${isRetryable}`)
    if (millis > boundMillis) found.push(`${what}: ${millis} ms`)
  }
  return found
}

describe("who this client is", () => {
  test("user and password", async () => {
    const { url: servers } = await start(`authorization { users: [{ user: "app", password: "${secret.password}" }] }`)
    expect(await publishes({ servers, user: "app", password: Redacted.make(secret.password) })).toBe("")
    expect(
      await surprises([
        ["wrong password", { servers, user: "app", password: Redacted.make(secret.wrongPassword) }, "Unauthorized", ""],
        ["no password", { servers }, "Unauthorized", ""],
        ["password in the URL", { servers: servers.replace("//", `//app:${secret.password}@`) }, "Refused", "servers"]
      ])
    ).toEqual([])
  })

  test("token", async () => {
    const { url: servers } = await start(`authorization { token: "${secret.token}" }`)
    expect(await publishes({ servers, token: Redacted.make(secret.token) })).toBe("")
    expect(await surprises([["wrong token", { servers, token: Redacted.make(secret.wrongToken) }, "Unauthorized", ""]]))
      .toEqual([])
  })

  test("NKey", async () => {
    const user = createUser()
    const seed = Buffer.from(user.getSeed()).toString()
    const stranger = Buffer.from(createUser().getSeed()).toString()
    const { url: servers } = await start(`authorization { users: [{ nkey: ${user.getPublicKey()} }] }`)
    expect(await publishes({ servers, nkeySeed: plant(seed) })).toBe("")
    expect(
      await surprises([
        ["unknown NKey", { servers, nkeySeed: plant(stranger) }, "Unauthorized", ""],
        ["malformed NKey", { servers, nkeySeed: plant(seed.slice(0, 30)) }, "Refused", "nkeySeed"]
      ])
    ).toEqual([])
  })

  test("JWT credentials", async () => {
    const operator = new Operator()
    const { url: servers } = await start(await operator.configuration())
    const good = await operator.credentials()
    const foreign = await new Operator().credentials()
    const expired = await operator.credentials(-10)
    expect(await publishes({ servers, credentials: plantKey(good.text) })).toBe("")
    expect(await publishes({ servers, credentialsFile: file("good.creds", good.text) })).toBe("")
    const half = file("half.creds", good.text.slice(0, 300))
    expect(
      await surprises([
        ["credentials of another operator", { servers, credentials: plantKey(foreign.text) }, "Unauthorized", ""],
        ["expired credentials", { servers, credentials: plantKey(expired.text) }, "Unauthorized", ""],
        ["malformed credentials", { servers, credentials: plant("no-credentials-5d1") }, "Refused", "credentials"],
        ["half of a credentials file", { servers, credentialsFile: half }, "Refused", "credentialsFile"],
        ["no credentials file", { servers, credentialsFile: path.join(files, "no") }, "Refused", "(ENOENT)"]
      ])
    ).toEqual([])
  })
})

describe("TLS", () => {
  let ours: Authority
  let theirs: Authority
  let server: Pair
  let client: Pair
  let ca: string
  let pair: string
  let plain: NatsServer

  beforeAll(async () => {
    ;[ours, theirs] = await Promise.all([authority("ours"), authority("theirs")])
    ;[server, client] = await Promise.all([ours.issue("server"), ours.issue("client")])
    ca = file("ca.pem", ours.ca)
    pair = `cert_file: "${file("server.pem", server.cert)}", key_file: "${file("server.key", server.key)}"`
    plain = await start("")
  })

  test("a private authority, as text and as a file", async () => {
    const { port, url: servers } = await start(`tls { ${pair} }`)
    expect(await publishes({ servers, tls: { ca: ours.ca } })).toBe("")
    expect(await publishes({ servers, tls: { caFile: ca } })).toBe("")
    expect(await publishes({ servers: `tls://127.0.0.1:${port}`, tls: { ca: ours.ca } })).toBe("")
    expect(await publishes({ servers: `localhost:${port}`, tls: { ca: ours.ca } })).toBe("")
    expect(
      await surprises([
        ["an authority that nobody named", { servers, tls: true }, "Unauthorized", "TLS: "],
        ["another authority", { servers, tls: { ca: theirs.ca } }, "Unauthorized", "TLS: "],
        ["a server that demands TLS of a client that names no authority", { servers }, "Unauthorized", "TLS: "],
        ["rubbish for an authority", { servers, tls: { ca: "rubbish" } }, "Refused", "tls.ca"],
        ["no file of an authority", { servers, tls: { caFile: path.join(files, "no") } }, "Refused", "tls.caFile"]
      ])
    ).toEqual([])
  })

  test("mutual", async () => {
    const { url: servers } = await start(`tls { ${pair}, ca_file: "${ca}", verify: true }`)
    const key = plantKey(client.key)
    expect(await publishes({ servers, tls: { ca: ours.ca, cert: client.cert, key } })).toBe("")
    expect(
      await publishes({
        servers,
        tls: { caFile: ca, certFile: file("client.pem", client.cert), keyFile: file("client.key", client.key) }
      })
    ).toBe("")
    const stranger = await theirs.issue("client")
    expect(
      await surprises([
        // With TLS 1.3 the server says it after the handshake, and the client does not pass it on.
        ["no client certificate", { servers, tls: { ca: ours.ca } }, "Timeout", "client's certificate"],
        [
          "a stranger's certificate",
          { servers, tls: { ca: ours.ca, cert: stranger.cert, key: plantKey(stranger.key) } },
          "Timeout",
          "client's certificate"
        ],
        ["a certificate without its key", { servers, tls: { ca: ours.ca, cert: client.cert } }, "Refused", "tls.key"],
        [
          "rubbish for a key",
          { servers, tls: { cert: client.cert, key: plant("rubbish-0c2d") } },
          "Refused",
          "tls.key"
        ],
        [
          "the key of another certificate",
          { servers, tls: { cert: client.cert, key: plantKey(server.key) } },
          "Refused",
          "tls.key is not the key of tls.cert"
        ]
      ])
    ).toEqual([])
  })

  test("handshake first", async () => {
    const { url: servers } = await start(`tls { ${pair}, handshake_first: true }`)
    expect(await publishes({ servers, tls: { ca: ours.ca, handshakeFirst: true } })).toBe("")
    expect(
      await surprises([
        ["no handshake first", { servers, tls: { ca: ours.ca } }, "Timeout", "handshake"],
        [
          "handshake first with a plain server",
          { servers: plain.url, tls: { ca: ours.ca, handshakeFirst: true } },
          "Unauthorized",
          "TLS: "
        ]
      ])
    ).toEqual([])
  })

  test("a plain server is refused where TLS was asked for", async () => {
    expect(
      await surprises([
        ["TLS with a plain server", { servers: plain.url, tls: { ca: ours.ca } }, "Refused", "tls"],
        ["tls:// with a plain server", { servers: `tls://127.0.0.1:${plain.port}` }, "Refused", "tls"]
      ])
    ).toEqual([])
  })

  test("a certificate is for the address that was dialled, not for localhost", async () => {
    const lo = await ours.issue("lo", { names: ["localhost"], addresses: [] })
    const ip = await ours.issue("ip", { names: [], addresses: ["127.0.0.1"] })
    const of = ({ cert, key }: Pair, name: string) =>
      `tls { cert_file: "${file(`${name}.pem`, cert)}", key_file: "${file(`${name}.key`, key)}" }`
    const [byName, byAddress] = [await start(of(lo, "lo")), await start(of(ip, "ip"))]
    expect(await publishes({ servers: byAddress.url, tls: { ca: ours.ca } })).toBe("")
    expect(await publishes({ servers: `localhost:${byName.port}`, tls: { ca: ours.ca } })).toBe("")
    expect(
      await surprises([
        ["for localhost, at an address", { servers: byName.url, tls: { ca: ours.ca } }, "Unauthorized", "TLS: "],
        [
          "for an address, at a name",
          { servers: `localhost:${byAddress.port}`, tls: { ca: ours.ca } },
          "Unauthorized",
          "TLS: "
        ]
      ])
    ).toEqual([])
  })
})

test("a server that accepts and never speaks", async () => {
  const mute = net.createServer(() => {})
  await new Promise<void>((resolve) => {
    mute.listen(0, "127.0.0.1", resolve)
  })
  const address = mute.address()
  const servers = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
  expect(
    await surprises([
      ["never speaks", { servers }, "Timeout", "did not answer"],
      ["never speaks TLS", { servers, tls: { handshakeFirst: true } }, "Timeout", "did not answer"],
      ["nobody listens", { servers: "127.0.0.1:1" }, "NotConnected", ""]
    ])
  ).toEqual([])
  mute.close()
})

describe("what a user may do", () => {
  let server: NatsServer
  const as = (user: string, more: NatsConfig.Options = {}): NatsConfig.Options => ({
    servers: server.url,
    user,
    password: Redacted.make(secret.password),
    requestTimeout: "1 second",
    ...more
  })

  beforeAll(async () => {
    const user = (name: string, permissions: string) =>
      `{ user: ${name}, password: "${secret.password}", permissions: { ${permissions} } }`
    server = await start(`accounts { APP: { jetstream: enabled, users: [
      { user: app, password: "${secret.password}" }
      ${user("reader", `publish: { deny: "sec.>" }`)}
      ${user("worker", `publish: { deny: "$JS.API.STREAM.CREATE.>" }`)}
      ${user("deaf", `subscribe: { deny: "_INBOX.>" }`)}
    ] } }`)
  })

  const failsToPublish = async (what: string, options: NatsConfig.Options, topic: ReturnType<typeof topicOf>) => {
    const { exit, log, millis } = await watch(
      publishTo(topic).pipe(Effect.flip, Effect.provide(withBus(options, "3 seconds")))
    )
    expect(leaked(log, [...planted])).toEqual([])
    if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
    const { outcome, reason } = exit.value
    console.info(`${what}: ${outcome} ${reason._tag} after ${Math.round(millis)} ms (${reason.message})`)
    return { outcome, tag: reason._tag, millis }
  }

  test.each(["window", "fastIngest"] as const)("publish denied, %s", async (publishMode) => {
    const topic = topicOf()
    await Effect.runPromise(publishTo(topic).pipe(Effect.provide(withBus(as("app")))))
    const { millis, outcome, tag } = await failsToPublish("publish denied", as("reader", { publishMode }), topic)
    expect([outcome, tag]).toEqual(["rejected", "Unauthorized"])
    expect(millis).toBeLessThan(boundMillis)
  })

  test("creating a stream denied", async () => {
    const { millis, outcome, tag } = await failsToPublish("creating a stream denied", as("worker"), topicOf())
    expect([outcome, tag]).toEqual(["rejected", "Unauthorized"])
    expect(millis).toBeLessThan(boundMillis)
  })

  test("answers denied", async () => {
    const { millis } = await failsToPublish("answers denied", as("deaf"), topicOf())
    expect(millis).toBeLessThan(8000)
  })

  test("answers allowed under another prefix", async () => {
    expect(await publishes(as("deaf", { inboxPrefix: "_ANSWERS" }))).toBe("")
  })
})

describe("least permissions, as docs/security.md has them", () => {
  let server: NatsServer
  const as = (user: string): NatsConfig.Options => ({
    servers: server.url,
    user,
    password: Redacted.make(secret.password)
  })

  beforeAll(async () => {
    const list = (subjects: ReadonlyArray<string>) => `{ allow: ${JSON.stringify(subjects)} }`
    const user = (name: string, publish: ReadonlyArray<string>, subscribe: ReadonlyArray<string>) =>
      `{ user: ${name}, password: "${secret.password}", permissions: { publish: ${list(publish)}, subscribe: ${
        list(subscribe)
      } } }`
    const find = ["$JS.API.STREAM.INFO.>", "$JS.API.STREAM.NAMES"]
    const create = ["$JS.API.STREAM.CREATE.>", "$JS.API.STREAM.UPDATE.>"]
    const members = "_EVENTBUS.members.>"
    const read = [...find, "$JS.API.CONSUMER.>", "$JS.API.DIRECT.GET.>", "$JS.ACK.>", members]
    server = await start(`accounts { APP: { jetstream: enabled, users: [
      ${user("creator", [...find, ...create], ["_INBOX.>"])}
      ${user("writer", [...find, "lp.orders.*"], ["_INBOX.>"])}
      ${user("reader", [...read, ...create, "lp.orders.dlq.*", "lp.orders.retry.*"], ["_INBOX.>", members])}
    ] } }`)
  })

  test.each(["window", "fastIngest"] as const)("create, publish, consume, dead-letter: %s", async (publishMode) => {
    const topic = Topic.make("lp.orders", { events: [Noted], partitions: 2 })
    const group = `g-${publishMode}`
    const bus = (user: string) => Effect.provide(withBus({ ...as(user), publishMode }), { local: true })
    const { exit, log } = await watch(
      Effect.gen(function*() {
        yield* Effect.flatMap(Broker.Broker, (broker) => broker.ensureTopic(topic, "createOnly")).pipe(bus("creator"))
        yield* publishTo(topic, 1).pipe(bus("writer"))
        yield* Effect.gen(function*() {
          const subscriber = yield* Subscriber.Subscriber
          const deadLetters = yield* DeadLetters.DeadLetters
          const broker = yield* Broker.Broker
          yield* subscriber.subscribe(topic, {
            group,
            retry: Schedule.recurs(0),
            handlers: { Noted: () => Effect.fail("no") }
          })
          yield* Effect.repeat(deadLetters.list(topic, { group }), {
            until: (found) => found.length > 0,
            schedule: Schedule.spaced("100 millis")
          })
          yield* Effect.repeat(broker.backlog(topic, group), {
            until: ({ lag }) => lag === 0,
            schedule: Schedule.spaced("100 millis")
          })
        }).pipe(Effect.scoped, bus("reader"))
      }).pipe(Effect.timeout("30 seconds"))
    )
    expect(leaked(log, [...planted])).toEqual([])
    expect(Exit.isSuccess(exit) ? "" : Cause.pretty(exit.cause)).toBe("")
    expect(log).not.toMatch(/permission/i)
  })
})

describe("mid-session", () => {
  const statusOf = Effect.flatMap(Broker.Broker, ({ status }) => SubscriptionRef.get(status))
  /** The server's last word may get lost when it hangs up; then its answer to the next try says it. */
  const becomesUnauthorized = Effect.repeat(statusOf, {
    until: (status) => status._tag === "Disconnected" && /expired|authorization/i.test(status.reason),
    schedule: Schedule.spaced("20 millis")
  })

  test("credentials expire, are refused, and are renewed: nothing is lost", async () => {
    const operator = new Operator()
    const server = await start(await operator.configuration())
    const at = file("renewed.creds", (await operator.credentials(3)).text)
    const topic = topicOf()
    const { exit, log } = await watch(
      Effect.gen(function*() {
        yield* publishTo(topic, 1)
        const lost = yield* becomesUnauthorized
        const waiting = yield* Effect.forkChild(publishTo(topic, 2), { startImmediately: true })
        // Half of a file, then none, then an expired one: none of them ends the connection.
        file("renewed.creds", "-----BEGIN NATS")
        yield* Effect.sleep(500)
        rmSync(at)
        yield* Effect.sleep(500)
        const renewed = yield* Effect.promise(() => operator.credentials())
        file("renewed.creds", renewed.text)
        const receipt = yield* Fiber.join(waiting)
        return { lost, receipt }
      }).pipe(Effect.provide(withBus({ servers: server.url, credentialsFile: at, publishMode: "window" })))
    )
    expect(leaked(log, [...planted])).toEqual([])
    if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
    const { lost, receipt } = exit.value
    console.info(`credentials expired: ${JSON.stringify(lost)}`)
    expect(receipt.offset).toBe(2n)
  })

  test("credentials are revoked: a publish ends within its deadline, as not stored", async () => {
    const operator = new Operator()
    const server = await start(await operator.configuration())
    const user = await operator.credentials()
    const topic = topicOf()
    const { exit, log } = await watch(
      Effect.gen(function*() {
        yield* publishTo(topic, 1)
        operator.revoke(user.key)
        server.extra = yield* Effect.promise(() => operator.configuration())
        server.reload()
        const lost = yield* becomesUnauthorized
        const started = performance.now()
        const error = yield* Effect.flip(publishTo(topic, 2))
        return { error, lost, millis: performance.now() - started }
      }).pipe(Effect.provide(withBus({ servers: server.url, credentials: plantKey(user.text) }, "3 seconds")))
    )
    expect(leaked(log, [...planted])).toEqual([])
    if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
    const { error, lost, millis } = exit.value
    console.info(
      `credentials revoked: ${error.outcome} ${error.reason._tag} after ${
        Math.round(millis)
      } ms (${error.reason.message})`,
      JSON.stringify(lost)
    )
    expect(error.outcome).toBe("rejected")
    expect(millis).toBeLessThan(3000 + boundMillis)
  })
})
