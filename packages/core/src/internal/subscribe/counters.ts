import type * as Subscription from "../../Subscription.ts"

/** What a subscription has done since it began. */
export type Counters = { -readonly [K in keyof Subscription.Counters]: number }

export const make = (): Counters => ({
  received: 0,
  handled: 0,
  failed: 0,
  retried: 0,
  timedOut: 0,
  deadLettered: 0,
  deadLetterFailures: 0,
  dropped: 0,
  duplicates: 0,
  undecodable: 0,
  unknown: 0,
  fenced: 0
})
