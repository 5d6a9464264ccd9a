/**
 * Options with everything decided and checked.
 */
import * as BrokerError from "@effect-eventbus/core/BrokerError"
import { Duration, Effect, Redacted } from "effect"
import type { Compression, Options, Sasl, Tls, TopicSettings } from "../KafkaConfig.ts"
import * as TlsProblems from "./tls.ts"

export interface Settings {
  readonly bootstrapBrokers: ReadonlyArray<string>
  readonly clientId: string
  readonly tls: Tls | undefined
  readonly sasl: Sasl | undefined
  readonly compression: Compression
  readonly acks: "all" | "leader"
  readonly idempotent: boolean
  readonly connectTimeoutMillis: number
  readonly initialConnectTimeoutMillis: number
  readonly requestTimeoutMillis: number
  readonly sendTimeoutMillis: number
  readonly retryDelayMillis: number
  readonly metadataMaxAgeMillis: number
  readonly maxBufferedBytes: number
  readonly consumer: {
    readonly groupProtocol: "classic" | "consumer"
    readonly instanceId: string | undefined
    readonly sessionTimeoutMillis: number
    readonly rebalanceTimeoutMillis: number
    readonly heartbeatIntervalMillis: number
    readonly handoverTimeoutMillis: number
    readonly commitIntervalMillis: number
    readonly readCommitted: boolean
    readonly maxBytes: number
    readonly maxBytesPerPartition: number
    readonly maxWaitMillis: number
  }
  readonly topicSettings: (topic: string) => TopicSettings
}

const keys = {
  options: [
    "bootstrapBrokers",
    "clientId",
    "tls",
    "sasl",
    "compression",
    "acks",
    "idempotent",
    "connectTimeout",
    "initialConnectTimeout",
    "requestTimeout",
    "sendTimeout",
    "retryDelay",
    "metadataMaxAge",
    "maxBufferedBytes",
    "consumer",
    "topicDefaults",
    "topics"
  ],
  tls: ["ca", "cert", "key", "passphrase", "servername"],
  sasl: ["mechanism", "username", "password", "token"],
  consumer: [
    "groupProtocol",
    "instanceId",
    "sessionTimeout",
    "rebalanceTimeout",
    "heartbeatInterval",
    "handoverTimeout",
    "commitInterval",
    "isolation",
    "maxBytes",
    "maxBytesPerPartition",
    "maxWait"
  ],
  topic: ["minInsyncReplicas", "cleanupPolicy", "maxMessageBytes", "growPartitions", "config"]
} as const

const mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
const compressions = ["none", "gzip", "snappy", "lz4", "zstd"]
/** Beyond that, Node's timers fire at once. */
const longestMillis = 2 ** 31 - 1

const isText = (value: unknown): boolean => typeof value === "string" && value !== ""

const isSecret = (value: unknown): boolean => Redacted.isRedacted(value) && isText(Redacted.value(value))

/** Values that JavaScript, or a wrong cast, could have put there are met too. */
const saslProblems = (sasl: Sasl): ReadonlyArray<string> => {
  const has = (key: string): boolean => Object.hasOwn(sasl, key)
  if (!mechanisms.includes(sasl.mechanism)) return [`sasl.mechanism must be one of ${mechanisms.join(", ")}`]
  if (sasl.mechanism === "OAUTHBEARER") {
    if (has("username") || has("password")) return ["sasl.username and sasl.password are not of OAUTHBEARER"]
    return Effect.isEffect(sasl.token) || isSecret(sasl.token)
      ? []
      : ["sasl.token must be a Redacted text, not empty, or an effect that gives one"]
  }
  return [
    ...(has("token") ? ["sasl.token is of OAUTHBEARER only"] : []),
    ...(isText(sasl.username) ? [] : ["sasl.username must be text, and not empty"]),
    ...(isSecret(sasl.password) ? [] : ["sasl.password must be a Redacted text, and not empty"])
  ]
}

