/**
 * Headers between the bus and Kafka's bytes.
 */
import type { Headers, Value } from "@effect-eventbus/core/Headers"
import { isUtf8 } from "node:buffer"

/** The bytes as a `Buffer`, without a copy. */
export const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

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
