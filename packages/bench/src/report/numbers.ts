/**
 * Numbers as a reader wants them.
 */
export const integer = (value: number): string => Math.round(value).toLocaleString("en-US")

/** Three digits that mean something: 153,274 is 153,000. */
export const rounded = (value: number): string => {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, Math.abs(value)))) - 2)
  return integer(Math.round(value / unit) * unit)
}

/** 1,500,000 is 1.5 M. For axes. */
export const short = (value: number): string =>
  value >= 1e6
    ? `${Number((value / 1e6).toPrecision(3))} M`
    : value >= 1000
    ? `${Number((value / 1000).toPrecision(3))} k`
    : String(Number(value.toPrecision(3)))

/** Milliseconds, or microseconds below one. */
export const duration = (millis: number): string =>
  millis >= 10_000
    ? `${(millis / 1000).toFixed(1)} s`
    : millis >= 100
    ? `${millis.toFixed(0)} ms`
    : millis >= 10
    ? `${millis.toFixed(1)} ms`
    : millis >= 1
    ? `${millis.toFixed(2)} ms`
    : `${(millis * 1000).toFixed(0)} µs`

/** A round duration, on an axis. */
export const tick = (millis: number): string =>
  millis >= 1000 ? `${millis / 1000} s` : millis >= 1 ? `${millis} ms` : `${Math.round(millis * 1000)} µs`

export const ratio = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} x`

export const percent = (share: number): string => {
  const value = share * 100
  // Never rounded up to a hundred: one lost message of a million shows.
  return value === 100 ? "100 %" : `${(Math.floor(value * 10_000) / 10_000).toString()} %`
}

export const megabytes = (value: number): string => `${value.toFixed(Math.abs(value) < 10 ? 1 : 0)} MB`
