/**
 * What JetStream answers to a publish. Pure.
 */
import { type ApiError, parseApiError } from "./classify.ts"
import type { Message } from "./client.ts"
import { statusOf } from "./headers.ts"

export type PubAck =
  /** Stored, or already there. `count`: of a batch, how many of it. */
  | { readonly _tag: "Ack"; readonly sequence: number; readonly duplicate: boolean; readonly count: number | undefined }
  /** Cumulative: everything up to the `sequence`-th of the batch is stored; the next comes `every` messages later. */
  | { readonly _tag: "Flow"; readonly sequence: number; readonly every: number }
  | { readonly _tag: "Gap"; readonly expected: number; readonly sequence: number }
  | { readonly _tag: "FlowError"; readonly sequence: number; readonly error: ApiError }
  | { readonly _tag: "Error"; readonly error: ApiError }
  /** No stream took it. */
  | { readonly _tag: "NoResponders" }
  | { readonly _tag: "Unreadable"; readonly text: string }

const number = (value: unknown): number => typeof value === "number" ? value : 0

const field = (value: object, name: string): unknown =>
  Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined

const parse = (text: string): PubAck => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { _tag: "Unreadable", text }
  }
  if (typeof value !== "object" || value === null) return { _tag: "Unreadable", text }
  const error = parseApiError(field(value, "error"))
  switch (field(value, "type")) {
    case "ack":
      return { _tag: "Flow", sequence: number(field(value, "seq")), every: number(field(value, "msgs")) }
    case "gap":
      return { _tag: "Gap", expected: number(field(value, "last_seq")), sequence: number(field(value, "seq")) }
    case "err":
      return error === undefined
        ? { _tag: "Unreadable", text }
        : { _tag: "FlowError", sequence: number(field(value, "seq")), error }
    default:
  }
  if (error !== undefined) return { _tag: "Error", error }
  if (typeof field(value, "stream") !== "string") return { _tag: "Unreadable", text }
  const count = field(value, "count")
  return {
    _tag: "Ack",
    sequence: number(field(value, "seq")),
    duplicate: field(value, "duplicate") === true,
    count: typeof count === "number" ? count : undefined
  }
}

/** Reads an answer. */
export const read = ({ data, header }: Pick<Message, "data" | "header">): PubAck => {
  if (data.length === 0) {
    return header !== undefined && statusOf(header).code === 503
      ? { _tag: "NoResponders" }
      : { _tag: "Unreadable", text: "" }
  }
  return parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString("utf8"))
}

const plain = /^(\{"stream":"[^"\\]*","seq":)\d+\}$/
const zero = 0x30
const brace = 0x7d

/**
 * Recognises the acknowledgement that a stream gives nearly always, `{"stream":"orders","seq":17}`, by its bytes: most of
 * what an acknowledgement costs is to read it as JSON. One of a stream has been read as JSON before.
 */
export class Plain {
  #prefix: Uint8Array = new Uint8Array(0)

  /** The sequence, or `undefined` where the answer says anything else. */
  sequence({ data }: Pick<Message, "data">): number | undefined {
    const prefix = this.#prefix
    const { length } = prefix
    const last = data.length - 1
    if (length === 0 || last <= length || data[last] !== brace) return undefined
    for (let i = 0; i < length; i++) if (data[i] !== prefix[i]) return undefined
    let sequence = 0
    for (let i = length; i < last; i++) {
      const digit = data[i]! - zero
      if (digit < 0 || digit > 9) return undefined
      sequence = sequence * 10 + digit
    }
    return Number.isSafeInteger(sequence) ? sequence : undefined
  }

  /** An acknowledgement that was read as JSON. */
  learn({ data }: Pick<Message, "data">): void {
    const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString("latin1")
    const prefix = plain.exec(text)?.[1]
    if (prefix !== undefined) this.#prefix = Buffer.from(prefix, "latin1")
  }
}
