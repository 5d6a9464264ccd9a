/**
 * Headers between the bus and Kafka's bytes.
 */
import type { Headers, Value } from "@effect-eventbus/core/Headers"
import { isUtf8 } from "node:buffer"

/** Names are few and repeat for ever; whoever makes them up gets no more than this kept. */
const maxNames = 1024
const names = new Map<string, Buffer>()

const nameBytes = (name: string): Buffer => {
  const known = names.get(name)
  if (known !== undefined) return known
  const bytes = Buffer.from(name)
  if (names.size < maxNames) names.set(name, bytes)
  return bytes
}

/** The bytes as a `Buffer`, without a copy. */
export const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * As the client takes them. Its map compares names by identity, so a name that occurs again is another object with the
 * same bytes.
 */
export const encode = (headers: Headers): Map<Buffer, Buffer> => {
  const out = new Map<Buffer, Buffer>()
  for (let i = 0; i < headers.length; i++) {
    const [name, value] = headers[i]!
    const bytes = nameBytes(name)
    out.set(
      out.has(bytes) ? Buffer.from(bytes) : bytes,
      typeof value === "string" ? Buffer.from(value) : toBuffer(value)
    )
  }
  return out
}

const valueOf = (bytes: Buffer | null): Value => bytes === null ? "" : isUtf8(bytes) ? bytes.toString() : bytes

/** What came in. A value that is no text stays bytes; one that is null becomes empty text. */
export const decode = (entries: ReadonlyArray<readonly [Buffer | null, Buffer | null]>): Headers => {
  const out: Array<readonly [string, Value]> = []
  for (let i = 0; i < entries.length; i++) {
    const [name, value] = entries[i]!
    out.push([name === null ? "" : name.toString(), valueOf(value)])
  }
  return out
}
