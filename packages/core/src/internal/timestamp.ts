/**
 * Timestamps of RFC 3339, as every language writes them: any offset, any number of fractional digits.
 */

/** 0000-01-01T00:00:00Z */
export const minMillis = -62_167_219_200_000

/** 9999-12-31T23:59:59.999Z: what RFC 3339 can write. */
export const maxMillis = 253_402_300_799_999

/** What is wrong with `value` as an envelope's timestamp. */
export const timestampProblem = (value: unknown): string | undefined => {
  if (!(value instanceof Date)) return "must be a Date"
  const millis = value.getTime()
  if (Number.isNaN(millis)) return "must be a valid Date"
  return millis < minMillis || millis > maxMillis ? "must be in the years 0000 to 9999" : undefined
}

export const isTimestamp = (value: unknown): value is Date => timestampProblem(value) === undefined

const digits = (text: string, from: number, count: number): number => {
  let n = 0
  for (let i = from; i < from + count; i++) {
    const digit = text.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    n = n * 10 + digit
  }
  return n
}

const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

const daysIn = (year: number, month: number): number => month === 2 && isLeap(year) ? 29 : monthLengths[month - 1] ?? 0

/** Days since 1970-01-01 in the proleptic Gregorian calendar. */
const daysSinceEpoch = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

const longest = 64

const isOneOf = (code: number, a: number, b: number): boolean => code === a || code === b

/**
 * Milliseconds since 1970, or `NaN`. Digits behind the milliseconds are cut off. A leap second counts as the first
 * second of the next minute.
 */
export const parse = (text: string): number => {
  const length = text.length
  if (length < 20 || length > longest) return Number.NaN
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return Number.NaN
  if (!isOneOf(text.charCodeAt(10), 84, 116)) return Number.NaN // T t
  if (text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return Number.NaN
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  const second = digits(text, 17, 2)
  if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return Number.NaN
  if (!(hour <= 23 && minute <= 59 && second <= 60)) return Number.NaN
  let i = 19
  let millis = 0
  if (text.charCodeAt(i) === 46) { // .
    const start = ++i
    let scale = 100
    for (; i < length; i++) {
      const digit = text.charCodeAt(i) - 48
      if (!(digit >= 0 && digit <= 9)) break
      millis += digit * scale
      scale = scale >= 10 ? scale / 10 : 0
    }
    if (i === start) return Number.NaN
  }
  let offset = 0
  const sign = text.charCodeAt(i)
  if (isOneOf(sign, 90, 122)) { // Z z
    if (i + 1 !== length) return Number.NaN
  } else if (isOneOf(sign, 43, 45)) { // + -
    if (i + 6 !== length || text.charCodeAt(i + 3) !== 58) return Number.NaN
    const offsetHour = digits(text, i + 1, 2)
    const offsetMinute = digits(text, i + 4, 2)
    if (!(offsetHour <= 23 && offsetMinute <= 59)) return Number.NaN
    offset = (sign === 43 ? 1 : -1) * (offsetHour * 60 + offsetMinute)
  } else {
    return Number.NaN
  }
  const total = ((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1000 +
    millis
  return total >= minMillis && total <= maxMillis ? total : Number.NaN
}

/** What is wrong with `value` as the text of a timestamp. */
export const textProblem = (value: unknown): string | undefined =>
  typeof value === "string" && !Number.isNaN(parse(value)) ? undefined : "must be a timestamp of RFC 3339"

let lastSecond = Number.NaN
let lastPrefix = ""

/** As `toISOString`, but most timestamps are in the same second as the one before. */
export const format = (millis: number): string => {
  const second = Math.floor(millis / 1000)
  if (second !== lastSecond) {
    lastSecond = second
    lastPrefix = new Date(second * 1000).toISOString().slice(0, -4)
  }
  const fraction = millis - second * 1000
  return `${lastPrefix}${fraction < 10 ? "00" : fraction < 100 ? "0" : ""}${fraction}Z`
}
