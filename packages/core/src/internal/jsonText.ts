/**
 * What JSON text may look like before it is trusted.
 */
import type * as PublishError from "../PublishError.ts"
import { issue, type Path } from "./issues.ts"

/** Deepest nesting of objects and arrays in a payload. */
export const maxDepth = 64

const hasMoreThan = (text: string, bracket: string, limit: number): number => {
  let count = 0
  for (let i = text.indexOf(bracket); i !== -1 && count <= limit; i = text.indexOf(bracket, i + 1)) count++
  return count
}

/** Whether objects and arrays nest deeper than `limit`. Linear in the text, which need not be valid, and flat on the stack. */
export const isDeeperThan = (text: string, limit: number): boolean => {
  // Most bodies have few brackets altogether, and counting those is left to the engine.
  const objects = hasMoreThan(text, "{", limit)
  if (objects + hasMoreThan(text, "[", limit - objects) <= limit) return false
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(text, i)
        break
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > limit) return true
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
        break
    }
  }
  return false
}

const endOfString = (text: string, start: number): number => {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x5c) i++ // \
    else if (code === 0x22) return i
  }
  return text.length
}

/** False where no key of the text can be `__proto__`; an escape may hide one of its letters. */
export const mayHaveProto = (text: string): boolean => text.includes("__proto__") || text.includes("\\u00")

const protoKey = "__proto__"

/** Where a JSON value has a key `__proto__`. Its depth is bounded by {@link isDeeperThan}. */
export const findProto = (value: unknown, path: Path = []): PublishError.Issue | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = findProto(value[i], [...path, i])
      if (found !== undefined) return found
    }
    return undefined
  }
  for (const [key, member] of Object.entries(value)) {
    const found = key === protoKey ? protoIssue([...path, key]) : findProto(member, [...path, key])
    if (found !== undefined) return found
  }
  return undefined
}

const protoIssue = (path: Path): PublishError.Issue => issue(path, "must not have a key __proto__")

/**
 * What no payload may have, whatever its schema says: a key `__proto__` (a schema drops it silently, or keeps it), or
 * nesting beyond {@link maxDepth}, which includes cycles.
 */
export const payloadProblem = (payload: unknown): PublishError.Issue | undefined =>
  typeof payload === "object" && payload !== null ? scan(payload, 1) : undefined

const scan = (value: object, depth: number): PublishError.Issue | undefined => {
  if (depth > maxDepth) return issue([], `must not nest deeper than ${maxDepth}`)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const member: unknown = value[i]
      if (typeof member === "object" && member !== null) {
        const found = scan(member, depth + 1)
        if (found !== undefined) return below(i, found)
      }
    }
    return undefined
  }
  if (ArrayBuffer.isView(value)) return undefined
  const keys = Object.keys(value)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    if (key === protoKey) return protoIssue([key])
    const member: unknown = Reflect.get(value, key)
    if (typeof member === "object" && member !== null) {
      const found = scan(member, depth + 1)
      if (found !== undefined) return below(key, found)
    }
  }
  return undefined
}

// A path of 64 segments helps nobody, but a short one does: it is built on the way back.
const below = (segment: string | number, found: PublishError.Issue): PublishError.Issue => ({
  path: [segment, ...found.path],
  message: found.message
})
