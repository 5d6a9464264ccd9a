/**
 * `JSON.parse`, right in spite of V8.
 *
 * From Node 24 on V8 may read a key with an escape (`"gr\u00f6ße"`, `"\n"`) as another key, one that ends in `\` and that
 * some object before had in that place: https://github.com/nodejs/node/issues/63785. Whoever can publish to a topic could
 * so corrupt what others publish. Texts with an escape in a key are rare, and read here.
 */

const quote = 0x22
const backslash = 0x5c

/** Index of the quote that ends the string which begins at `start`. */
const endOfString = (text: string, start: number): number => {
  let i = start + 1
  while (i < text.length) {
    const code = text.charCodeAt(i)
    if (code === quote) return i
    i += code === backslash ? 2 : 1
  }
  return text.length
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

const skipSpace = (text: string, start: number): number => {
  let i = start
  while (isSpace(text.charCodeAt(i))) i++
  return i
}

const hasEscapedKey = (text: string): boolean => {
  let escape = text.indexOf("\\")
  for (let start = text.indexOf("\""); escape !== -1; start = text.indexOf("\"", start)) {
    const end = endOfString(text, start)
    if (escape < end) {
      if (text.charAt(skipSpace(text, end + 1)) === ":") return true
      escape = text.indexOf("\\", end)
    }
    start = end + 1
  }
  return false
}

/** Throws for what is not JSON. The text must not nest deeper than the stack is. */
export const parse = (text: string): unknown => {
  const value: unknown = JSON.parse(text)
  return hasEscapedKey(text) ? new Reader(text).value() : value
}

/** Reads text that is known to be JSON. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): unknown {
    switch (this.#peek()) {
      case "{":
        return this.#object()
      case "[":
        return this.#array()
      case "\"":
        return this.#string()
      default:
        return this.#scalar()
    }
  }

  /** The next character that is no white space. */
  #peek(): string {
    this.#at = skipSpace(this.#text, this.#at)
    return this.#text.charAt(this.#at)
  }

  /** The same, and it is taken. */
  #next(): string {
    const char = this.#peek()
    this.#at++
    return char
  }

  /** Whether the object or array that begins here is empty; if so it is taken. */
  #isEmpty(close: string): boolean {
    this.#next()
    if (this.#peek() !== close) return false
    this.#next()
    return true
  }

  #object(): object {
    const out = {}
    if (this.#isEmpty("}")) return out
    do {
      this.#peek()
      const key = this.#string()
      this.#next() // the colon
      // Not an assignment: `__proto__` is a key like any other here.
      Object.defineProperty(out, key, { value: this.value(), writable: true, enumerable: true, configurable: true })
    } while (this.#next() === ",")
    return out
  }

  #array(): ReadonlyArray<unknown> {
    const out: Array<unknown> = []
    if (this.#isEmpty("]")) return out
    do {
      out.push(this.value())
    } while (this.#next() === ",")
    return out
  }

  /** A string alone is not affected. */
  #string(): string {
    const start = this.#at
    this.#at = endOfString(this.#text, start) + 1
    return String(JSON.parse(this.#text.slice(start, this.#at)))
  }

  #scalar(): unknown {
    const start = this.#at
    while (!/^[,\]}\s]?$/.test(this.#text.charAt(this.#at))) this.#at++
    return JSON.parse(this.#text.slice(start, this.#at))
  }
}