const oneOf = (name: string, value: unknown, allowed: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  value === undefined || allowed.includes(value) ? [] : [`${name} must be one of ${allowed.join(", ")}`]

const topicProblems = (where: string, { cleanupPolicy, config, maxMessageBytes, minInsyncReplicas }: TopicSettings) => {
  const wrong = Object.entries({ maxMessageBytes, minInsyncReplicas }).filter(([, value]) =>
    value !== undefined && !(Number.isSafeInteger(value) && value > 0)
  )
  const text = Object.entries(config ?? {}).filter(([, value]) => typeof value !== "string")
  return [
    ...wrong.map(([name]) => `${where}${name} must be an integer above 0`),
    ...oneOf(`${where}cleanupPolicy`, cleanupPolicy, ["delete", "compact", "compact,delete"]),
    ...text.map(([name]) => `${where}config.${name} must be text`)
  ]
}

/** Everything that is wrong with the options, as text. No value of a secret gets in here. */
export const problems = (options: Options): ReadonlyArray<string> => {
  const found: Array<string> = []
  const known = (where: string, value: object | undefined, allowed: ReadonlyArray<string>): void => {
    if (value === undefined) return
    for (const key of Object.keys(value)) if (!allowed.includes(key)) found.push(`${where}${key} is not an option`)
  }
  known("", options, keys.options)
  if (typeof options.tls === "object") known("tls.", options.tls, keys.tls)
  known("sasl.", options.sasl, keys.sasl)
  known("consumer.", options.consumer, keys.consumer)
  known("topicDefaults.", options.topicDefaults, keys.topic)
  for (const [name, topic] of Object.entries(options.topics ?? {})) known(`topics.${name}.`, topic, keys.topic)

  const brokers = options.bootstrapBrokers
  if (!Array.isArray(brokers) || brokers.length === 0) found.push("bootstrapBrokers must name a broker, as host:port")
  else if (brokers.some((broker) => !/^(\[[^\]]+\]|[^:\s]+):\d{1,5}$/.test(String(broker)))) {
    found.push("bootstrapBrokers must be of the form host:port")
  }
  const { clientId, compression, sasl } = options
  if (clientId !== undefined && !/^\S+$/.test(clientId)) found.push("clientId must not be empty or contain white space")
  if (compression !== undefined && !compressions.includes(compression)) {
    found.push(`compression must be one of ${compressions.join(", ")}`)
  }
  if (options.acks !== undefined && options.acks !== "all" && options.acks !== "leader") {
    found.push("acks must be \"all\" or \"leader\"")
  }
  if (options.acks === "leader" && options.idempotent !== false) {
    found.push("acks \"leader\" needs idempotent: false, because an idempotent producer waits for all in-sync replicas")
  }
  found.push(...oneOf("idempotent", options.idempotent, [true, false]))
  if (sasl !== undefined) found.push(...saslProblems(sasl))
  // An unknown key in it is said already.
  if (typeof options.tls === "object") found.push(...TlsProblems.problems(options.tls))
  const { groupProtocol, instanceId, isolation } = options.consumer ?? {}
  found.push(
    ...oneOf("consumer.groupProtocol", groupProtocol, ["classic", "consumer"]),
    ...oneOf("consumer.isolation", isolation, ["read_committed", "read_uncommitted"])
  )
  if (instanceId !== undefined && !/^[A-Za-z0-9._-]{1,40}$/.test(instanceId)) {
    found.push("consumer.instanceId must be 1 to 40 characters of [A-Za-z0-9._-]")
  }
  found.push(...topicProblems("topicDefaults.", options.topicDefaults ?? {}))
  for (const [name, topic] of Object.entries(options.topics ?? {})) {
    found.push(...topicProblems(`topics.${name}.`, topic))
  }
  return found
}

