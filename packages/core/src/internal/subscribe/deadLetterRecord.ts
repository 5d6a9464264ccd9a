/**
 * The form of a dead letter: the original bytes and headers, and what is known of the failure in headers of its own.
 *
 * Ours come behind the original's, and each of them exactly once. So the last value of each of our names is ours and
 * what comes before it is the original's, however the original was made and whatever order between names a broker keeps.
 */
import { Cause } from "effect"
import type * as Broker from "../../Broker.ts"
import * as Headers from "../../Headers.ts"
import type { RawRecord } from "../rawPublisher.ts"
import { v5 } from "../uuid.ts"

/** What `Held` knows of the record that died. */
export interface Dead {
  readonly record: Broker.InboundRecord
  readonly attempts: number
  readonly cause: Cause.Cause<unknown> | string
  readonly firstSeen: number
  readonly at: number
}

const names = {
  topic: "X-DeadLetter-Topic",
  partition: "X-DeadLetter-Partition",
  offset: "X-DeadLetter-Offset",
  group: "X-DeadLetter-Group",
  attempts: "X-DeadLetter-Attempts",
  cause: "X-DeadLetter-Cause",
  firstSeen: "X-DeadLetter-First-Seen",
  at: "X-DeadLetter-At",
  trace: "X-DeadLetter-Trace",
  key: "X-DeadLetter-Key",
  replay: "X-DeadLetter-Replay"
} as const

/** Says of a replayed record which replay of its event it is. */
export const replayHeader = names.replay

const ours: ReadonlySet<string> = new Set(Object.values(names).map((name) => name.toLowerCase()))

/** Which replay of its event a record is; 0 for the first publication. */
export const replayOf = (headers: Headers.Headers): number => {
  const value = Number(Headers.get(headers, replayHeader) ?? 0)
  return Number.isSafeInteger(value) && value > 0 ? value : 0
}

// --- the cause ----------------------------------------------------------------------------------------------------------

const maxCauseBytes = 4096

// `Redacted` values print as <redacted> on their own. These are secrets that somebody has put into a message.
const secrets: ReadonlyArray<readonly [RegExp, string]> = [
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, "$1<redacted>@"],
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, "$1 <redacted>"],
  [
    /(["']?(?:password|passwd|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|client[-_]?secret)["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;&}\])]+)/gi,
    "$1<redacted>"
  ]
]

const redact = (text: string): string => secrets.reduce((out, [pattern, by]) => out.replace(pattern, by), text)

/** Printable ASCII, the rest and `%` percent-encoded, at most `limit` bytes, never cut inside an escape. */
export const encodeText = (text: string, limit: number): string => {
  let out = ""
  for (const char of text.toWellFormed()) {
    const code = char.codePointAt(0) ?? 0
    const encoded = code >= 0x20 && code < 0x7f && char !== "%" ? char : encodeURIComponent(char)
    // ASCII control characters are escaped by `encodeURIComponent` too; nothing of what it leaves alone needs it.
    if (out.length + encoded.length > limit) return out
    out += encoded
  }
  return out
}

/** The inverse of {@link encodeText}. What was not made by it comes back as it is. */
export const decodeText = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const describe = (cause: Cause.Cause<unknown> | string): string =>
  encodeText(redact(typeof cause === "string" ? cause : Cause.pretty(cause)), maxCauseBytes) || "no reason was given"

// --- writing ------------------------------------------------------------------------------------------------------------

const iso = (millis: number): string => new Date(millis).toISOString()

/** Hash of the group, the position that died, and the replay: a second dead letter must not be taken for the first. */
const dedupeId = (group: string, record: Broker.InboundRecord, replay: number): string =>
  v5(JSON.stringify(["dead letter", group, record.topic, record.partition, String(record.offset), replay]))

/** The dead letter of a record. */
export const toRecord = (group: string, dead: Dead): RawRecord => {
  const { record } = dead
  const replay = replayOf(record.headers)
  const traceparent = Headers.get(record.headers, "traceparent")
  const headers: Array<readonly [string, Headers.Value]> = [
    ...record.headers,
    [names.topic, record.topic],
    [names.partition, String(record.partition)],
    [names.offset, String(record.offset)],
    [names.group, group],
    [names.attempts, String(dead.attempts)],
    [names.cause, describe(dead.cause)],
    [names.firstSeen, iso(dead.firstSeen)],
    [names.at, iso(dead.at)],
    [names.trace, traceparent === undefined ? "none" : encodeText(traceparent, 256)],
    // With a prefix and without spaces: some brokers trim values, and keep no empty ones.
    [names.key, record.key === undefined ? "none" : `key:${encodeText(record.key, 1024).replaceAll(" ", "%20")}`],
    [names.replay, String(replay)]
  ]
  return {
    eventId: dedupeId(group, record, replay),
    key: record.key ?? Headers.get(record.headers, "X-Aggregate-ID") ?? "",
    headers,
    body: record.body
  }
}

// --- reading ------------------------------------------------------------------------------------------------------------

export interface Parsed {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly group: string
  readonly attempts: number
  readonly cause: string
  readonly firstSeen: Date
  readonly at: Date
  readonly trace: string | undefined
  readonly key: string | undefined
  readonly replay: number
  /** The original's. */
  readonly headers: Headers.Headers
}

/** The original's headers: ours are the last value of each of our names. */
const originalOf = (headers: Headers.Headers): Headers.Headers => {
  const left = new Set(ours)
  return headers.toReversed().filter(([name]) => !left.delete(name.toLowerCase())).toReversed()
}

/** `undefined` where the record is not a dead letter of ours. */
export const parse = (headers: Headers.Headers): Parsed | undefined => {
  const text = (name: string): string | undefined => Headers.get(headers, name)
  const topic = text(names.topic)
  const offset = text(names.offset)
  const group = text(names.group)
  if (topic === undefined || group === undefined || offset === undefined || !/^-?[0-9]+$/.test(offset)) return undefined
  const trace = text(names.trace)
  const key = text(names.key)
  return {
    topic,
    partition: Number(text(names.partition) ?? 0),
    offset: BigInt(offset),
    group,
    attempts: Number(text(names.attempts) ?? 0),
    cause: decodeText(text(names.cause) ?? ""),
    firstSeen: new Date(text(names.firstSeen) ?? 0),
    at: new Date(text(names.at) ?? 0),
    trace: trace === undefined || trace === "none" ? undefined : decodeText(trace),
    key: key === undefined || !key.startsWith("key:") ? undefined : decodeText(key.slice(4)),
    replay: replayOf(headers),
    headers: originalOf(headers)
  }
}
