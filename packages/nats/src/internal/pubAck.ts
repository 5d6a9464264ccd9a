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