export const decide = (options: Options): Effect.Effect<Settings, BrokerError.BrokerError> =>
  Effect.suspend(() => {
    const wrong = [...problems(options)]
    const millis = (name: string, input: Duration.Input | undefined, otherwise: number, least = 1): number => {
      if (input === undefined) return otherwise
      let value = Number.NaN
      try {
        value = Duration.toMillis(Duration.fromInputUnsafe(input))
      } catch {
        // said below
      }
      if (!(value >= 0 && value <= longestMillis) || Math.ceil(value) < least) {
        wrong.push(`${name} must be a duration ${least === 0 ? "of at least 0" : "above 0"}, and of 24 days at most`)
      }
      return Math.ceil(value)
    }
    const integer = (name: string, value: number | undefined, otherwise: number): number => {
      if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
        wrong.push(`${name} must be an integer above 0`)
      }
      return value ?? otherwise
    }
    const consumer = options.consumer ?? {}
    const settings: Settings = {
      bootstrapBrokers: options.bootstrapBrokers,
      clientId: options.clientId ?? "effect-eventbus",
      tls: options.tls === true ? {} : options.tls === false ? undefined : options.tls,
      sasl: options.sasl,
      compression: options.compression ?? "none",
      acks: options.acks ?? "all",
      idempotent: options.idempotent ?? true,
      connectTimeoutMillis: millis("connectTimeout", options.connectTimeout, 5000),
      initialConnectTimeoutMillis: millis("initialConnectTimeout", options.initialConnectTimeout, 30_000, 0),
      requestTimeoutMillis: millis("requestTimeout", options.requestTimeout, 5000),
      sendTimeoutMillis: millis("sendTimeout", options.sendTimeout, 20_000),
      retryDelayMillis: millis("retryDelay", options.retryDelay, 150),
      metadataMaxAgeMillis: millis("metadataMaxAge", options.metadataMaxAge, 5000),
      maxBufferedBytes: integer("maxBufferedBytes", options.maxBufferedBytes, 64 * 1024 * 1024),
      consumer: {
        groupProtocol: consumer.groupProtocol ?? "classic",
        instanceId: consumer.instanceId,
        sessionTimeoutMillis: millis("consumer.sessionTimeout", consumer.sessionTimeout, 30_000),
        rebalanceTimeoutMillis: millis("consumer.rebalanceTimeout", consumer.rebalanceTimeout, 60_000),
        heartbeatIntervalMillis: millis("consumer.heartbeatInterval", consumer.heartbeatInterval, 1000),
        handoverTimeoutMillis: millis("consumer.handoverTimeout", consumer.handoverTimeout, 5000),
        commitIntervalMillis: millis("consumer.commitInterval", consumer.commitInterval, 100),
        readCommitted: consumer.isolation !== "read_uncommitted",
        maxBytes: integer("consumer.maxBytes", consumer.maxBytes, 4 * 1024 * 1024),
        maxBytesPerPartition: integer("consumer.maxBytesPerPartition", consumer.maxBytesPerPartition, 1024 * 1024),
        maxWaitMillis: millis("consumer.maxWait", consumer.maxWait, 500)
      },
      topicSettings: (topic) => ({ ...options.topicDefaults, ...options.topics?.[topic] })
    }
    const { handoverTimeoutMillis, heartbeatIntervalMillis, rebalanceTimeoutMillis, sessionTimeoutMillis } =
      settings.consumer
    if (rebalanceTimeoutMillis < sessionTimeoutMillis) {
      wrong.push("consumer.rebalanceTimeout must be at least consumer.sessionTimeout")
    }
    if (handoverTimeoutMillis >= sessionTimeoutMillis) {
      wrong.push("consumer.handoverTimeout must be below consumer.sessionTimeout")
    }
    if (heartbeatIntervalMillis >= sessionTimeoutMillis) {
      wrong.push("consumer.heartbeatInterval must be below consumer.sessionTimeout")
    }
    if (wrong.length === 0) return Effect.succeed(settings)
    return Effect.fail(
      new BrokerError.BrokerError({ reason: new BrokerError.Refused({ kind: "invalid", message: wrong.join("; ") }) })
    )
  })
