/**
 * Opens the connection of a {@link Client}, and closes it with the scope.
 */
import { jetstreamManager } from "@nats-io/jetstream"
import { connect as dial, type NatsConnection, type TlsOptions } from "@nats-io/transport-node"
import { Clock, Effect, Redacted, type Scope, Stream, SubscriptionRef } from "effect"
import type { Decided, Options } from "../NatsConfig.ts"
import { clientError } from "./classify.ts"
import { Client } from "./client.ts"
import { BrokerError, firstConnection, type Status } from "./core.ts"
import { authenticatorOf, credentialsProblem } from "./credentials.ts"
import * as Tls from "./tls.ts"
import { waitUntil } from "./wait.ts"

const tlsOf = (tls: Options["tls"]): Tls.Tls | undefined => {
  if (tls === undefined || tls === false) return undefined
  if (tls === true) return {}
  const { ca, caFile, cert, certFile, handshakeFirst, key, keyFile } = tls
  const pem = key === undefined ? undefined : Redacted.value(key)
  return {
    ...(ca === undefined ? undefined : { ca }),
    ...(caFile === undefined ? undefined : { caFile }),
    ...(cert === undefined ? undefined : { cert }),
    ...(certFile === undefined ? undefined : { certFile }),
    ...(pem === undefined ? undefined : { key: pem }),
    ...(keyFile === undefined ? undefined : { keyFile }),
    ...(handshakeFirst === undefined ? undefined : { handshakeFirst })
  }
}

const open = (config: Decided): Promise<NatsConnection> => {
  const authenticator = authenticatorOf(config.options)
  const tls = tlsOf(config.tls)
  const problem = credentialsProblem(config.options, authenticator)
    ?? (tls === undefined ? undefined : Tls.problemOf(tls))
  if (problem !== undefined) {
    return Promise.reject(
      new BrokerError.BrokerError({ reason: new BrokerError.Refused({ kind: "invalid", message: problem }) })
    )
  }
  const tlsOptions: TlsOptions | undefined = tls === undefined
    ? undefined
    : Object.assign({ ...tls }, { checkServerIdentity: Tls.identityOf(config.servers) })
  return dial({
    servers: [...config.servers],
    name: config.name,
    // Building the stack of an error that nobody sees costs half of a request.
    noAsyncTraces: true,
    maxReconnectAttempts: config.maxReconnectAttempts,
    // Credentials may be renewed, so a refusal is no reason to give up.
    ignoreAuthErrorAbort: config.maxReconnectAttempts === -1,
    reconnectTimeWait: config.reconnectWaitMillis,
    reconnectJitter: config.reconnectJitterMillis,
    reconnectJitterTLS: config.reconnectJitterMillis,
    pingInterval: config.pingIntervalMillis,
    maxPingOut: 2,
    timeout: config.connectTimeoutMillis,
    inboxPrefix: config.inboxPrefix,
    ...(authenticator === undefined ? undefined : { authenticator }),
    ...(tlsOptions === undefined ? undefined : { tls: tlsOptions })
  })
}

/**
 * Why there is no connection. With TLS 1.3 a server refuses a client's certificate after the handshake, and the client
 * says nothing of it but that nobody answers.
 */
const connectError = (cause: unknown, config: Decided): BrokerError.BrokerError => {
  if (cause instanceof BrokerError.BrokerError) return cause
  const reason = clientError(cause, "", config.connectTimeoutMillis)
  const hint = "the server did not answer: it may want a client's certificate, or the TLS handshake before its greeting"
  return new BrokerError.BrokerError({
    reason: reason._tag === "Timeout" && config.tls !== undefined && config.tls !== false
      ? new BrokerError.Timeout({ millis: reason.millis, message: hint, cause })
      : reason
  })
}

/** How long what is on its way out may take when the connection is closed. */
const farewellMillis = 2000

/** Connects, until the scope closes. */
export const connect = Effect.fnUntraced(function*(
  config: Decided,
  id: string
): Effect.fn.Return<Client, BrokerError.BrokerError, Scope.Scope> {
  const clock = yield* Clock.Clock
  const failed = (cause: unknown) => connectError(cause, config)
  const connection = yield* firstConnection(
    Effect.acquireRelease(
      Effect.tryPromise({ try: () => open(config), catch: failed }),
      (opened) => Effect.promise(() => opened.close().catch(() => undefined))
    ),
    { system: "nats", within: config.initialConnectTimeoutMillis, pause: config.reconnectWaitMillis }
  )
  const status = yield* SubscriptionRef.make<Status>({ _tag: "Connected" })
  const manager = yield* Effect.tryPromise({
    try: () =>
      jetstreamManager(connection, {
        apiPrefix: config.apiPrefix,
        timeout: config.requestTimeoutMillis,
        checkAPI: false
      }),
    catch: failed
  })
  const client = new Client({ connection, manager, config, status, clock, id })
  yield* Stream.fromAsyncIterable(connection.status(), (error) => error).pipe(
    Stream.runForEach(client.follow),
    Effect.ignore,
    Effect.forkScoped({ startImmediately: true })
  )
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      let read = !client.connected
      client.barrier(() => {
        read = true
      })
      return waitUntil(() => read, farewellMillis)
    }).pipe(Effect.andThen(client.ended))
  )
  return client
})
