/**
 * Headers as NATS carries them: `NATS/1.0`, then a line per value.
 */
import { isAscii } from "node:buffer"
import type { Headers, OutboundRecord } from "./core.ts"

const version = "NATS/1.0"
const lineEnd = "\r\n"

/** What stands before a value: the end of the line before, and the name. Few names, many values. */
const before = new Map<string, string>()

// Names come from applications, so that the table of them must not grow without an end.
const mostNames = 1024

const beforeValue = (name: string): string => {
  const known = before.get(name)
  if (known !== undefined) return known
  const made = `${lineEnd}${name}: `
  if (before.size < mostNames) before.set(name, made)
  return made
}

/** The text of the headers, without the end of the last line; `undefined` where a value is not text. */
const lines = (headers: Headers.Headers): string | undefined => {
  let text = version
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    const value = header[1]
    if (typeof value !== "string") return undefined
    text += beforeValue(header[0])
    text += value
  }
  return text
}

const bytesOf = (headers: Headers.Headers, extra: string): Uint8Array => {
  const parts = headers.map(([name, value]) =>
    typeof value === "string"
      ? Buffer.from(`${name}: ${value}\r\n`)
      : Buffer.concat([Buffer.from(`${name}: `), value, Buffer.from("\r\n")])
  )
  return Buffer.concat([Buffer.from(version + lineEnd), ...parts, Buffer.from(extra + lineEnd)])
}

/** `extra`: further lines, each with its end. Text, which is cheaper, where all values are text. */
export const encode = (headers: Headers.Headers, extra: string): string | Uint8Array => {
  const text = lines(headers)
  return text === undefined ? bytesOf(headers, extra) : `${text}\r\n${extra}\r\n`
}

/** Of a block that {@link encode} made. */
export const headerBytes = (block: string | Uint8Array): number =>
  typeof block === "string" ? Buffer.byteLength(block) : block.length

/** Characters that a deduplication id may have as it is. */
const plainId = /^[\x21-\x7e]{1,200}$/

/**
 * The line that makes the stream recognise a record that is sent again. It is the same for the same topic and event id,
 * in every process.
 */
export const messageIdLine = (topic: string, eventId: string): string => `Nats-Msg-Id: ${messageId(topic, eventId)}\r\n`

export const messageId = (topic: string, eventId: string): string =>
  plainId.test(eventId) ? `${topic}/${eventId}` : `${topic}/utf8:${Buffer.from(eventId).toString("base64url")}`

/** Headers that usually hold the aggregate id. */
const keyNames = new Set(["x-aggregate-id", "ce-subject", "ce-partitionkey"])

const isKeyName = (name: string): boolean => name === "X-Aggregate-ID" || keyNames.has(name.toLowerCase())

const plainKey = /^[\x21-\x7e]+$/

const keyHeader = "X-EventBus-Key"

/** NATS has no keys: one that no header tells anyway gets a header of its own. */
const keyLine = ({ headers, key }: OutboundRecord): string => {
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    if (header[1] === key && isKeyName(header[0])) return ""
  }
  return plainKey.test(key) ? `${keyHeader}: ${key}\r\n` : ""
}

/** A record's headers as a block. */
export const encodeRecord = (topic: string, record: OutboundRecord, extra: string): string | Uint8Array =>
  encode(record.headers, messageIdLine(topic, record.eventId) + keyLine(record) + extra)

/** What a delivered message's headers say. */
export interface Delivered {
  readonly headers: Headers.Headers
  readonly key: string | undefined
  /** Under which pin of its priority group it was delivered. */
  readonly pin: string | undefined
}

/** What a header is to us. */
type Kind = "own" | "nats" | "pin" | "key" | "aggregate"

interface Name {
  readonly text: string
  readonly kind: Kind
  /** With the value that it had last. */
  last: readonly [string, string] | undefined
}

const kindOf = (name: string): Kind => {
  if (name === keyHeader) return "key"
  if (name === "Nats-Pin-Id") return "pin"
  const lower = name.toLowerCase()
  return lower.startsWith("nats-") ? "nats" : lower === "x-aggregate-id" ? "aggregate" : "own"
}

/** As many as a record usually has, so that the array need not grow: one that grows takes three times its room. */
let usual = 0

/** What a block comes to, header by header. */
class Reading implements Delivered {
  readonly headers: Array<readonly [string, string | Uint8Array]> = new Array<readonly [string, string]>(usual)
  key: string | undefined = undefined
  pin: string | undefined = undefined
  #count = 0
  #hasKey = false

