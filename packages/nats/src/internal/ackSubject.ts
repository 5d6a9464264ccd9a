/**
 * What the reply subject of a delivered message says of it. Pure.
 *
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, since 2.11 on request with
 * `<domain>.<account>.` before the stream and a token at the end.
 */

export interface Delivered {
  readonly attempt: number
  readonly sequence: number
  /** When it was stored, in milliseconds since 1970. */
  readonly timestamp: number
}

/** Where tokens begin, of the last subject: made once, because this is done for each delivery. */
const starts = new Int32Array(16)

const prefix = Buffer.from("$JS.ACK.")
const zero = 0x30
const dot = 0x2e

/** The number that stands in so many characters from `from` on; `NaN` where it is none. */
const numberAt = (text: Uint8Array, from: number, end: number): number => {
  if (end <= from) return Number.NaN
  let number = 0
  for (let i = from; i < end; i++) {
    const digit = text[i]! - zero
    if (digit < 0 || digit > 9) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

export const parse = (reply: Uint8Array): Delivered | undefined => {
  for (let i = 0; i < prefix.length; i++) if (reply[i] !== prefix[i]) return undefined
  let count = 1
  starts[0] = 0
  for (let i = 0; i < reply.length && count < starts.length; i++) if (reply[i] === dot) starts[count++] = i + 1
  const base = count >= 11 ? 6 : 4
  if (count < base + 5) return undefined
  const token = (index: number): number => numberAt(reply, starts[index]!, starts[index + 1]! - 1)
  const attempt = token(base)
  const sequence = token(base + 1)
  if (Number.isNaN(attempt) || Number.isNaN(sequence)) return undefined
  // In nanoseconds, which are more than a number holds exactly.
  const time = numberAt(reply, starts[base + 3]!, starts[base + 4]! - 7)
  return { attempt, sequence, timestamp: Number.isNaN(time) ? 0 : time }
}
