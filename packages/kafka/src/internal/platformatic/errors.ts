/**
 * Errors of `@platformatic/kafka` as failures. Duck-typed on what they carry, so that the table is tested without a
 * client, and a client of another version does not pass for a foreign object.
 */
import { type Failure, failure, protocolFailure } from "../failure.ts"

const property = (error: unknown, name: string): unknown =>
  typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined

const text = (value: unknown): string => typeof value === "string" ? value : ""

export const messageOf = (error: unknown): string => text(property(error, "message")) || String(error)

/** The errors inside of one that stands for several. */
const inner = (error: unknown): ReadonlyArray<unknown> => {
  const errors = property(error, "errors")
  return Array.isArray(errors) ? errors : []
}

const tlsCode = /^(ERR_TLS|ERR_SSL|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|CERT_|EPROTO|HOSTNAME_MISMATCH)/

/** What the broker itself said, at the bottom of what the client made of it. */
const deepest = (error: unknown): string => {
  const [first] = inner(error)
  const more = first ?? property(error, "cause")
  if (more !== undefined) return deepest(more)
  return text(property(error, "serverErrorMessage")) || messageOf(error)
}

/** What lies under a connection that could not be made. */
const connectFailure = (error: unknown): Failure => {
  const message = messageOf(error)
  for (let cause = property(error, "cause"), depth = 0; cause !== undefined && depth < 8; depth++) {
    const code = text(property(cause, "code"))
    const why = messageOf(cause)
    // Of a token: it may be there the next time.
    if (code === "PLT_KFK_AUTHENTICATION" && why.endsWith("provider threw an error.")) {
      return failure("unreachable", `${why} ${messageOf(property(cause, "cause"))}`, error)
    }
    if (code === "PLT_KFK_AUTHENTICATION") {
      const more = property(cause, "cause")
      return failure("unauthenticated", more === undefined ? why : `${why} ${deepest(more)}`, error)
    }
    if (code === "PLT_KFK_USER" && why.startsWith("TLS handshake failed")) return failure("tls", why, error)
    if (code === "PLT_KFK_USER" && why.startsWith("SASL mechanism")) return failure("usage", why, error)
    if (tlsCode.test(code)) return failure("tls", `${message} ${why}`, error)
    for (const one of inner(cause)) {
      if (property(one, "apiId") === "UNSUPPORTED_SASL_MECHANISM") return failure("unauthenticated", why, error)
    }
    const next = property(cause, "cause")
    if (next === undefined) return failure("unreachable", why === "" ? message : `${message} ${why}`, error)
    cause = next
  }
  return failure("unreachable", message, error)
}

const unknownTopic = /^Unknown topic (\S+)\.$/

/** One error that stands for itself. */
const leaf = (error: unknown): Failure => {
  const message = messageOf(error)
  const apiId = property(error, "apiId")
  if (typeof apiId === "string") {
    return protocolFailure(apiId, text(property(error, "serverErrorMessage")) || message, error)
  }
  switch (property(error, "code")) {
    case "PLT_KFK_AUTHENTICATION":
      return failure("unauthenticated", message, error)
    case "PLT_KFK_TIMEOUT":
    case "PLT_KFK_NETWORK":
      if (message.startsWith("Request timed out")) return failure("timeout", message, error)
      if (/^(Client|Connection pool) is closed/.test(message)) return failure("closed", message, error)
      if (/^Connection to .* failed\.$/.test(message)) return connectFailure(error)
      if (/timed out\.?$|ready timed out|waiting for ready|^Cannot (get a connection|connect|compute)/.test(message)) {
        return failure("unreachable", message, error)
      }
      return failure("lost", message, error)
    case "PLT_KFK_USER":
      if (message === "Broker requires TLS.") return failure("tls", message, error)
      if (message.startsWith("Client closed")) return failure("closed", message, error)
      // Its metadata is older than the cluster.
      if (message.startsWith("Cannot find broker")) return failure("unreachable", message, error)
      if (message === "Unknown partition.") return protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", message, error)
      return unknownTopic.test(message)
        ? protocolFailure("UNKNOWN_TOPIC_OR_PARTITION", message, error)
        : failure("usage", message, error)
    case "PLT_KFK_UNSUPPORTED_COMPRESSION":
    case "PLT_KFK_UNSUPPORTED_API":
    case "PLT_KFK_UNSUPPORTED":
      return failure("usage", message, error)
    default:
      // Nobody knows how far it had come.
      return failure("lost", message, error)
  }
}

