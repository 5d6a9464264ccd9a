import { MsgHdrsImpl } from "@nats-io/nats-core/internal"
import { headers, type MsgHdrs } from "@nats-io/transport-node"
import type { Prepared } from "../prepared.ts"

/** The same id that the driver gives the message. */
export const messageId = (subject: string, { eventId }: Prepared): string => `${subject}/${eventId}`

/** Headers as the client's documentation has them: an object of its own for each message. */
export const headersOf = (record: Prepared): MsgHdrs => {
  const all = headers()
  for (const [name, value] of record.headers) all.append(name, value)
  return all
}

/** Serves bytes that were made before: what encoding them costs is then not in the figure. */
class Block extends MsgHdrsImpl {
  bytes: Uint8Array = new Uint8Array(0)
  override encode(): Uint8Array {
    return this.bytes
  }
}

export interface Encoded {
  readonly header: Uint8Array
  readonly body: Uint8Array
}

/** A record as it goes out: the same bytes that the driver sends. */
export const encoded = (subject: string, record: Prepared): Encoded => {
  const lines = record.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return {
    header: Buffer.from(`NATS/1.0\r\n${lines}Nats-Msg-Id: ${messageId(subject, record)}\r\n\r\n`),
    body: record.body
  }
}

/** One object for all of a connection's messages: the client reads it before `publish` returns. */
export const block = (): Block => new Block()
