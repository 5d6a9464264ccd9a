/**
 * Headers as NATS carries them: `NATS/1.0`, then a line per value.
 */
import type { Headers, OutboundRecord } from "./core.ts"

const start = "NATS/1.0\r\n"

/** The text of the headers; `undefined` where a value is not text. */
const lines = (headers: Headers.Headers): string | undefined => {
  let text = start
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    const value = header[1]
    if (typeof value !== "string") return undefined
    text += `${header[0]}: ${value}\r\n`
  }
  return text
}

const bytesOf = (headers: Headers.Headers, extra: string): Uint8Array => {
  const parts = headers.map(([name, value]) =>
    typeof value === "string"
      ? Buffer.from(`${name}: ${value}\r\n`)
      : Buffer.concat([Buffer.from(`${name}: `), value, Buffer.from("\r\n")])
  )
  return Buffer.concat([Buffer.from(start), ...parts, Buffer.from(`${extra}\r\n`)])
}

/** `extra`: further lines, each with its end. Text, which is cheaper, where all values are text. */
export const encode = (headers: Headers.Headers, extra: string): string | Uint8Array => {
  const text = lines(headers)
  return text === undefined ? bytesOf(headers, extra) : `${text}${extra}\r\n`
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

/** A record's headers and key. */
export const decodeRecord = (
  block: Uint8Array
): { readonly headers: Headers.Headers; readonly key: string | undefined } => {
  const headers = decode(block)
  let key: string | undefined
  let own = -1
  for (let i = 0; i < headers.length; i++) {
    const [name, value] = headers[i]!
    if (typeof value !== "string") continue
    if (name === keyHeader) {
      key = value
      own = i
      break
    }
    if (key === undefined && name.toLowerCase() === "x-aggregate-id") key = value
  }
  return { headers: own < 0 ? headers : headers.toSpliced(own, 1), key }
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

/** A message's own headers, without what NATS adds (`Nats-*`). Bytes that are not UTF-8 stay bytes. */
export const decode = (block: Uint8Array): Headers.Headers => {
  const headers: Array<readonly [string, string | Uint8Array]> = []
  let from = block.indexOf(carriageReturn) + 2
  for (let end = block.indexOf(carriageReturn, from); end > from; end = block.indexOf(carriageReturn, from)) {
    const separator = block.indexOf(colon, from)
    if (separator > from && separator < end) {
      const name = Buffer.from(block.buffer, block.byteOffset + from, separator - from).toString("latin1")
      let first = separator + 1
      while (first < end && block[first] === space) first++
      let last = end
      while (last > first && block[last - 1] === space) last--
      if (!/^nats-/i.test(name)) headers.push([name, valueOf(block.subarray(first, last))])
    }
    from = end + 2
  }
  return headers
}

/** The value of one header that NATS adds, or `undefined`. */
export const find = (block: Uint8Array, name: string): string | undefined => {
  const text = Buffer.from(block.buffer, block.byteOffset, block.length).toString("latin1")
  const at = text.indexOf(`\r\n${name}: `)
  return at < 0 ? undefined : text.slice(at + name.length + 4, text.indexOf("\r\n", at + 2)).trim()
}

/** The status of a message that is none: `503` in `NATS/1.0 503`. 0 where there is none. */
export const statusOf = (block: Uint8Array): { readonly code: number; readonly description: string } => {
  const end = block.indexOf(carriageReturn)
  const line = Buffer.from(block.buffer, block.byteOffset, Math.max(0, end)).toString("latin1")
  const code = Number.parseInt(line.slice(9, 12), 10)
  return { code: Number.isNaN(code) ? 0 : code, description: line.slice(12).trim() }
}