/** The name of the topic that an error says is unknown. */
export const unknownTopicIn = (error: unknown): string | undefined => unknownTopic.exec(messageOf(error))?.[1]

/** Operations that come before a record is sent: what is lost there has stored nothing. */
const beforeProduce = /^(metadata|initProducerId|listApis) failed/

/** Nothing was sent yet that could have been stored. */
export const harmless = (found: Failure): Failure =>
  found.kind === "lost" || found.kind === "timeout" ? { ...found, kind: "unreachable" } : found

const isLeaf = (error: unknown): boolean => inner(error).length === 0

/** Everything that an error stands for, in order. */
export const failuresOf = (error: unknown): ReadonlyArray<Failure> => {
  if (isLeaf(error)) return [leaf(error)]
  const found = inner(error).flatMap(failuresOf)
  return beforeProduce.test(messageOf(error)) ? found.map(harmless) : found
}

/** The failure that says most: what is wrong for good, else the last one. */
export const failureOf = (error: unknown): Failure => {
  const all = failuresOf(error)
  return all.find(({ kind }) => kind === "unauthenticated" || kind === "tls") ?? all.at(-1) ?? leaf(error)
}

/** A refused produce request tells of every partition in it. */
interface PartitionAnswer {
  readonly errorCode: number
  readonly errorMessage: string
  readonly baseOffset: bigint
}

const answerFor = (error: unknown, topic: string, partition: number): PartitionAnswer | undefined => {
  const topics = property(property(error, "response"), "responses")
  if (!Array.isArray(topics)) return undefined
  for (const one of topics) {
    if (property(one, "name") !== topic) continue
    const partitions = property(one, "partitionResponses")
    if (!Array.isArray(partitions)) continue
    for (const answer of partitions) {
      if (property(answer, "index") !== partition) continue
      const errorCode = property(answer, "errorCode")
      const baseOffset = property(answer, "baseOffset")
      return {
        errorCode: typeof errorCode === "number" ? errorCode : -1,
        errorMessage: text(property(answer, "errorMessage")),
        baseOffset: typeof baseOffset === "bigint" ? baseOffset : -1n
      }
    }
  }
  return undefined
}

export type PartitionOutcome =
  | { readonly _tag: "Stored"; readonly baseOffset: bigint }
  | { readonly _tag: "Failed"; readonly failures: ReadonlyArray<Failure> }

/**
 * What a failed `send` came to for one partition of it. Where one of the client's tries has stored it, it is stored,
 * whatever happened to its neighbours after that.
 */
export const partitionOutcome = (
  error: unknown,
  topic: string,
  partition: number,
  nameOf: (code: number) => string
): PartitionOutcome => {
  const failures: Array<Failure> = []
  let stored: bigint | undefined
  const walk = (one: unknown): void => {
    const answer = answerFor(one, topic, partition)
    if (answer !== undefined) {
      if (answer.errorCode === 0) stored ??= answer.baseOffset
      else failures.push(protocolFailure(nameOf(answer.errorCode), answer.errorMessage || "refused", one))
      return
    }
    if (!isLeaf(one)) {
      const before = failures.length
      for (const each of inner(one)) walk(each)
      if (beforeProduce.test(messageOf(one))) {
        for (let i = before; i < failures.length; i++) failures[i] = harmless(failures[i]!)
      }
      return
    }
    const missing = unknownTopicIn(one)
    failures.push(
      missing === undefined || missing === topic
        ? leaf(one)
        : failure("unreachable", `not sent, because of another topic: ${messageOf(one)}`, one)
    )
  }
  const produced = property(property(error, "produced"), "offsets")
  if (Array.isArray(produced)) {
    for (const one of produced) {
      const offset = property(one, "offset")
      if (property(one, "topic") === topic && property(one, "partition") === partition && typeof offset === "bigint") {
        return { _tag: "Stored", baseOffset: offset }
      }
    }
  }
  walk(error)
  return stored === undefined ? { _tag: "Failed", failures } : { _tag: "Stored", baseOffset: stored }
}
