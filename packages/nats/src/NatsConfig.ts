/**
 * Everything that can be configured of the NATS driver. Secrets are `Redacted`; unknown keys are refused, so that a
 * misspelt one is not a silent default. There is no way to skip the verification of a certificate: give the CA.
 *
 * @since 0.1.0
 */
import { BrokerError } from "@effect-eventbus/core"
import { Duration, Effect, Redacted } from "effect"

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
  /**
   * Tries per server before the connection is given up. Default -1: it is never given up, not even where the credentials
   * are refused, because they may be renewed.
   */
  readonly maxAttempts?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * `nats://host:port`, several for a cluster, as a list or with commas. Default `nats://127.0.0.1:4222`. `tls://` does what
   * `tls: true` does, for all of them. Credentials have no place in it.
   */
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
  /**
   * Where a credentials file is. Read again at each connect, so that it can be renewed; one that cannot be read then is
   * passed over.
   */
  readonly credentialsFile?: string | undefined
  /**
   * `true`: the connection must be encrypted, and the server's certificate be signed by an authority that Node trusts and be
   * for one of `servers`. Without it, and with `false`, the server decides whether there is encryption.
   */
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
  /** `true` also where a server's URL asks for it. */
  readonly tls: Options["tls"]
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

const serversOf = (servers: Options["servers"]): ReadonlyArray<string> =>
  servers === undefined
    ? ["nats://127.0.0.1:4222"]
    : typeof servers === "string"
    ? servers.split(",").map((server) => server.trim())
    : servers

/** A server's text is not repeated: somebody may have put a password into it. */
const serverProblem = (server: unknown): string | undefined => {
  if (typeof server !== "string") return "servers must be text"
  const rest = server.replace(/^(?:nats|tls):\/\//i, "")
  if (rest.includes("://")) return "servers must begin with nats://, tls:// or the host"
  if (rest.includes("@")) return "servers must not hold credentials: give user and password, or token"
  return /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::\d{1,5})?\/?$/.test(rest)
    ? undefined
    : "servers must be of the form nats://host:port"
}

const isTlsUrl = (server: string): boolean => /^tls:\/\//i.test(server)

const textOptions = ["name", "user", "credentialsFile", "domain", "apiPrefix", "inboxPrefix"] as const
const secretOptions = ["password", "token", "nkeySeed", "credentials"] as const
const fileOptions = ["ca", "caFile", "cert", "certFile", "keyFile"] as const

/** The values that JavaScript, or a wrong cast, could have put there. */
const typeProblem = (options: Options): string | undefined => {
  const wrong = textOptions.find((name) => options[name] !== undefined && !isText(options[name]))
    ?? fileOptions.map((name) => `tls.${name}` as const).find((_, i) => {
      const value = typeof options.tls === "object" ? options.tls[fileOptions[i]!] : undefined
      return value !== undefined && !isText(value)
    })
  if (wrong !== undefined) return `${wrong} must be text, and not empty`
  const open = secretOptions.find((name) => options[name] !== undefined && !isSecret(options[name]))
    ?? (typeof options.tls === "object" && options.tls.key !== undefined && !isSecret(options.tls.key)
      ? "tls.key"
      : undefined)
  return open === undefined ? undefined : `${open} must be a Redacted text, not empty`
}

const isText = (value: unknown): boolean => typeof value === "string" && value.trim() !== ""

const isSecret = (value: unknown): boolean => Redacted.isRedacted(value) && isText(Redacted.value(value))

