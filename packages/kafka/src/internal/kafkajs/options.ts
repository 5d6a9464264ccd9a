/**
 * How every client of `kafkajs` is made here.
 */
import { Redacted } from "effect"
import kafkajs, { type KafkaConfig as ClientConfig } from "kafkajs"
import { EngineError } from "../engine.ts"
import type { Settings } from "../settings.ts"
import { tokenOf } from "../token.ts"
import { adminFailureOf } from "./errors.ts"

/** A promise that rejects with an `EngineError` only. */
export const guard = <A>(promise: Promise<A>): Promise<A> =>
  promise.catch((error: unknown) => {
    throw error instanceof EngineError ? error : new EngineError(adminFailureOf(error))
  })

const tlsOf = (tls: NonNullable<Settings["tls"]>): NonNullable<ClientConfig["ssl"]> => ({
  ...(tls.ca === undefined ? undefined : { ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca] }),
  ...(tls.cert === undefined ? undefined : { cert: tls.cert }),
  ...(tls.key === undefined ? undefined : { key: Redacted.value(tls.key) }),
  ...(tls.passphrase === undefined ? undefined : { passphrase: Redacted.value(tls.passphrase) }),
  ...(tls.servername === undefined ? undefined : { servername: tls.servername })
})

const saslOf = (sasl: NonNullable<Settings["sasl"]>, settings: Settings): NonNullable<ClientConfig["sasl"]> => {
  if (sasl.mechanism === "OAUTHBEARER") {
    const token = tokenOf(sasl.token, settings.connectTimeoutMillis)
    return { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: await token() }) }
  }
  const { username } = sasl
  const password = Redacted.value(sasl.password)
  switch (sasl.mechanism) {
    case "PLAIN":
      return { mechanism: "plain", username, password }
    case "SCRAM-SHA-256":
      return { mechanism: "scram-sha-256", username, password }
    case "SCRAM-SHA-512":
      return { mechanism: "scram-sha-512", username, password }
  }
}

export const retryOf = (settings: Settings, retries: number) => ({
  retries,
  initialRetryTime: settings.retryDelayMillis,
  maxRetryTime: 1000
})

const configOf = (settings: Settings, retries: number): ClientConfig => ({
  clientId: settings.clientId,
  brokers: [...settings.bootstrapBrokers],
  connectionTimeout: settings.connectTimeoutMillis,
  requestTimeout: settings.requestTimeoutMillis,
  logLevel: kafkajs.logLevel.NOTHING,
  retry: retryOf(settings, retries),
  ...(settings.tls === undefined ? undefined : { ssl: tlsOf(settings.tls) }),
  ...(settings.sasl === undefined ? undefined : { sasl: saslOf(settings.sasl, settings) })
})

export const client = (settings: Settings, retries: number) => new kafkajs.Kafka(configOf(settings, retries))
