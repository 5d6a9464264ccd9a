/**
 * UUIDs of RFC 9562: version 7 (by time, rising) and version 5 (from a name).
 */
import type { Clock } from "effect"
import { sha1 } from "./sha1.ts"
import { encodeUtf8 } from "./text.ts"

const hex: ReadonlyArray<string> = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

const byte = (word: number, shift: number): string => hex[(word >>> shift) & 0xff]!

const word8 = (word: number): string => byte(word, 24) + byte(word, 16) + byte(word, 8) + byte(word, 0)

const format = (a: number, b: number, c: number, d: number): string =>
  `${word8(a)}-${byte(b, 24)}${byte(b, 16)}-${byte(b, 8)}${byte(b, 0)}-${byte(c, 24)}${byte(c, 16)}-${byte(c, 8)}${
    byte(c, 0)
  }${word8(d)}`

const maxTimestamp = 2 ** 48 - 1

/**
 * A source of version 7 ids that rise strictly, as text too, within a millisecond and when the clock stands still or
 * goes back: a counter of 42 bits, started anew at random in each millisecond, then 32 random bits (RFC 9562, 6.2,
 * method 1).
 */
export const makeV7 = (): (millis: number, randomWord: () => number) => string => {
  let last = -1
  let high = 0 // 12 bits of the counter
  let low = 0 // 30 bits of the counter
  return (millis, randomWord) => {
    const now = Math.min(Math.max(0, Math.trunc(millis)), maxTimestamp)
    if (now > last) {
      last = now
      high = randomWord() & 0x7ff // the top bit is clear, so that there is room to count up
      low = randomWord() & 0x3fffffff
    } else if (++low > 0x3fffffff) {
      low = 0
      if (++high > 0xfff) {
        high = 0
        last = Math.min(last + 1, maxTimestamp)
      }
    }
    return format(
      Math.floor(last / 0x10000),
      ((last % 0x10000) * 0x10000 + 0x7000 + high) >>> 0,
      (0x80000000 + low) >>> 0,
      randomWord() >>> 0
    )
  }
}

const sources = new WeakMap<Clock.Clock, ReturnType<typeof makeV7>>()

/** A version 7 id, rising within each clock: a test's clock neither follows nor holds back the system's. */
export const v7 = (clock: Clock.Clock, randomWord: () => number): string => {
  let source = sources.get(clock)
  if (source === undefined) {
    source = makeV7()
    sources.set(clock, source)
  }
  return source(clock.currentTimeMillisUnsafe(), randomWord)
}

// Version 5 of the name "urn:effect-eventbus:derived-id" in the namespace of URLs.
const namespace = new Uint8Array([
  0xd1,
  0x61,
  0x41,
  0x67,
  0xbb,
  0xbf,
  0x55,
  0x10,
  0x8c,
  0x55,
  0xc0,
  0xaa,
  0x41,
  0xf9,
  0x2c,
  0x99
])

/** The version 5 id of a name, in this library's namespace. */
export const v5 = (name: string): string => {
  const bytes = encodeUtf8(name)
  const input = new Uint8Array(namespace.length + bytes.length)
  input.set(namespace)
  input.set(bytes, namespace.length)
  const [a, b, c, d] = sha1(input)
  return format(a, ((b & 0xffff0fff) | 0x5000) >>> 0, ((c & 0x3fffffff) | 0x80000000) >>> 0, d)
}