/** What is wrong with the options, or `undefined`. Never with a secret in it. */
const problemOf = (options: Options): string | undefined => {
  const { apiPrefix, domain, inboxPrefix, publishMode, publishModes, reconnect, tls } = options
  const key = unknownKey(options, known, "")
    ?? (typeof tls === "object" ? unknownKey(tls, knownTls, "tls.") : undefined)
    ?? (reconnect === undefined ? undefined : unknownKey(reconnect, knownReconnect, "reconnect."))
  if (key !== undefined) return key
  const servers = serversOf(options.servers)
  const server = servers.length === 0 ? "servers must name a server" : servers.map(serverProblem).find(isProblem)
  if (server !== undefined) return server
  if (tls === false && servers.some(isTlsUrl)) return "tls is false, and servers has tls://"
  if (severalCredentials(options)) return "give one of user, token, nkeySeed, credentials and credentialsFile"
  if (options.password !== undefined && options.user === undefined) return "password needs user"
  const type = typeProblem(options)
  if (type !== undefined) return type
  if (domain !== undefined && apiPrefix !== undefined) return "give one of domain and apiPrefix"
  for (const [name, prefix] of Object.entries({ domain, apiPrefix, inboxPrefix })) {
    if (prefix !== undefined && !prefixPattern.test(prefix)) {
      return `${name}: ${JSON.stringify(prefix)} cannot be a prefix`
    }
  }
  if (domain?.includes(".") === true) return "domain is one token, without dots"
  const wanted = [publishMode, ...Object.values(publishModes ?? {})]
  return wanted.every((mode) => mode === undefined || modes.includes(mode))
    ? undefined
    : `publishMode is one of ${modes.join(", ")}`
}

const isProblem = (problem: string | undefined): problem is string => problem !== undefined

/** Collects what is wrong with the numbers. */
class Numbers {
  problem: string | undefined

  millis(name: string, input: Duration.Input | undefined, otherwise: number, least: 0 | 1 = 1): number {
    if (input === undefined) return otherwise
    let value = Number.NaN
    try {
      value = Duration.toMillis(Duration.fromInputUnsafe(input))
    } catch {
      // Said below.
    }
    // Beyond that, Node's timers fire at once.
    if (value >= least && value <= 2 ** 31 - 1) return Math.ceil(value)
    this.problem ??= `${name} must be a duration of ${least === 0 ? "0" : "1 millisecond"} to 24 days`
    return otherwise
  }

  attempts(value: number | undefined): number {
    if (value === undefined || value === -1 || (Number.isSafeInteger(value) && value > 0)) return value ?? -1
    this.problem ??= "reconnect.maxAttempts must be -1 (never given up) or an integer above 0"
    return -1
  }
}

const refuse = (message: string): Effect.Effect<never, BrokerError.BrokerError> =>
  Effect.fail(new BrokerError.BrokerError({ reason: new BrokerError.Refused({ kind: "invalid", message }) }))

/**
 * Checks the options and fills in what is not given. Fails with `Refused`, kind `invalid`, and the name of the option.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decide = (options: Options): Effect.Effect<Decided, BrokerError.BrokerError> =>
  Effect.suspend(() => {
    const problem = problemOf(options)
    if (problem !== undefined) return refuse(problem)
    const { apiPrefix, domain, publishMode = "auto", publishModes = {}, reconnect } = options
    const servers = serversOf(options.servers)
    const numbers = new Numbers()
    const decided: Decided = {
      servers,
      name: options.name ?? "effect-eventbus",
      options,
      tls: options.tls ?? (servers.some(isTlsUrl) ? true : undefined),
      connectTimeoutMillis: numbers.millis("connectTimeout", options.connectTimeout, 5000),
      initialConnectTimeoutMillis: numbers.millis("initialConnectTimeout", options.initialConnectTimeout, 30_000, 0),
      reconnectWaitMillis: numbers.millis("reconnect.wait", reconnect?.wait, 250),
      reconnectJitterMillis: numbers.millis("reconnect.jitter", reconnect?.jitter, 100, 0),
      maxReconnectAttempts: numbers.attempts(reconnect?.maxAttempts),
      pingIntervalMillis: numbers.millis("pingInterval", options.pingInterval, 5000),
      requestTimeoutMillis: numbers.millis("requestTimeout", options.requestTimeout, 5000),
      ackTimeoutMillis: numbers.millis("ackTimeout", options.ackTimeout, 2000),
      apiPrefix: apiPrefix ?? (domain === undefined ? "$JS.API" : `$JS.${domain}.API`),
      inboxPrefix: options.inboxPrefix ?? "_INBOX",
      numbered: [publishMode, ...Object.values(publishModes)].every((mode) => mode === "window"),
      modeOf: (topic) => Object.hasOwn(publishModes, topic) ? publishModes[topic] ?? publishMode : publishMode
    }
    return numbers.problem === undefined ? Effect.succeed(decided) : refuse(numbers.problem)
  })
