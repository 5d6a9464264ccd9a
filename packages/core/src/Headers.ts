/**
 * Message headers: an ordered list of name/value pairs, as Kafka and NATS carry them.
 *
 * A name may occur more than once, and the order of the values of one name is kept. Names are compared without regard
 * to case, because NATS clients and HTTP gateways change it; they are sent as they were written.
 *
 * A value is a `string`. Bytes that are not valid UTF-8 (any Kafka producer may write them) arrive as `Uint8Array`, so
 * that a dead letter can carry them on unchanged; this library never writes such a value on its own.
 *
 * @since 0.1.0
 */
import { hasControlCharacter, isToken, utf8Length } from "./internal/text.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Value = string | Uint8Array

/**
 * @category models
 * @since 0.1.0
 */
export type Headers = ReadonlyArray<readonly [name: string, value: Value]>

/**
 * @category constructors
 * @since 0.1.0
 */
export const empty: Headers = []

/**
 * The last value of `name` as text, or `undefined` where there is none or it is not text.
 *
 * @category getters
 * @since 0.1.0
 */
export const get = (headers: Headers, name: string): string | undefined => {
  const wanted = name.toLowerCase()
  for (let i = headers.length - 1; i >= 0; i--) {
    const [key, value] = headers[i]!
    if (key.length === name.length && key.toLowerCase() === wanted) return typeof value === "string" ? value : undefined
  }
  return undefined
}

/**
 * Every value of `name`, in order.
 *
 * @category getters
 * @since 0.1.0
 */
export const getAll = (headers: Headers, name: string): ReadonlyArray<Value> => {
  const wanted = name.toLowerCase()
  const out: Array<Value> = []
  for (const [key, value] of headers) {
    if (key.toLowerCase() === wanted) out.push(value)
  }
  return out
}

/**
 * Size of one header: the bytes of its name and its value.
 *
 * @category getters
 * @since 0.1.0
 */
export const sizeOf = (name: string, value: Value): number =>
  utf8Length(name) + (typeof value === "string" ? utf8Length(value) : value.length)

/**
 * Size of all headers: the bytes of their names and values, without a broker's framing.
 *
 * @category getters
 * @since 0.1.0
 */
export const size = (headers: Headers): number => {
  let bytes = 0
  for (const [name, value] of headers) bytes += sizeOf(name, value)
  return bytes
}

/**
 * Most headers that an application may add to one envelope.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxUserHeaders = 64

/**
 * Most bytes, names and values together, that an application's headers may have in one envelope.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxUserHeaderBytes = 16_384

/**
 * Longest name of an application's header, in characters.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxNameLength = 128

const reservedNames = new Set([
  "__proto__",
  "content-type",
  "traceparent",
  "tracestate",
  "x-aggregate-id",
  "x-correlation-id",
  "x-tenant-id",
  "x-timestamp",
  "x-trace-id"
])

const reservedPrefixes = ["nats-", "$", "x-event-", "x-eventbus-", "x-deadletter-", "ce-", "ce_"]

/**
 * Whether a header's name belongs to a broker (`Nats-*`, `$*`), a wire format (`X-Event-*`, `X-Aggregate-ID`,
 * `X-Timestamp`, `X-Trace-ID`, `X-Correlation-ID`, `X-Tenant-ID`, `ce-*`, `ce_*`, `content-type`), tracing
 * (`traceparent`, `tracestate`) or this library (`X-EventBus-*`, `X-DeadLetter-*`), in any case. An application may not set it: a broker
 * would obey some of them. `__proto__` is reserved too.
 *
 * @category guards
 * @since 0.1.0
 */
export const isReserved = (name: string): boolean => {
  const lower = name.toLowerCase()
  return reservedNames.has(lower) || reservedPrefixes.some((prefix) => lower.startsWith(prefix))
}

/**
 * What is wrong with `name` as the name of an application's header, or `undefined`: 1 to 128 characters of
 * `[A-Za-z0-9_.-]`, not reserved.
 *
 * @category validation
 * @since 0.1.0
 */
export const nameProblem = (name: string): string | undefined =>
  !isToken(name)
    ? "the name must consist of [A-Za-z0-9_.-]"
    : name.length > maxNameLength
    ? `the name must have at most ${maxNameLength} characters`
    : isReserved(name)
    ? "the name is reserved"
    : undefined

/**
 * What is wrong with `value` as the value of an application's header, or `undefined`: text without control characters,
 * without lone surrogates, and without white space at its ends (NATS clients cut it off).
 *
 * @category validation
 * @since 0.1.0
 */
export const valueProblem = (value: unknown): string | undefined =>
  typeof value !== "string"
    ? "must be a string"
    : hasControlCharacter(value)
    ? "must not contain control characters"
    : !value.isWellFormed()
    ? "must not contain lone surrogates"
    : value !== value.trim()
    ? "must not begin or end with white space"
    : undefined
