/**
 * Everything that can be configured of the NATS driver. Secrets are `Redacted`; unknown keys are refused, so that a
 * misspelt one is not a silent default. There is no way to skip the verification of a certificate: give the CA.
 *
 * @since 0.1.0
 */
import { BrokerError } from "@effect-eventbus/core"
import { Duration, Effect, type Redacted } from "effect"

/**
 * How records are published. See the README for what each of them guarantees.
 *
 * - `window`: each record with an acknowledgement of its own.
 * - `fastIngest`: ADR-50 fast ingest, for ordered topics on servers from 2.14 whose stream allows it.
 * - `auto` (default): `fastIngest` where it can be used, else `window`.
 *
 * @category models
 * @since 0.1.0
 */
export type PublishMode = "auto" | "window" | "fastIngest"

/**
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions {
  /** PEM of the certificate authority, or its file. */
  readonly ca?: string | undefined
  readonly caFile?: string | undefined
  /** PEM of the client's certificate, or its file. */
  readonly cert?: string | undefined
  readonly certFile?: string | undefined
  /** PEM of the client's key, or its file. */
  readonly key?: Redacted.Redacted | undefined
  readonly keyFile?: string | undefined
  /** The TLS handshake comes before the server's greeting. Default false. */
  readonly handshakeFirst?: boolean | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ReconnectOptions {
  /** Pause before the same server is tried again. Default 250 ms. */
  readonly wait?: Duration.Input | undefined
  /** Most that is added to it at random. Default 100 ms. */
  readonly jitter?: Duration.Input | undefined
  /** Tries per server before the connection is given up. Default -1: it is never given up. */
  readonly maxAttempts?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** `nats://host:port`, several for a cluster. Default `nats://127.0.0.1:4222`. */
  readonly servers?: string | ReadonlyArray<string> | undefined
  /** The client's name, as the server's monitoring shows it. Default `effect-eventbus`. */
  readonly name?: string | undefined
  readonly user?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  readonly token?: Redacted.Redacted | undefined
  /** The seed of an NKey, `SU...`. */
  readonly nkeySeed?: Redacted.Redacted | undefined
  /** The content of a credentials file (JWT and seed). */
  readonly credentials?: Redacted.Redacted | undefined
  /** Where a credentials file is. Read again at each connect, so that it can be renewed. */
  readonly credentialsFile?: string | undefined
  /** `true`: the connection must be encrypted, with the system's certificate authorities. */
  readonly tls?: TlsOptions | boolean | undefined
  /** For one try. Default 5 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * How long the layer waits for a server that is not there yet when it is built: it tries again until then, and fails
   * with `NotConnected` after it. What waiting does not mend fails at once. 0: one try. Default 30 seconds.
   */
  readonly initialConnectTimeout?: Duration.Input | undefined
  readonly reconnect?: ReconnectOptions | undefined
  /** How often the server is asked whether it is still there; two questions without an answer end it. Default 5 seconds. */
  readonly pingInterval?: Duration.Input | undefined
  /** For requests to the JetStream API. Default 5 seconds. */
  readonly requestTimeout?: Duration.Input | undefined
  /** The JetStream domain. */
  readonly domain?: string | undefined
  /** The prefix of the JetStream API, where it is imported from another account. Not together with `domain`. */
  readonly apiPrefix?: string | undefined
  /** First part of the subjects that answers come to. Default `_INBOX`. */
  readonly inboxPrefix?: string | undefined
  /** Default `auto`. */
  readonly publishMode?: PublishMode | undefined
  /** By topic, instead of `publishMode`. */
  readonly publishModes?: { readonly [topic: string]: PublishMode } | undefined
  /**
   * How long an acknowledgement may be missing after the server has read the message, before the message is taken for
   * lost. Never counted while the link is slow or the server does not answer pings. Default 2 seconds.
   */
  readonly ackTimeout?: Duration.Input | undefined
}

/** The options, all decided. */
export interface Decided {
  readonly servers: ReadonlyArray<string>
  readonly name: string
  readonly options: Options
  readonly connectTimeoutMillis: number
  readonly initialConnectTimeoutMillis: number
  readonly reconnectWaitMillis: number
  readonly reconnectJitterMillis: number
  readonly maxReconnectAttempts: number
  readonly pingIntervalMillis: number
  readonly requestTimeoutMillis: number
  readonly ackTimeoutMillis: number
  readonly apiPrefix: string
  readonly inboxPrefix: string
  readonly modeOf: (topic: string) => PublishMode
  /** Every acknowledgement has a sequence: no topic is published by fast ingest. */
  readonly numbered: boolean
}