  add({ kind }: Name, pair: readonly [string, string | Uint8Array]): void {
    const value = pair[1]
    switch (kind) {
      case "nats":
        return
      case "pin":
        if (typeof value === "string") this.pin = value
        return
      case "key":
        if (this.#hasKey || typeof value !== "string") break
        this.#hasKey = true
        this.key = value
        return
      case "aggregate":
        if (this.key === undefined && typeof value === "string") this.key = value
        break
      case "own":
    }
    this.headers[this.#count++] = pair
  }

  end(): Delivered {
    this.headers.length = usual = this.#count
    return this
  }
}

/**
 * A record's headers and key, without what NATS and the driver add. Bytes that are not UTF-8 stay bytes. `length`: of the
 * block, with which the message begins.
 */
export const decodeRecord = (message: Uint8Array, length = message.length): Delivered => {
  const reading = new Reading()
  // Where all is ASCII, which is nearly always so, the block is decoded once, and values are parts of its text.
  if (isAscii(message) || isAscii(message.subarray(0, length))) eachOfText(latin1(message, 0, length), reading)
  else eachOfBytes(message.subarray(0, length), reading)
  return reading.end()
}

const decoder = new TextDecoder("utf-8", { fatal: true })

const valueOf = (bytes: Uint8Array): string | Uint8Array => {
  try {
    return decoder.decode(bytes)
  } catch {
    return new Uint8Array(bytes)
  }
}

const colon = 0x3a
const space = 0x20
const carriageReturn = 0x0d

/**
 * The names of the last block, in order: the next one nearly always has the same. Whoever looks at them finds the same
 * strings then, with their hashes.
 */
const names: Array<Name> = []
const mostPlaces = 64

const named = (text: string, index: number): Name => {
  const name = { text, kind: kindOf(text), last: undefined }
  if (index < mostPlaces) names[index] = name
  return name
}

/** The value of before, where it is the same: a type, a version, a millisecond. */
const pairOf = (name: Name, text: string, first: number, last: number): readonly [string, string] => {
  const latest = name.last
  if (latest !== undefined && latest[1].length === last - first && text.startsWith(latest[1], first)) return latest
  const pair: readonly [string, string] = [name.text, text.slice(first, last)]
  name.last = pair
  return pair
}

const eachOfText = (text: string, reading: Reading): void => {
  let index = 0
  let from = text.indexOf("\r") + 2
  for (let end = text.indexOf("\r", from); end > from; end = text.indexOf("\r", from)) {
    const known = names[index]
    const isKnown = known !== undefined && text.charCodeAt(from + known.text.length) === colon
      && text.startsWith(known.text, from)
    const separator = isKnown ? from + known.text.length : text.indexOf(":", from)
    if (separator > from && separator < end) {
      const name = isKnown ? known : named(text.slice(from, separator), index)
      index++
      if (name.kind !== "nats") {
        let first = separator + 1
        while (first < end && text.charCodeAt(first) === space) first++
        let last = end
        while (last > first && text.charCodeAt(last - 1) === space) last--
        reading.add(name, pairOf(name, text, first, last))
      }
    }
    from = end + 2
  }
}

const eachOfBytes = (block: Uint8Array, reading: Reading): void => {
  let from = block.indexOf(carriageReturn) + 2
  for (let end = block.indexOf(carriageReturn, from); end > from; end = block.indexOf(carriageReturn, from)) {
    const separator = block.indexOf(colon, from)
    if (separator > from && separator < end) {
      let first = separator + 1
      while (first < end && block[first] === space) first++
      let last = end
      while (last > first && block[last - 1] === space) last--
      const text = latin1(block, from, separator)
      reading.add({ text, kind: kindOf(text), last: undefined }, [text, valueOf(block.subarray(first, last))])
    }
    from = end + 2
  }
}

const latin1 = (block: Uint8Array, from: number, end: number): string =>
  (Buffer.isBuffer(block) ? block : Buffer.from(block.buffer, block.byteOffset, block.length))
    .toString("latin1", from, end)

/** The status of a message that is none: `503` in `NATS/1.0 503`. 0 where there is none. */
export const statusOf = (block: Uint8Array): { readonly code: number; readonly description: string } => {
  const end = block.indexOf(carriageReturn)
  const line = Buffer.from(block.buffer, block.byteOffset, Math.max(0, end)).toString("latin1")
  const code = Number.parseInt(line.slice(9, 12), 10)
  return { code: Number.isNaN(code) ? 0 : code, description: line.slice(12).trim() }
}
