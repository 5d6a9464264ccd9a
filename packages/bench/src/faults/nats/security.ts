/**
 * F27: who is not let in is told why, soon, and no secret is in what is said.
 */
import { type BrokerError, Event, EventBus, Publisher, Topic } from "@effect-eventbus/core"
import { NatsBroker, type NatsConfig } from "@effect-eventbus/nats"
import { Cause, Effect, Exit, Layer, Redacted, Schema } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import net from "node:net"
import os from "node:os"
import path from "node:path"
import { inspect } from "node:util"
import { freshName } from "../load.ts"
import { none, type Scenario } from "../scenario.ts"
import { lab, promise } from "./lab.ts"

const secret = "hunter2-planted-secret"
const password = Redacted.make(secret)

interface Attempt {
  readonly name: string
  readonly injects: string
  /** Further lines of the server's configuration. */
  readonly configuration?: string
  readonly options: (servers: string) => NatsConfig.Options
  /** What it has to be told. */
  readonly reason: BrokerError.Reason["_tag"]
  /** And no later. */
  readonly withinMillis: number
}

const authorization = `authorization { users: [ { user: app, password: "${secret}" } ] }`

const attempts: ReadonlyArray<Attempt> = [
  {
    name: "wrong password",
    injects: "a password that the server does not know",
    configuration: "authorization { user: app, password: right }",
    options: (servers) => ({ servers, user: "app", password }),
    reason: "Unauthorized",
    withinMillis: 3000
  },
  {
    name: "TLS that the server does not offer",
    injects: "a server without TLS, and a client that wants it: fails closed",
    configuration: authorization,
    options: (servers) => ({ servers, user: "app", password, tls: true }),
    reason: "Refused",
    withinMillis: 3000
  }
]

/** Everything an application could print of it. */
const printed = (cause: Cause.Cause<unknown>): string =>
  `${Cause.pretty(cause)}\n${inspect(cause, { depth: 12, showHidden: true })}\n${
    inspect(Cause.squash(cause), { depth: 12 })
  }`

const judge = (
  exit: Exit.Exit<unknown, { readonly reason: { readonly _tag: string } }>,
  { reason, withinMillis }: Pick<Attempt, "reason" | "withinMillis">,
  millis: number
) => {
  const violations: Array<string> = []
  if (Exit.isSuccess(exit)) violations.push("it was let in")
  else {
    const failure = exit.cause.reasons.find((one) => one._tag === "Fail")
    const told = failure?.error.reason._tag
    if (told !== reason) violations.push(`told ${told ?? Cause.pretty(exit.cause)}, not ${reason}`)
    if (printed(exit.cause).includes(secret)) violations.push("the secret is in what is told")
  }
  if (millis > withinMillis) violations.push(`told after ${Math.round(millis)} ms, at most ${withinMillis}`)
  return { figures: { ...none, injected: 1 }, violations, notes: { "told after ms": millis } }
}

const timed = Effect.fnUntraced(function*<A, E extends { readonly reason: { readonly _tag: string } }>(
  effect: Effect.Effect<A, E>,
  expected: Pick<Attempt, "reason" | "withinMillis">
) {
  const started = performance.now()
  const exit = yield* Effect.exit(effect)
  return judge(exit, expected, performance.now() - started)
})

const row = (
  { injects, name }: Pick<Attempt, "name" | "injects">,
  run: Scenario["run"]
): Scenario => ({
  id: "F27",
  name,
  injects,
  asserts: ["I2", "I3", "I10"],
  longestGapMillis: 0,
  quick: true,
  run
})

const connecting = attempts.map((attempt) =>
  row(
    attempt,
    Effect.gen(function*() {
      const { cluster } = yield* lab({ configuration: attempt.configuration ?? "" })
      return yield* timed(Effect.scoped(NatsBroker.make(attempt.options(cluster.url))), attempt)
    })
  )
)

/** A server whose certificate nobody has vouched for. */
const unknownAuthority = row(
  {
    name: "unknown certificate authority",
    injects: "a server with a certificate of an authority that the client does not know"
  },
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(path.join(os.tmpdir(), "eventbus-tls-"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    const { cert, key } = yield* promise(async () => {
      // A module of the scripts, which the type checker of the packages does not read.
      const file = new URL("../../../../../scripts/testing/certificates.ts", import.meta.url).href
      const made: {
        readonly authority: (name: string) => Promise<{
          readonly issue: (name: string) => Promise<{ readonly cert: string; readonly key: string }>
        }>
      } = await import(file)
      return (await made.authority("somebody else")).issue("nats")
    })
    writeFileSync(path.join(folder, "cert.pem"), cert)
    writeFileSync(path.join(folder, "key.pem"), key)
    const { cluster } = yield* lab({
      configuration: `tls { cert_file: "${folder}/cert.pem", key_file: "${folder}/key.pem" }\n${authorization}`
    })
    return yield* timed(
      Effect.scoped(NatsBroker.make({ servers: cluster.url, user: "app", password, tls: true })),
      { reason: "Unauthorized", withinMillis: 3000 }
    )
  })
)

/** Accepts connections and says nothing. */
const mute = row(
  { name: "a server that never speaks", injects: "a port that accepts connections and never says a word" },
  Effect.gen(function*() {
    const port = yield* Effect.acquireRelease(
      promise(() =>
        new Promise<{ readonly server: net.Server; readonly port: number }>((resolve) => {
          const sockets = new Set<net.Socket>()
          const server = net.createServer((socket) => void sockets.add(socket))
          server.on("close", () => {
            for (const socket of sockets) socket.destroy()
          })
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            resolve({ server, port: typeof address === "object" && address !== null ? address.port : 0 })
          })
        })
      ),
      ({ server }) => Effect.sync(() => void server.close())
    )
    return yield* timed(
      Effect.scoped(
        NatsBroker.make({
          servers: `nats://127.0.0.1:${port.port}`,
          user: "app",
          password,
          connectTimeout: "1 second",
          initialConnectTimeout: "1 second"
        })
      ),
      { reason: "Timeout", withinMillis: 4000 }
    )
  })
)

const Plain = Event.make("Plain", {
  version: 1,
  payload: Schema.Struct({ id: Schema.String }),
  aggregateId: ({ id }) => id
})

/** Connected, and not allowed to publish to this topic. */
const denied = row(
  { name: "publish denied", injects: "a user that may do everything but publish to the topic" },
  Effect.gen(function*() {
    const topic = Topic.make(freshName("f27"), { events: [Plain] })
    const { cluster } = yield* lab({
      configuration:
        `authorization { users: [ { user: app, password: "${secret}", permissions: { publish: { deny: ["${topic.name}"] } } } ] }`
    })
    const layer = EventBus.layer().pipe(
      Layer.provide(NatsBroker.layer({ servers: cluster.url, user: "app", password }))
    )
    return yield* timed(
      Effect.flatMap(Publisher.Publisher, (publisher) => publisher.publish(topic, Plain.make({ id: "a" }))).pipe(
        Effect.provide(layer)
      ),
      { reason: "Unauthorized", withinMillis: 3000 }
    )
  })
)

export const scenarios: ReadonlyArray<Scenario> = [...connecting, unknownAuthority, mute, denied]
