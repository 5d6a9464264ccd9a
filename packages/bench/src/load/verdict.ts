/**
 * Whether the figures of a round may be shown at all.
 */
import type { Seen } from "./tally.ts"

export interface Outcome {
  readonly published: number
  readonly acked: number
  readonly failed: number
  readonly unknown: number
  /** What the broker was found to hold. */
  readonly stored: Seen
  /** What came to the handlers; `undefined` where nobody subscribed. */
  readonly handled: Seen | undefined
}

const problemsIn = (where: string, published: number, seen: Seen): ReadonlyArray<string> =>
  [
    seen.gaps > 0 ? `${where}: ${seen.gaps} of ${published} missing` : "",
    seen.orderViolations > 0 ? `${where}: ${seen.orderViolations} out of order` : "",
    seen.duplicates > 0 ? `${where}: ${seen.duplicates} twice` : "",
    seen.strangers > 0 ? `${where}: ${seen.strangers} that nobody published` : ""
  ].filter((text) => text !== "")

/** What is wrong with a round, or `undefined`. A round with anything wrong gives no figure. */
export const problemOf = ({ acked, failed, handled, published, stored, unknown }: Outcome): string | undefined => {
  const problems = [
    ...(acked === published ? [] : [
      `${acked} of ${published} acknowledged (${failed} rejected, ${unknown} unknown)`
    ]),
    ...problemsIn("in the broker", published, stored),
    ...(handled === undefined ? [] : problemsIn("at the handlers", published, handled))
  ]
  return problems.length === 0 ? undefined : problems.join("; ")
}
