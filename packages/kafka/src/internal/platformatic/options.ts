/**
 * How every client of `@platformatic/kafka` is made here.
 */
import { type BaseOptions, protocolErrorsCodesById, type SASLOptions } from "@platformatic/kafka"
import { Redacted } from "effect"
import type { Tls } from "../../KafkaConfig.ts"
import { EngineError } from "../engine.ts"
import type { Settings } from "../settings.ts"
import { tokenOf } from "../token.ts"
import { failureOf } from "./errors.ts"

/** Of an error's code, by the protocol. */
export const nameOf = (code: number): string => protocolErrorsCodesById[code] ?? `ERROR_${code}`

export const fail = (error: unknown): never => {
  throw error instanceof EngineError ? error : new EngineError(failureOf(error))
}

/** A promise that rejects with an `EngineError` only. */
export const guard = <A>(promise: Promise<A>): Promise<A> => promise.catch(fail)

/** Tries of short operations; those of a producer end with its send timeout. */
const fewTries = 4

const tlsOf = (tls: Tls): NonNullable<BaseOptions["tls"]> => ({
  ...(tls.ca === undefined ? undefined : { ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca] }),
  ...(tls.cert === undefined ? undefined : { cert: tls.cert }),
  ...(tls.key === undefined ? undefined : { key: Redacted.value(tls.key) }),
  ...(tls.passphrase === undefined ? undefined : { passphrase: Redacted.value(tls.passphrase) }),
  ...(tls.servername === undefined ? undefined : { servername: tls.servername })
})

const saslOf = (sasl: NonNullable<Settings["sasl"]>, settings: Settings): SASLOptions =>
  sasl.mechanism === "OAUTHBEARER"
    ? {
      mechanism: "OAUTHBEARER",
      token: tokenOf(sasl.token, settings.connectTimeoutMillis),
      // The broker's refusal is an answer like any other; without this the client goes on as if it were let in.
      authBytesValidator: (bytes, callback) => {
        if (bytes.length === 0) callback(null, bytes)
        else callback(new Error(`the broker refused the token: ${bytes.toString("utf8", 0, 200)}`))
      }
    }
    : { mechanism: sasl.mechanism, username: sasl.username, password: () => Redacted.value(sasl.password) }

export const baseOptions = (settings: Settings): BaseOptions => ({
  clientId: settings.clientId,
  bootstrapBrokers: [...settings.bootstrapBrokers],
  connectTimeout: settings.connectTimeoutMillis,
  requestTimeout: settings.requestTimeoutMillis,
  timeout: settings.requestTimeoutMillis,
  retryDelay: settings.retryDelayMillis,
  retries: fewTries,
  metadataMaxAge: settings.metadataMaxAgeMillis,
  autocreateTopics: false,
  ...(settings.tls === undefined ? undefined : { tls: tlsOf(settings.tls) }),
  ...(settings.tls?.servername === undefined ? undefined : { tlsServerName: settings.tls.servername }),
  ...(settings.sasl === undefined ? undefined : { sasl: saslOf(settings.sasl, settings) })
})

/** A client without a listener for "error" would end the process. */
export const quiet = <A extends { on: (event: "error", listener: (error: Error) => void) => unknown }>(
  client: A
): A => {
  client.on("error", () => {})
  return client
}
