/**
 * F27: who asks for TLS of a server that has none, meets one that never speaks, or brings credentials to one that wants
 * none: told soon, told why, and never told the password.
 */
import type { BrokerError } from "@effect-eventbus/core"
import { KafkaBroker } from "@effect-eventbus/kafka"
import { Effect, Exit, Layer, Redacted } from "effect"
import net from "node:net"
import { none, type Scenario } from "../scenario.ts"
import { lab } from "./lab.ts"

const secret = "planted-secret-7f3a"

/** Accepts, reads, and never answers. */
const mute = Effect.acquireRelease(
  Effect.promise(async () => {
    const sockets = new Set<net.Socket>()
    const server = net.createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.resume()
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    return { server, sockets, port: typeof address === "object" && address !== null ? address.port : 0 }
  }),
  ({ server, sockets }) =>
    Effect.promise(async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    })
)

interface Attempt {
  readonly name: string
  readonly options: KafkaBroker.Options
  readonly reasons: ReadonlyArray<BrokerError.Reason["_tag"]>
  readonly millis: number
}

const entry: Scenario = {
  id: "F27",
  name: "TLS against plain, a server that never speaks, credentials that nobody asked for",
  injects: "a client that connects wrongly, while another one works",
  asserts: ["I2", "I3", "I7"],
  longestGapMillis: 10_000,
  quick: true,
  run: Effect.gen(function*() {
    const { cluster } = yield* lab()
    const { port } = yield* mute
    const short = {
      connectTimeout: "1 second",
      requestTimeout: "1 second",
      initialConnectTimeout: "1 second"
    } as const
    const attempts: ReadonlyArray<Attempt> = [
      {
        name: "TLS against plain",
        options: { bootstrapBrokers: cluster.bootstrap, tls: true, ...short },
        reasons: ["BrokerFailure", "NotConnected", "Timeout", "Unauthorized"],
        millis: 6000
      },
      {
        name: "a server that never speaks",
        options: { bootstrapBrokers: [`127.0.0.1:${port}`], ...short },
        reasons: ["NotConnected", "Timeout"],
        millis: 6000
      },
      {
        name: "TLS, a server that never speaks",
        options: { bootstrapBrokers: [`127.0.0.1:${port}`], tls: true, ...short },
        reasons: ["NotConnected", "Timeout"],
        millis: 6000
      },
      {
        name: "SASL where none is spoken",
        options: {
          bootstrapBrokers: cluster.bootstrap,
          sasl: { mechanism: "SCRAM-SHA-256", username: "u", password: Redacted.make(secret) },
          ...short
        },
        reasons: ["Unauthorized", "NotConnected", "BrokerFailure"],
        millis: 6000
      }
    ]
    const violations: Array<string> = []
    const notes: Record<string, number> = {}
    for (const { millis, name, options, reasons } of attempts) {
      const from = performance.now()
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(KafkaBroker.layer(options))))
      const took = performance.now() - from
      notes[`${name} ms`] = took
      if (Exit.isSuccess(exit)) {
        violations.push(`${name}: it is connected`)
        continue
      }
      const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
      if (error === undefined || !reasons.includes(error.reason._tag)) {
        violations.push(`${name}: ${error?.reason._tag ?? String(exit.cause)}, not ${reasons.join(" or ")}`)
      }
      if (took > millis) violations.push(`${name}: told after ${Math.round(took)} ms, at most ${millis}`)
      const shown = `${String(exit)} ${JSON.stringify(exit)} ${error?.message}`
      if (shown.includes(secret)) violations.push(`${name}: the password is in the error`)
    }
    return { figures: { ...none, injected: attempts.length }, violations, notes }
  })
}

export const scenarios: ReadonlyArray<Scenario> = [entry]
