/**
 * Bytes to a JSON value that may be trusted as far as its shape goes, and the same check on what is written.
 */
import type * as PublishError from "../PublishError.ts"
import { Invalid, issue } from "./issues.ts"
import * as JsonParse from "./jsonParse.ts"
import { findProto, isDeeperThan, maxDepth, mayHaveProto } from "./jsonText.ts"
import { decodeUtf8 } from "./text.ts"

const refused = (message: string): Invalid => new Invalid([issue([], message)])

/** The value, or what is wrong. The messages say nothing of what is in the bytes. */
export const readBody = (body: Uint8Array, depth: number): unknown => {
  if (body.length === 0) return refused("the body is empty")
  const text = decodeUtf8(body)
  if (text === undefined) return refused("the body is not valid UTF-8")
  if (isDeeperThan(text, depth)) return refused(`the body nests deeper than ${depth} levels`)
  let value: unknown
  try {
    value = JsonParse.parse(text)
  } catch {
    return refused("the body is not valid JSON")
  }
  const proto = mayHaveProto(text) ? findProto(value) : undefined
  return proto === undefined ? value : new Invalid([proto])
}

const path = ["payload"]

/** What is wrong with a payload that its schema has let through; its depth may have grown on the way to JSON. */
export const writtenProblem = (text: string | undefined, value: unknown): PublishError.Issue | undefined =>
  text === undefined
    ? issue(path, "has no JSON form")
    : isDeeperThan(text, maxDepth)
    ? issue(path, `must not nest deeper than ${maxDepth} levels`)
    : mayHaveProto(text)
    ? findProto(value, path)
    : undefined
