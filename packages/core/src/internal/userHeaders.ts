/**
 * The headers that an application adds to its envelopes, among those that a wire format writes itself.
 */
import * as Headers from "../Headers.ts"
import type * as PublishError from "../PublishError.ts"
import { isRecord } from "./isRecord.ts"
import { issue } from "./issues.ts"
import { utf8Length } from "./text.ts"

const noIssues: ReadonlyArray<PublishError.Issue> = []

/** What is wrong with the headers of an envelope. */
export const issues = (u: unknown): ReadonlyArray<PublishError.Issue> => {
  if (!isRecord(u)) return [issue(["headers"], "must be an object of strings")]
  const prototype: unknown = Object.getPrototypeOf(u)
  if (prototype !== Object.prototype && prototype !== null) return [issue(["headers"], "must be a plain object")]
  const names = Object.keys(u)
  if (names.length > Headers.maxUserHeaders) return [issue(["headers"], `must be at most ${Headers.maxUserHeaders}`)]
  let out: Array<PublishError.Issue> | undefined
  let bytes = 0
  const seen = new Set<string>()
  for (const name of names) {
    const value = u[name]
    const lower = name.toLowerCase()
    const problem = Headers.nameProblem(name) ?? Headers.valueProblem(value)
      ?? (seen.has(lower) ? "the name differs from another one in case alone" : undefined)
    seen.add(lower)
    if (problem !== undefined) (out ??= []).push(issue(["headers", name], problem))
    if (typeof value === "string") bytes += Headers.sizeOf(name, value)
  }
  if (bytes > Headers.maxUserHeaderBytes) {
    ;(out ??= []).push(issue(["headers"], `must have at most ${Headers.maxUserHeaderBytes} bytes`))
  }
  return out ?? noIssues
}

const usable = new Map<string, boolean>()

// Names come from outside, so that the table of them must not grow without an end.
const maxNames = 1024

const isUsable = (name: string): boolean => {
  const known = usable.get(name)
  if (known !== undefined) return known
  const answer = Headers.nameProblem(name) === undefined
  if (usable.size < maxNames) usable.set(name, answer)
  return answer
}

/**
 * The headers of a record that an application could have written; the last value of each. What breaks a rule of theirs
 * is left out, and so is what goes beyond their limits: the record keeps all of it.
 */
export const fromHeaders = (headers: Headers.Headers): { [name: string]: string } | undefined => {
  let out: { [name: string]: string } | undefined
  let byLower: Map<string, string> | undefined
  let bytes = 0
  for (let i = 0; i < headers.length; i++) {
    const [name, value] = headers[i]!
    if (!isUsable(name) || typeof value !== "string" || Headers.valueProblem(value) !== undefined) continue
    out ??= {}
    byLower ??= new Map()
    const lower = name.toLowerCase()
    const before = byLower.get(lower)
    if (before !== undefined) delete out[before]
    else if (byLower.size === Headers.maxUserHeaders) break
    bytes += Headers.sizeOf(name, value)
    if (bytes > Headers.maxUserHeaderBytes) break
    byLower.set(lower, name)
    out[name] = value
  }
  return out
}

type Pairs = Array<readonly [string, string]>

/** Puts one header in its place, and tells its size. Its name is ASCII, and maybe its value is known to be. */
export const put = (out: Pairs, at: number, pair: Pairs[number], ascii: boolean): number => {
  out[at] = pair
  return pair[0].length + (ascii ? pair[1].length : utf8Length(pair[1]))
}

/** Appends one header, and tells its size. Its name is ASCII. */
export const append = (out: Pairs, name: string, value: string): number => {
  out.push([name, value])
  return name.length + utf8Length(value)
}

/** Appends the headers of a valid envelope, and tells their size. */
export const appendAll = (out: Pairs, headers: { readonly [name: string]: unknown }): number => {
  let bytes = 0
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (typeof value === "string") bytes += append(out, name, value)
  }
  return bytes
}