const known: Record<keyof Options, true> = {
  servers: true,
  name: true,
  user: true,
  password: true,
  token: true,
  nkeySeed: true,
  credentials: true,
  credentialsFile: true,
  tls: true,
  connectTimeout: true,
  initialConnectTimeout: true,
  reconnect: true,
  pingInterval: true,
  requestTimeout: true,
  domain: true,
  apiPrefix: true,
  inboxPrefix: true,
  publishMode: true,
  publishModes: true,
  ackTimeout: true
}

const knownTls: Record<keyof TlsOptions, true> = {
  ca: true,
  caFile: true,
  cert: true,
  certFile: true,
  key: true,
  keyFile: true,
  handshakeFirst: true
}

const knownReconnect: Record<keyof ReconnectOptions, true> = { wait: true, jitter: true, maxAttempts: true }

const modes: ReadonlyArray<string> = ["auto", "window", "fastIngest"]

const prefixPattern = /^[A-Za-z0-9_$-]+(?:\.[A-Za-z0-9_$-]+)*$/

const unknownKey = (value: object, allowed: object, path: string): string | undefined => {
  const key = Object.keys(value).find((name) => !Object.hasOwn(allowed, name))
  return key === undefined ? undefined : `there is no option ${path}${key}`
}

const severalCredentials = (options: Options): boolean =>
  [options.user, options.token, options.nkeySeed, options.credentials, options.credentialsFile]
    .filter((value) => value !== undefined).length > 1

/** What is wrong with the options, or `undefined`. Never with a secret in it. */
const problemOf = (options: Options): string | undefined => {
  const { apiPrefix, domain, inboxPrefix, publishMode, publishModes, reconnect, tls } = options
  const key = unknownKey(options, known, "")
    ?? (typeof tls === "object" ? unknownKey(tls, knownTls, "tls.") : undefined)
    ?? (reconnect === undefined ? undefined : unknownKey(reconnect, knownReconnect, "reconnect."))
  if (key !== undefined) return key
  if (severalCredentials(options)) return "give one of user, token, nkeySeed, credentials and credentialsFile"
  if (options.password !== undefined && options.user === undefined) return "password needs user"
  if (domain !== undefined && apiPrefix !== undefined) return "give one of domain and apiPrefix"
  for (const prefix of [domain, apiPrefix, inboxPrefix]) {
    if (prefix !== undefined && !prefixPattern.test(prefix)) return `${JSON.stringify(prefix)} cannot be a prefix`
  }
  const wanted = [publishMode, ...Object.values(publishModes ?? {})]
  return wanted.every((mode) => mode === undefined || modes.includes(mode))
    ? undefined
    : `publishMode is one of ${modes.join(", ")}`
}

const millisOf = (input: Duration.Input | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(input))

/**
 * Checks the options and fills in what is not given. Fails with `Refused`, kind `invalid`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decide = (options: Options): Effect.Effect<Decided, BrokerError.BrokerError> =>
  Effect.suspend(() => {
    const problem = problemOf(options)
    if (problem !== undefined) {
      return Effect.fail(
        new BrokerError.BrokerError({ reason: new BrokerError.Refused({ kind: "invalid", message: problem }) })
      )
    }
    const { apiPrefix, domain, publishMode = "auto", publishModes = {}, reconnect, servers } = options
    return Effect.succeed<Decided>({
      servers: servers === undefined
        ? ["nats://127.0.0.1:4222"]
        : typeof servers === "string"
        ? servers.split(",").map((server) => server.trim())
        : servers,
      name: options.name ?? "effect-eventbus",
      options,
      connectTimeoutMillis: millisOf(options.connectTimeout, 5000),
      initialConnectTimeoutMillis: millisOf(options.initialConnectTimeout, 30_000),
      reconnectWaitMillis: millisOf(reconnect?.wait, 250),
      reconnectJitterMillis: millisOf(reconnect?.jitter, 100),
      maxReconnectAttempts: reconnect?.maxAttempts ?? -1,
      pingIntervalMillis: millisOf(options.pingInterval, 5000),
      requestTimeoutMillis: millisOf(options.requestTimeout, 5000),
      ackTimeoutMillis: millisOf(options.ackTimeout, 2000),
      apiPrefix: apiPrefix ?? (domain === undefined ? "$JS.API" : `$JS.${domain}.API`),
      inboxPrefix: options.inboxPrefix ?? "_INBOX",
      numbered: [publishMode, ...Object.values(publishModes)].every((mode) => mode === "window"),
      modeOf: (topic) => Object.hasOwn(publishModes, topic) ? publishModes[topic] ?? publishMode : publishMode
    })
  })
