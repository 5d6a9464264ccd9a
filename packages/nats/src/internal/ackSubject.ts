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

export const parse = (reply: string): Delivered | undefined => {
  const tokens = reply.split(".")
  const base = tokens.length >= 11 ? 6 : 4
  if (tokens.length < base + 5 || tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined
  const nanos = tokens[base + 3] ?? ""
  return {
    attempt: Number(tokens[base]),
    sequence: Number(tokens[base + 1]),
    timestamp: nanos.length > 6 ? Number(nanos.slice(0, -6)) : 0
  }
}
