/**
 * How text looks on a stream: colours where it is a terminal that has them and the user has not said NO_COLOR.
 */
import type { WriteStream } from "node:tty"

export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly warn: (text: string) => string
  /** Of so many columns, some of them filled. */
  readonly bar: (filled: number, empty: number) => string
  readonly tick: string
  readonly cross: string
}

const same = (text: string): string => text
const ansi = (open: number, close: number) => (text: string): string =>
  text === "" ? "" : `\x1b[${open}m${text}\x1b[${close}m`

const plain: Style = {
  bold: same,
  dim: same,
  good: same,
  bad: same,
  warn: same,
  bar: (filled, empty) => "█".repeat(filled) + "░".repeat(empty),
  tick: "✓",
  cross: "✗"
}

const coloured: Style = {
  ...plain,
  bold: ansi(1, 22),
  dim: ansi(2, 22),
  good: ansi(32, 39),
  bad: ansi(31, 39),
  warn: ansi(33, 39),
  bar: (filled, empty) => ansi(36, 39)("█".repeat(filled)) + ansi(2, 22)("░".repeat(empty))
}

const ascii: Style = {
  ...plain,
  bar: (filled, empty) => "#".repeat(filled) + ".".repeat(empty),
  tick: "ok",
  cross: "!"
}

/** What is asked of a stream. */
export type Output = Pick<WriteStream, "isTTY" | "hasColors" | "columns">

/** For what is written to this stream. */
export const styleOf = (stream: Partial<Output>, env: NodeJS.ProcessEnv = process.env): Style => {
  if (env.TERM === "dumb") return ascii
  const wanted = stream.isTTY === true && (env.NO_COLOR ?? "") === "" && stream.hasColors?.(env) === true
  return wanted ? coloured : plain
}

export const integer = (value: number): string => Math.round(value).toLocaleString("en-US")

/** Three digits that matter. */
export const millis = (value: number): string =>
  value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ms`

/** To a number of columns, with an ellipsis where something is missing. */
export const fit = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`
