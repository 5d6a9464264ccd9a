/**
 * Text on its way into headers and bytes.
 */

/** Longest id, in bytes of UTF-8. */
export const maxIdBytes = 256

type BufferLike = Uint8Array & {
  toString(encoding: "utf8"): string
  /** Tells a Buffer from its supertype. */
  readonly parent: ArrayBufferLike
}

interface BufferConstructorLike {
  from(text: string, encoding: "utf8"): BufferLike
  from(buffer: ArrayBufferLike, byteOffset: number, length: number): BufferLike
  byteLength(text: string, encoding: "utf8"): number
  isBuffer(u: unknown): u is BufferLike
}

const isBufferConstructor = (u: unknown): u is BufferConstructorLike =>
  typeof u === "function" && "from" in u && "byteLength" in u && "isBuffer" in u

const globalBuffer: unknown = Reflect.get(globalThis, "Buffer")
const Buffer: BufferConstructorLike | undefined = isBufferConstructor(globalBuffer) ? globalBuffer : undefined

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Three times as fast with Node's Buffer as with a TextEncoder. */
export const encodeUtf8: (text: string) => Uint8Array = Buffer === undefined
  ? (text) => encoder.encode(text)
  : (text) => Buffer.from(text, "utf8")

/** Length in UTF-8 of well-formed text. */
export const utf8Length: (text: string) => number = Buffer === undefined
  ? (text) => encoder.encode(text).length
  : (text) => Buffer.byteLength(text, "utf8")

const decodeStrict = (bytes: Uint8Array): string | undefined => {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** `undefined` where the bytes are not valid UTF-8. A byte order mark stays in the text. */
export const decodeUtf8: (bytes: Uint8Array) => string | undefined = Buffer === undefined
  ? decodeStrict
  : (bytes) => {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const text = buffer.toString("utf8")
    // What is invalid becomes U+FFFD, which valid text may hold too: only then the slow, strict decoder has to say.
    return text.includes("\uFFFD") ? decodeStrict(bytes) : text
  }

/** C0, DEL and C1. */
export const hasControlCharacter = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true
  }
  return false
}

/** What is wrong with `value` as an event id, trace id, correlation id, causation id or event type. */
export const idProblem = (value: unknown): string | undefined => {
  if (typeof value !== "string") return "must be a string"
  const length = value.length
  if (length === 0) return "must not be empty"
  if (length > maxIdBytes) return `must have at most ${maxIdBytes} bytes`
  let blank = true
  let ascii = true
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i)
    if (code > 0x20 && code < 0x7f) blank = false
    else if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return "must not contain control characters"
    else if (code !== 0x20) ascii = false
  }
  if (ascii) return blank ? "must not be blank" : undefined
  if (!value.isWellFormed()) return "must not contain lone surrogates"
  if (utf8Length(value) > maxIdBytes) return `must have at most ${maxIdBytes} bytes`
  return value.trim() === "" ? "must not be blank" : undefined
}

/** Printable ASCII that does not begin with a space: nearly every id there is. One pass of compiled code. */
const plainId = /^[!-~][ -~]{0,255}$/

export const isId = (value: unknown): value is string =>
  typeof value === "string" && (plainId.test(value) || idProblem(value) === undefined)

const allowedIn = (characters: string): Uint8Array => {
  const table = new Uint8Array(128)
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)] = 1
  return table
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/** `[A-Za-z0-9:_./-]` */
const aggregateIdCharacters = allowedIn(`${alphanumeric}:_./-`)

/** `[A-Za-z0-9_.-]` */
const tokenCharacters = allowedIn(`${alphanumeric}_.-`)

const consistsOf = (text: string, table: Uint8Array): boolean => {
  for (let i = 0; i < text.length; i++) {
    if (table[text.charCodeAt(i)] !== 1) return false
  }
  return true
}

/** What is wrong with `value` as an aggregate id: at most 256 bytes of `[A-Za-z0-9:_./-]`. */
export const aggregateIdProblem = (value: unknown): string | undefined => {
  if (typeof value !== "string") return "must be a string"
  if (value.length > 0 && value.length <= maxIdBytes && consistsOf(value, aggregateIdCharacters)) return undefined
  if (value.trim() === "") return "must not be empty"
  if (utf8Length(value) > maxIdBytes) return `must have at most ${maxIdBytes} bytes`
  return "must consist of [A-Za-z0-9:_./-]"
}

const plainAggregateId = /^[A-Za-z0-9:_./-]{1,256}$/

export const isAggregateId = (value: unknown): value is string =>
  typeof value === "string" && plainAggregateId.test(value)

/** `[A-Za-z0-9_.-]+` */
export const isToken = (text: string): boolean => text.length > 0 && consistsOf(text, tokenCharacters)
