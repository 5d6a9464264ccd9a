/**
 * What was done with a dead letter, as a record behind it in its own topic: a log is only added to, and whoever reads it
 * sees both. A mark names its dead letter by the position in this topic.
 */
import * as Headers from "../../Headers.ts"
import type { RawRecord } from "../rawPublisher.ts"
import { v5 } from "../uuid.ts"

export interface Mark {
  readonly kind: "replayed" | "discarded"
  /** Id of the dead letter. */
  readonly of: string
  /** Where a replay went. */
  readonly to: string
  /** Number of a replay. */
  readonly number: number
  readonly at: Date
}

const names = {
  kind: "X-DeadLetter-Mark",
  of: "X-DeadLetter-Of",
  to: "X-DeadLetter-To",
  number: "X-DeadLetter-Number",
  at: "X-DeadLetter-At"
} as const

/** The id of a dead letter: its position in its own topic. */
export const idOf = (partition: number, offset: bigint): string => `${partition}-${offset}`

export const toRecord = (topic: string, key: string, mark: Mark): RawRecord => ({
  eventId: v5(JSON.stringify(["dead letter mark", topic, mark.kind, mark.of, mark.number])),
  key,
  headers: [
    [names.kind, mark.kind],
    [names.of, mark.of],
    [names.to, mark.to],
    [names.number, String(mark.number)],
    [names.at, mark.at.toISOString()]
  ],
  body: new Uint8Array()
})

/** `undefined` where the record is not a mark. */
export const parse = (headers: Headers.Headers): Mark | undefined => {
  const kind = Headers.get(headers, names.kind)
  const of = Headers.get(headers, names.of)
  if (of === undefined || (kind !== "replayed" && kind !== "discarded")) return undefined
  return {
    kind,
    of,
    to: Headers.get(headers, names.to) ?? "",
    number: Number(Headers.get(headers, names.number) ?? 0),
    at: new Date(Headers.get(headers, names.at) ?? 0)
  }
}
